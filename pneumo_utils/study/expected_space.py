"""How much disk and memory a study will take, roughly: told before it begins, and refused where the disk is too small.

Memory is fitted to what trainings of the study on real radiographs took (128 x 128 pixels, 32 at a time, bfloat16):
1.3 GB for the small CNN, 2.0 for VGG16, 4.3 for ResNet50.
"""

from __future__ import annotations

from dataclasses import dataclass

from pneumo_utils.records.vocabulary import ENSEMBLE
from pneumo_utils.study.definition import Study
from pneumo_utils.study.expected_time import WAYS

_PARAMETERS = {"cnn": 1.2e6, "vgg16": 14.7e6, "resnet50": 23.6e6}
_BYTES = 4  # of a parameter
_STATE = 5  # times the parameters that a training keeps to go on: weights, two moments, averages, a best epoch
_TRUNK_CHANNELS = {"vgg16": 512, "resnet50": 1024}
_TRUNK_STRIDE = 16  # pixels of a picture per place of the trunk's output
_PROGRAM = 0.9e9  # bytes of a notebook that has loaded TensorFlow
_PER_PIXEL = {"cnn": 800, "vgg16": 1500, "resnet50": 5600}  # bytes of a pixel of a batch in training
_PAGES = 5e7  # bytes of notebooks, tables and pages


@dataclass(frozen=True)
class Space:
    """Bytes."""

    disk: float
    memory: float  # of all notebooks that run side by side


def of_study(study: Study, pictures: int) -> Space:
    """What a study will take.

    Args:
        study: its parameters.
        pictures: radiographs it has, all parts together.
    """
    given, square = study.training, study.images.stored_size**2
    disk = pictures * square + study.evaluation.perturbation_cases * WAYS * square + _PAGES
    sizes = {model: _PARAMETERS[model] * _BYTES for model in given.models}
    disk += sum(sizes.values()) * len(given.seeds) + _bundle(study, sizes)
    disk += sum(sorted(sizes.values())[-study.run.notebooks_at_once :]) * _STATE
    disk += sum(_activations(model, study, pictures) for model in given.models)
    if (again := given.retrained_model) in sizes:  # activations of one other split beside the study's own
        disk += sizes[again] * (3 + 3 * given.left_out_series) + _activations(again, study, pictures)
    memory = max(memory_of_training(model, study) for model in given.models)
    return Space(disk, memory * min(study.run.notebooks_at_once, len(given.models)))


def _bundle(study: Study, sizes: dict[str, float]) -> float:
    given, asked = study.training, study.deployment
    members = given.ensemble * len(given.seeds) if asked.bundled_model == ENSEMBLE else [asked.bundled_model]
    return sum(sizes[model] for model in members) * (1 + len(asked.exported_engines))


def _activations(model: str, study: Study, pictures: int) -> float:
    given = study.training
    if model not in _TRUNK_CHANNELS or not (given.head_epochs or given.top_epochs):
        return 0.0
    places = (study.images.image_size // _TRUNK_STRIDE) ** 2
    return pictures * given.cached_views * places * _TRUNK_CHANNELS[model] * 2


def memory_of_training(model: str, study: Study) -> float:
    """Bytes of one training; `model` is cnn, vgg16 or resnet50."""
    pixels = study.training.batch_size * study.images.image_size**2
    return _PROGRAM + _PARAMETERS[model] * _BYTES * _STATE + pixels * _PER_PIXEL[model]
