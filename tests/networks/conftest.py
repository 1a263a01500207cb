"""Pictures so small that a second of training is enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.tiny_pictures import N_TRAIN, SIZE, N


@pytest.fixture(scope="module")
def rooms():
    """The TensorFlow rooms, imported when first needed."""
    from pneumo_utils.networks import (
        batches,
        features,
        inference,
        models,
        normalisation_statistics,
        optimisation,
        random_start,
        training,
    )  # fmt: skip

    return {
        "batches": batches,
        "features": features,
        "inference": inference,
        "optimisation": optimisation,
        "models": models,
        "normalisation_statistics": normalisation_statistics,
        "random_start": random_start,
        "training": training,
    }


@pytest.fixture(scope="module")
def images():
    """Dark noise; half of the pictures have a bright square in the upper left quarter."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 60, (N, SIZE, SIZE)).astype(np.uint8)
    pictures[::2, 4:12, 4:12] += 120
    return pictures


@pytest.fixture(scope="module")
def splits():
    label = (np.arange(N) % 2 == 0).astype(int)
    split = ["train"] * N_TRAIN + ["validation"] * 10 + ["test"] * 10
    frame = pd.DataFrame({"path": [f"{i}.jpeg" for i in range(N)], "patient": [f"p{i}" for i in range(N)]})
    return frame.assign(label=label, etiology=np.where(label, "viral", "normal"), part="train", split=split)
