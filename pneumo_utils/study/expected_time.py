"""How long the pages of a study take: on the machine that the figures were taken on, and from there on any other.

A wait is borne more easily when its end is in sight. Figures are seconds on two cores (AMD EPYC, 2025), computing in
bfloat16; other machines are so many times faster or slower, which shows as soon as the first pages are done.
"""

from __future__ import annotations

from pneumo_utils.study.definition import Study
from pneumo_utils.study.parameters import Training
from pneumo_utils.study.steps import Step

# seconds for one picture of 128 x 128 pixels through a network, forward; training takes three times as long
_FORWARD = {"cnn": 0.0013, "vgg16": 0.0135, "resnet50": 0.0075}
_TRAINING = 3.0
_START = {"cnn": 7.0, "vgg16": 9.0, "resnet50": 20.0}  # seconds before the first step: imports, tracing
_HEAD = 0.0002  # seconds for a picture's activations through the head, one epoch
_HELD_OUT = 0.3  # share of the pictures that networks are asked about, not trained on
_WAYS = 40  # in which a picture of `perturbation_cases` is shown
_SHUFFLES = 10  # of the sanity check of heat maps, some five blocks each


def of_steps(steps: list[Step], study: Study, pictures: int) -> dict[str, float]:
    """Seconds of every page.

    Args:
        steps: of the study.
        study: its parameters.
        pictures: radiographs it has, all parts together.
    """
    return {step.page: _seconds(step, study, pictures) for step in steps}


def _seconds(step: Step, study: Study, pictures: int) -> float:
    models, drawn = study.training.models, study.evaluation.perturbation_cases
    if step.own:
        return _of_network(step.own["model"], study, pictures)
    return {
        "01_eda": 6 + 0.003 * pictures,
        "02_preprocessing": 5 + 0.001 * pictures + 0.0006 * drawn * _WAYS,
        "04_evaluation": 6 + len(models) * (1 + 0.001 * pictures * study.evaluation.replicates / 2000),
        "05_gradcam": 8 + sum(_of_maps(model, study) for model in models),
        "06_robustness": 4 + len(models) * 0.0002 * drawn * _WAYS,
    }[step.page]


def _of_network(model: str, study: Study, pictures: int) -> float:
    given = study.training
    size = study.images.image_size
    learned = pictures * (1 - _HELD_OUT)
    epochs = _epochs(model, given, size)
    passes = _HELD_OUT * pictures * 1.2 + study.evaluation.perturbation_cases * _WAYS
    judged = passes * given.test_views * _forward(model, given.test_image_size or size)
    seconds = len(given.seeds) * (epochs * learned * _TRAINING * _forward(model, size) + judged)
    if _on_trunk(model, given):
        cached = (learned * given.cached_views + _HELD_OUT * pictures) * _forward(model, size)
        seconds += cached + len(given.seeds) * (given.head_epochs + given.top_epochs) * learned * _HEAD
    if model == given.retrained_model:
        seconds += (3 + 3 * given.left_out_series) * seconds / len(given.seeds)
    return _START[model] + seconds


def _epochs(model: str, given: Training, size: int) -> float:
    """End to end, counted in epochs of full size."""
    if model == "cnn":
        return given.cnn_epochs
    return given.end_to_end_epochs + given.progressive_epochs * (given.progressive_size / size) ** 2


def _on_trunk(model: str, given: Training) -> bool:
    return model != "cnn" and given.head_epochs + given.top_epochs > 0


def _of_maps(model: str, study: Study) -> float:
    size = study.training.test_image_size or study.images.image_size
    asked = study.gradcam.checked_cases * (5 * _SHUFFLES + 44)
    return 3 + _START[model] / 2 + asked * 2 * _forward(model, size)


def _forward(model: str, size: int) -> float:
    return _FORWARD[model] * (size / 128) ** 2
