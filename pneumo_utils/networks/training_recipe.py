"""The recipe of a network from the parameters of a study, one for notebooks, shared-out trainings and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import models, optimisation, precision
from pneumo_utils.networks.replicates import Recipe


def of_parameters(given: Mapping[str, Any], model: str, start: Path | None) -> Recipe:
    """The recipe of `model`.

    Args:
        given: parameters of a study by name; those that make no recipe are passed over.
        model: cnn, vgg16 or resnet50.
        start: file of the weights it starts from; None: random weights.
    """
    settings, augmentation = (
        kind(**{field.name: given[field.name] for field in fields(kind)})
        for kind in (optimisation.Settings, Augmentation)
    )
    shared = given["image_size"], given["dropout"], _phases(given, model)
    computed_in = precision.choose(given["precision"])
    rate = given["cnn_learning_rate" if models.CUT_POINTS[model].frozen_to is None else "end_to_end_learning_rate"]
    return Recipe(model, start, *shared, settings, augmentation, computed_in, rate)


def _phases(given: Mapping[str, Any], model: str) -> tuple[optimisation.Phase, ...]:
    """Those that have epochs: of a backbone first on its frozen trunk, then end to end; of the small CNN the whole."""
    if models.CUT_POINTS[model].frozen_to is None:
        listed = [optimisation.Phase("end_to_end", given["cnn_epochs"], given["cnn_learning_rate"])]
    else:
        rate = given["end_to_end_learning_rate"]
        listed = [
            optimisation.Phase("head", given["head_epochs"], given["head_learning_rate"]),
            optimisation.Phase("top", given["top_epochs"], given["top_learning_rate"]),
            optimisation.Phase("progressive", given["progressive_epochs"], rate, given["progressive_size"]),
            optimisation.Phase("end_to_end", given["end_to_end_epochs"], rate, cycles=given["cycles"]),
        ]
    return tuple(phase for phase in listed if phase.epochs)
