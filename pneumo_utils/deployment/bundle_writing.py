"""From a finished study to its bundle: which networks, which decisions, and the files they are made of."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.deployment import bundle
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.deployment.quality_control.gate_fitting import FEWEST
from pneumo_utils.evaluation import calibration, operating_points, referral
from pneumo_utils.records.vocabulary import ENSEMBLE

ENDINGS = {"keras": ".keras", "onnx": ".onnx", "litert": ".tflite", "litert-int8": "-int8.tflite"}
NOTICE = "Research, not for diagnosis. Not a medical device: no authority has cleared it, no clinic has tried it."
DRAWN = "Made from drawn pictures: what it says of a patient means nothing. "
AGES = {"kermany": (1.0, 5.0)}  # years, by the kind of the radiographs; of others none is recorded
LICENCE = """The program and what was trained with it: MIT License, https://opensource.org/license/mit.

The radiographs it may have learned from: Kermany, Zhang and Goldbaum 2018, "Labeled Optical Coherence Tomography (OCT)
and Chest X-Ray Images for Classification", doi:10.17632/rscbjbr9sj.2, CC BY 4.0.

Weights that VGG16 may have started from: Visual Geometry Group, University of Oxford, CC BY 4.0; those of ResNet50:
Kaiming He et al., MIT License; both as Keras publishes them.

Research, not for diagnosis. Without any warranty.
"""
_LARGEST_SAMPLE = 1500  # training pictures that the gate learns from
Networks = Sequence[tuple[str, int]]  # model and seed


def choose_networks(model: str, ensemble: Sequence[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
    """The networks whose probabilities are averaged: one with the first seed, or the ensemble's.

    Args:
        model: a network, or `ensemble`.
        ensemble: its members.
        seeds: of the study.
    """
    return [(one, seed) for one in ensemble for seed in seeds] if model == ENSEMBLE else [(model, seeds[0])]


def freeze_decision(
    predictions: pd.DataFrame, points: pd.DataFrame, model: str, seed: int, rule: str, referral_error: float
) -> dict:
    """What follows from a probability, all of it chosen on validation.

    Args:
        predictions: contract `predictions`.
        points: contract `operating_points`.
        model: the network or ensemble that is bundled.
        seed: it has in the tables.
        rule: of the operating point.
        referral_error: share of wrong decisions allowed outside the referral band.

    Returns:
        the fields of `bundle_contents.OperatingPoint`.
    """
    own = predictions[(predictions["model"] == model) & (predictions["seed"] == seed)]
    validation = own[own["split"] == "validation"]
    frozen = operating_points.of_rule(points, rule)[model, seed]
    band = referral.bands(validation, frozen, referral_error)[model, seed]
    platt = calibration.fit(validation, "platt")[model, seed]
    return {
        "rule": rule, "threshold": float(frozen), "band": float(band) if math.isfinite(band) else None,
        "slope": platt.slope, "intercept": platt.intercept,
    }  # fmt: skip


def choose_rows(splits: pd.DataFrame, split: str, seed: int) -> np.ndarray:
    """Rows of `splits` from which the gate is made or on which it is tested.

    Args:
        splits: contract `splits`.
        split: one of `vocabulary.SPLITS`. Of the training set so many are drawn as the gate needs; a validation set
            that is too small for limits is filled up with training pictures.
        seed: of what is drawn.

    Returns:
        int (k,), rising.
    """
    rows = np.flatnonzero(splits["split"] == split)
    generator = np.random.default_rng(seed)
    if split == "train" and len(rows) > _LARGEST_SAMPLE:
        return np.sort(generator.choice(rows, _LARGEST_SAMPLE, replace=False))
    if split == "validation" and len(rows) < FEWEST:
        others = np.flatnonzero(splits["split"] == "train")
        missing = min(FEWEST - len(rows), len(others))
        return np.sort(np.concatenate([rows, generator.choice(others, missing, replace=False)]))
    return rows


def describe_population(kind: str) -> dict:
    """Whom the network has learned from, and what it may not be used for.

    Args:
        kind: of the radiographs, by `datasets.sources.kind`.

    Returns:
        the fields `drawn`, `least_age`, `largest_age` and `notice` of `bundle_contents.Contents`.
    """
    drawn, (least, largest) = kind == "drawn", AGES.get(kind, (None, None))
    notice = DRAWN + NOTICE if drawn else NOTICE
    return {"drawn": drawn, "least_age": least, "largest_age": largest, "notice": notice}


def for_display(decision: Mapping[str, object], title: str) -> pd.DataFrame:
    """What `freeze_decision` gives as a table of one row, named `title`."""
    names = {
        "rule": "rule", "threshold": "operating point", "band": "referral band, logits",
        "slope": "calibration, slope", "intercept": "calibration, intercept",
    }  # fmt: skip
    shown = {name: decision[key] for key, name in names.items()}
    shown["referral band, logits"] = "all" if decision["band"] is None else decision["band"]
    return pd.DataFrame([shown], pd.Index([title], name="network"))


def file_name(model: str, seed: int, engine: str) -> str:
    """Where the network `model` trained from `seed` lies in a bundle, for `engine`."""
    return f"networks/{model}-{seed}{ENDINGS[engine]}"


def write(
    folder: Path,
    networks: Networks,
    files: Mapping[str, Mapping[tuple[str, int], Path]],
    gate: Gate,
    told: Mapping[str, object],
) -> Bundle:
    """Write the bundle of a study, whole or not at all.

    Args:
        folder: where it goes; a bundle that is there is replaced.
        networks: whose probabilities are averaged.
        files: by engine, the file of each network.
        gate: fitted on the study's pictures.
        told: the fields of `bundle_contents.Contents` but networks, version and hashes.
    """

    def fill(part: Path) -> dict:
        (part / "networks").mkdir()
        listed = []
        for model, seed in networks:
            own = {engine: file_name(model, seed, engine) for engine in files}
            for engine, name in own.items():
                shutil.copyfile(files[engine][model, seed], part / name)
            listed.append({"model": model, "seed": seed, "files": own})
        with (part / "gate.npz").open("wb") as stream:
            np.savez_compressed(stream, **gate.arrays())
        (part / "LICENSE").write_text(LICENCE, encoding="utf-8")
        return dict(told) | {"networks": listed}

    return bundle.write(folder, fill)
