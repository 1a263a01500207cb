"""How long the pages of a study take: on the machine that the figures were taken on, and from there on any other.

A wait is borne more easily when its end is in sight. Figures are seconds on two cores of an AMD EPYC that compute in
bfloat16, taken from the demo and from the study on real radiographs; other machines are so many times faster or slower,
which shows as soon as the first pages are done.
"""

from __future__ import annotations

from pneumo_utils.records.vocabulary import ENSEMBLE, PHASES
from pneumo_utils.study.definition import Study
from pneumo_utils.study.steps import Step
from pneumo_utils.study.training_parameters import Training

# one picture of 128 x 128 pixels through a network, forward
_FORWARD = {"cnn": 0.0043, "vgg16": 0.028, "resnet50": 0.017}
_BACKWARD = 2.0  # times as long; less where the lowest blocks are frozen
_FROZEN = 0.4  # less for each of them
_STEP = {"cnn": 0.015, "vgg16": 0.1, "resnet50": 0.2}  # a gradient step, however few pictures it sees
_TRACING = {"cnn": 2.5, "vgg16": 5.0, "resnet50": 25.0}  # before the first step of every training
_IMPORTS = 5.0
_HEAD = 0.0002  # a picture's activations through the head
_HELD_OUT = 0.3  # share of the pictures that networks are asked about, not trained on
WAYS = 18  # in which a picture of `perturbation_cases` is shown
_PERMUTED = 24 * 96  # pictures seen by the network that learns permuted labels
_LOOK = 0.012  # a picture before the gate
_SPOILED = 1800  # pictures that the gate is shown beside the test part
_EXPORT = 5.0  # a network for another engine
_BLOCKS, _HIDDEN = 5, 40  # passes a checked picture: of every shuffling, and of what is hidden step by step


def of_steps(steps: list[Step], study: Study, pictures: int) -> dict[str, float]:
    """Seconds of every page.

    Args:
        steps: of the study.
        study: its parameters.
        pictures: radiographs it has, all parts together.
    """
    return {step.page: _seconds(step, study, pictures) for step in steps}


def of_stages(model: str, seeds: list[int], study: Study, pictures: int) -> dict[str, float]:
    """Seconds of what of trainings learns from pixels, by the stages that `progress` is told; as `of_training`."""
    phases = _phases(model, study, pictures * (1 - _HELD_OUT))
    return {f"seed {seed}, {PHASES[name]}": took for seed in seeds for name, took in phases.items()}


def _seconds(step: Step, study: Study, pictures: int) -> float:
    models, drawn = study.training.models, study.evaluation.perturbation_cases * WAYS
    if step.own:
        return _of_network(step.own["model"], study, pictures)
    networks = len(study.training.networks)
    return {
        "01_eda": 6 + 0.003 * pictures,
        "02_preprocessing": 5 + 0.0015 * pictures + 0.001 * drawn,
        "04_evaluation": 6 + networks * (1 + 0.001 * pictures * study.evaluation.replicates / 2000),
        "05_gradcam": 10 + sum(_of_maps(model, study) for model in models),
        "06_robustness": 3 + networks * 0.0002 * drawn,
        "07_deployment": _of_bundle(study, pictures),
    }[step.page]


def _of_bundle(study: Study, pictures: int) -> float:
    given, asked = study.training, study.deployment
    members = given.ensemble * len(given.seeds) if asked.bundled_model == ENSEMBLE else [asked.bundled_model]
    test = pictures * _HELD_OUT / 2
    judged = min(pictures, 1500) + test * given.test_views * (2 + len(asked.exported_engines))
    size = given.test_image_size or study.images.image_size
    passes = sum(judged * _forward(model, size) + _TRACING[model] for model in members)
    return _IMPORTS + passes + _LOOK * (_SPOILED + test) + _EXPORT * len(asked.exported_engines) * len(members)


def of_training(model: str, study: Study, pictures: int, *, permuted: bool = False) -> float:
    """Seconds of one training by itself.

    Args:
        model: cnn, vgg16 or resnet50.
        study: its parameters.
        pictures: radiographs it has, all parts together.
        permuted: whether it learns few pictures with permuted labels.
    """
    size, given = study.images.image_size, study.training
    if permuted:
        return _IMPORTS + _permuted(model, study)
    held_out = pictures * _HELD_OUT * given.test_views * _forward(model, given.test_image_size or size)
    return _IMPORTS + _training(model, study, pictures) + _trunk(model, study, pictures) + held_out


def _of_network(model: str, study: Study, pictures: int) -> float:
    given, size = study.training, study.images.image_size
    others = (2 + 3 * given.left_out_series) * (model == given.retrained_model)  # splits, whose trunk runs anew
    trainings = len(given.seeds) + others
    judged = 1.5 * pictures * _HELD_OUT + study.evaluation.perturbation_cases * WAYS
    seconds = _IMPORTS + trainings * _training(model, study, pictures) + (1 + others) * _trunk(model, study, pictures)
    seconds += len(given.seeds) * judged * given.test_views * _forward(model, given.test_image_size or size)
    if model == given.retrained_model:
        seconds += _permuted(model, study)
    return seconds


def _permuted(model: str, study: Study) -> float:
    """Seconds to learn permuted labels, at the size at which maps are drawn."""
    size = study.training.test_image_size or study.images.image_size
    return _TRACING[model] + _learning(model, study, _PERMUTED, size)


def _training(model: str, study: Study, pictures: int) -> float:
    """Seconds of one training on splits of the study, its activations at hand."""
    given, learned = study.training, pictures * (1 - _HELD_OUT)
    once = _TRACING[model] + sum(_phases(model, study, learned).values())
    on_trunk = (given.head_epochs + given.top_epochs) * learned * _HEAD if _on_trunk(model, given) else 0.0
    return once + on_trunk


def _trunk(model: str, study: Study, pictures: int) -> float:
    """Seconds to run the frozen trunk over all views, once for all seeds."""
    given = study.training
    views = pictures * ((1 - _HELD_OUT) * given.cached_views + _HELD_OUT)
    return views * _forward(model, study.images.image_size) if _on_trunk(model, given) else 0.0


def _learning(model: str, study: Study, seen: float, size: int) -> float:
    """Seconds to train on so many pictures end to end."""
    given = study.training
    frozen = given.frozen_blocks if given.weights != "none" and model != "cnn" else 0
    passes = 1 + max(_BACKWARD - _FROZEN * frozen, 0.5)
    return seen * passes * _forward(model, size) + seen / given.batch_size * _STEP[model]


def _phases(model: str, study: Study, learned: float) -> dict[str, float]:
    """Seconds of every phase that learns from the pixels of `learned` pictures."""
    given, size = study.training, study.images.image_size
    if model == "cnn":
        return {"end_to_end": _learning(model, study, learned * given.cnn_epochs, size)}
    epochs = {
        "progressive": (given.progressive_epochs, given.progressive_size),
        "end_to_end": (given.end_to_end_epochs, size),
    }
    return {name: _learning(model, study, learned * count, side) for name, (count, side) in epochs.items() if count}


def _on_trunk(model: str, given: Training) -> bool:
    return model != "cnn" and given.head_epochs + given.top_epochs > 0


def _of_maps(model: str, study: Study) -> float:
    size = study.training.test_image_size or study.images.image_size
    passes = study.gradcam.checked_cases * (study.gradcam.weight_shufflings * _BLOCKS + _HIDDEN)
    return 6 + _TRACING[model] / 3 + passes * 2 * _forward(model, size)


def _forward(model: str, size: int) -> float:
    return _FORWARD[model] * (size / 128) ** 2
