"""What tests of networks feed and ask for."""

from __future__ import annotations

import numpy as np

SIZE = 32  # pixels
N, N_TRAIN = 60, 40


def feed(images, **more):
    """The training pictures, varied as `more` says."""
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import features

    return features.Pixels(images, np.arange(N_TRAIN), Augmentation(**more), seed=0)


def settings(views=1):
    """Small batches, and patience beyond what is trained."""
    from pneumo_utils.networks import optimisation

    return optimisation.Settings(batch_size=8, patience=50, cached_views=views)
