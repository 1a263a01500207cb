"""What each table of the study holds: every column with its kind and its rule, and the words they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

LABELS = {"NORMAL": 0, "PNEUMONIA": 1}  # folder name -> label; 1 is the disease, as in every table
ETIOLOGIES = ("normal", "bacterial", "viral", "unknown")
PARTS = ("train", "val", "test")  # the folders of the published set
MODELS = {"cnn": "Small CNN", "vgg16": "VGG16", "resnet50": "ResNet50"}  # every network, and how readers call it
JUDGES = MODELS | {"average": "Average of networks"}  # everything that looks at pictures
REFERENCES = {"always": "Always pneumonia", "acquisition": "No lungs: acquisition data alone"}  # to be beaten
TITLES = JUDGES | REFERENCES
SPLITS = ("train", "validation", "test")  # what this study uses them for


@dataclass(frozen=True)
class Column:
    """One column: its pandas kind (`str`, `int`, `float`, `bool`), whether it may be empty, and its rule."""

    kind: str
    optional: bool = False
    rule: str = ""
    holds: Callable[[pd.Series], pd.Series] | None = None


def _one_of(values: tuple) -> dict:
    return {"rule": "one of " + ", ".join(map(str, values)), "holds": lambda s: s.isin(values)}


def _between(low: float, high: float) -> dict:
    return {"rule": f"in [{low}, {high}]", "holds": lambda s: s.between(low, high)}


_AT_LEAST_0 = {"rule": "at least 0", "holds": lambda s: s >= 0}
_AT_LEAST_1 = {"rule": "at least 1", "holds": lambda s: s >= 1}
_CASE = {
    "path": Column("str"),  # relative to the data folder, with forward slashes
    "patient": Column("str"),
    "label": Column("int", **_one_of((0, 1))),
    "etiology": Column("str", **_one_of(ETIOLOGIES)),
}

_DRAW = Column(
    "str",
    rule="published, patients, pictures, or without and a series",
    holds=lambda s: s.str.fullmatch("published|patients|pictures|without .+"),
)
_STRESS = {name: _CASE[name] for name in ("path", "patient", "label")} | {
    "stress": Column("str"),  # plain, a key of stress.KINDS, or what is swapped between the classes
    "strength": Column("float"),  # in the unit of that kind
}
_NETWORK = {"model": Column("str"), "seed": Column("int", **_AT_LEAST_0)}
_HELD_OUT = {"split": Column("str", **_one_of(("validation", "test")))}
_RULE = Column("str", **_one_of(("sensitivity", "youden", "half", "specificity", "margin")))
_PREDICTIONS = _CASE | _HELD_OUT | _NETWORK | {"probability": Column("float", **_between(0, 1))}  # of pneumonia

_AREA = {name: Column("float", optional=True, **_between(0, 1)) for name in ("auc", "lower", "upper")}

CONTRACTS: dict[str, dict[str, Column]] = {
    # one row a readable radiograph
    "manifest": _CASE
    | {
        "part": Column("str", **_one_of(PARTS)),
        "series": Column("str"),  # numbering series of the file name: person, IM, NORMAL2-IM, or unknown
        "number": Column("int", optional=True),  # the number in the file name; empty where the name has none
        "width": Column("int", **_AT_LEAST_1),  # pixels
        "height": Column("int", **_AT_LEAST_1),  # pixels
        "mode": Column("str"),  # as stored: grey, RGB, RGBA, palette, CMYK; with "16" where 16 bits deep
        "bytes": Column("int", **_AT_LEAST_1),
        "sha256": Column("str", rule="64 hex digits", holds=lambda s: s.str.fullmatch("[0-9a-f]{64}")),
    },
    # one row a file that was found but cannot be used
    "left_out": {"path": Column("str"), "reason": Column("str")},
    # one row a picture of `splits`: the part of the radiograph that was kept, as shares of its width and height
    "framing": {
        "path": Column("str"),
        **{side: Column("float", **_between(0, 1)) for side in ("left", "top", "right", "bottom")},
        "found": Column("bool"),  # whether the lungs were; False also where nobody looked for them
    },
    # one row a test radiograph and way in which it is made harder
    "stress": _STRESS,
    # one row a network's answer to such a picture
    "stressed": _STRESS | _NETWORK | {"probability": Column("float", **_between(0, 1))},
    # one row an image held out by a way of drawing the test part
    "redrawn": _PREDICTIONS | {"protocol": _DRAW, "known_patient": Column("bool")},  # trained on the patient
    # one row a way of drawing the test part
    "leakage": {
        "protocol": _DRAW,
        **{name: Column("float", optional=True, **_between(0, 1)) for name in ("auc", "lower", "upper")},
        **{name: Column("float", **_between(0, 1)) for name in ("accuracy", "sensitivity", "specificity")},
        "n": Column("int", **_AT_LEAST_0),
        "known_patient": Column("int", **_AT_LEAST_0),  # test images whose patient is also trained on
    },
    # one row a network and way of making pictures harder
    "robustness": _NETWORK
    | {
        "stress": Column("str"),
        "strength": Column("float"),
        "auc": Column("float", optional=True, **_between(0, 1)),
        "lower": Column("float", optional=True, **_between(0, 1)),
        "upper": Column("float", optional=True, **_between(0, 1)),
        "sensitivity": Column("float", **_between(0, 1)),
        "specificity": Column("float", **_between(0, 1)),
        "flipped": Column("float", **_between(0, 1)),  # share of cases decided otherwise than plain
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a radiograph of the manifest: how it was taken and saved
    "acquisition": {
        "path": Column("str"),
        "bytes_per_pixel": Column("float", rule="above 0", holds=lambda s: s > 0),
        "jpeg_quality": Column("float", optional=True, **_between(1, 100)),  # from the tables; empty for PNG
        "jpeg_table": Column("str", rule="12 hex digits or none", holds=lambda s: s.str.fullmatch("[0-9a-f]{12}|none")),
        "progressive": Column("bool"),
        "mean": Column("float", **_between(0, 255)),  # grey levels, as the four that follow
        "spread": Column("float", **_between(0, 255)),  # standard deviation
        "p5": Column("float", **_between(0, 255)),
        "p50": Column("float", **_between(0, 255)),
        "p95": Column("float", **_between(0, 255)),
        "border": Column("float", **_between(0, 0.5)),  # largest part of a side that is an empty margin
        "corners": Column("float", **_between(0, 1)),  # share of near-white pixels: letters of a marker
    },
    # one row a property of the files and part: how well it alone tells pneumonia from normal
    "audit": {
        "property": Column("str"),
        "part": Column("str", **_one_of(PARTS)),
        "direction": Column("str", **_one_of(("higher", "lower", "learned"))),  # that speaks for pneumonia in train
    }
    | _AREA  # below 0.5: the other way round than in train
    | {
        "normal": Column("int", **_AT_LEAST_0),  # images that have the property
        "pneumonia": Column("int", **_AT_LEAST_0),
    },
    # one row a property of the files, class and part: how far the part lies from train
    "drift": {
        "property": Column("str"),
        "label": _CASE["label"],
        "part": Column("str", **_one_of(PARTS)),
        "centre": Column("float", optional=True),  # median, or share of the value most common in train
    }
    | _AREA  # of the part against train; empty in train
    | {
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a radiograph of the manifest
    "splits": _CASE | {"part": Column("str", **_one_of(PARTS)), "split": Column("str", **_one_of(SPLITS))},
    # one row a model, seed, phase and epoch
    "history": {
        "model": Column("str"),
        "seed": Column("int", **_AT_LEAST_0),
        "phase": Column("str", **_one_of(("head", "top", "small", "whole"))),
        "epoch": Column("int", **_AT_LEAST_1),
        "loss": Column("float", **_AT_LEAST_0),
        "auc": Column("float", **_between(0, 1)),
        "val_loss": Column("float", **_AT_LEAST_0),
        "val_auc": Column("float", **_between(0, 1)),
        "seconds": Column("float", **_AT_LEAST_0),
        "kept": Column("bool"),  # the epoch whose weights were kept
    },
    # one row an image of validation or test, model and seed
    "predictions": _PREDICTIONS,
    # the same of the references that every network has to beat
    "references": _PREDICTIONS,
    # one row a trained network
    "models": {
        "model": Column("str"),
        "seed": Column("int", **_AT_LEAST_0),
        "start": Column("str", **_one_of(("scratch", "random", "pretrained"))),  # scratch: meant to be so
        "weights_sha256": Column("str", optional=True),  # of the file it started from
        "image_size": Column("int", **_AT_LEAST_1),  # pixels, square side
        "parameters": Column("int", **_AT_LEAST_1),
        "trained_parameters": Column("int", **_AT_LEAST_1),
        "seconds": Column("float", **_AT_LEAST_0),  # of training and prediction
        "device": Column("str"),
        "precision": Column("str", **_one_of(("float32", "bfloat16"))),  # that it computes in
        "peak_memory": Column("float", **_AT_LEAST_0),  # of the process that trained it, up to its end, MiB
    },
    "metrics": {
        "model": Column("str"),
        "seed": Column("int", **_AT_LEAST_0),
        "split": Column("str", **_one_of(("validation", "test"))),
        "metric": Column("str"),
        "value": Column("float", optional=True),  # empty where undefined, e.g. AUC of a single class
        "lower": Column("float", optional=True),
        "upper": Column("float", optional=True),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a model, split and metric: what its seeds have in common, and how far they lie apart
    "over_seeds": {"model": Column("str")}
    | _HELD_OUT
    | {
        "metric": Column("str"),
        "mean": Column("float", optional=True),  # over the seeds; empty where undefined in one of them
        "lower": Column("float", optional=True),  # of that mean, over patients
        "upper": Column("float", optional=True),
        "sd": Column("float", optional=True, **_AT_LEAST_0),  # over seeds; empty for one seed
        "lowest": Column("float", optional=True),  # of the seeds
        "highest": Column("float", optional=True),
        "seeds": Column("int", **_AT_LEAST_1),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a pair of networks, seed, split and metric: first minus second, on the same images
    "comparisons": {
        "split": Column("str", **_one_of(("validation", "test"))),
        "seed": Column("int", **_AT_LEAST_0),
        "first": Column("str"),
        "second": Column("str"),
        "metric": Column("str"),
        "difference": Column("float", optional=True),
        "lower": Column("float", optional=True),
        "upper": Column("float", optional=True),
        "p": Column("float", optional=True, **_between(0, 1)),
        "p_holm": Column("float", optional=True, **_between(0, 1)),
        "method": Column("str", **_one_of(("DeLong", "exact McNemar", "patient bootstrap"))),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed and rule: the operating point, chosen on validation and frozen there
    "thresholds": _NETWORK
    | {
        "rule": _RULE,
        "target": Column("float", optional=True, **_between(0, 1)),
        "threshold": Column("float", **_between(0, 1)),
        "sensitivity": Column("float", **_between(0, 1)),  # on validation, as all of this table
        "specificity": Column("float", **_between(0, 1)),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed, split, rule and shift of either class towards the other
    "shifted": _NETWORK
    | _HELD_OUT
    | {
        "rule": _RULE,
        "shift": Column("float"),  # logits
        "sensitivity": Column("float", **_between(0, 1)),  # of pneumonias that fell by it
        "specificity": Column("float", **_between(0, 1)),  # of normals that rose by it
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed, split and rule: logits that a class may move until its rate is below the target
    "shift_rooms": _NETWORK
    | _HELD_OUT
    | {
        "rule": _RULE,
        "target": Column("float", **_between(0, 1)),  # of sensitivity and of specificity
        "normals": Column("float"),  # upwards; negative where below the target already
        "pneumonias": Column("float"),  # downwards
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed, split, kind of recalibration and bin of equal size
    "reliability": _NETWORK
    | _HELD_OUT
    | {
        "method": Column("str", **_one_of(("none", "temperature", "isotonic"))),
        "bin": Column("int", **_AT_LEAST_1),
        "mean_probability": Column("float", **_between(0, 1)),
        "observed": Column("float", **_between(0, 1)),  # share of pneumonia
        "lower": Column("float", optional=True, **_between(0, 1)),
        "upper": Column("float", optional=True, **_between(0, 1)),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed, split, prevalence and ppv or npv
    "predictive_values": _NETWORK
    | _HELD_OUT
    | {
        "prevalence": Column("float", **_between(0, 1)),
        "metric": Column("str", **_one_of(("ppv", "npv"))),
        "value": Column("float", optional=True, **_between(0, 1)),
        "lower": Column("float", optional=True, **_between(0, 1)),
        "upper": Column("float", optional=True, **_between(0, 1)),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed, split, prevalence, strategy and threshold probability
    "decision_curve": _NETWORK
    | _HELD_OUT
    | {
        "prevalence": Column("float", **_between(0, 1)),
        "strategy": Column("str", **_one_of(("model", "all", "none"))),
        "threshold": Column("float", **_between(0, 1)),
        "net_benefit": Column("float", rule="at most 1", holds=lambda s: s <= 1),
        "lower": Column("float", optional=True),
        "upper": Column("float", optional=True),
    },
    # one row a network, seed, split and share of images that is not referred to a human
    "referral": _NETWORK
    | _HELD_OUT
    | {
        "band": Column("float", **_AT_LEAST_0),  # distance from the operating point on the logit scale
        "coverage": Column("float", **_between(0, 1)),
        "error": Column("float", **_between(0, 1)),
        "sensitivity": Column("float", optional=True, **_between(0, 1)),
        "specificity": Column("float", optional=True, **_between(0, 1)),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed and split: the band chosen on validation, applied
    "referral_band": _NETWORK
    | _HELD_OUT
    | {
        "band": Column("float", **_AT_LEAST_0),
        "coverage": Column("float", **_between(0, 1)),
        "error": Column("float", optional=True, **_between(0, 1)),
        "lower": Column("float", optional=True, **_between(0, 1)),
        "upper": Column("float", optional=True, **_between(0, 1)),
        "sensitivity": Column("float", optional=True, **_between(0, 1)),
        "specificity": Column("float", optional=True, **_between(0, 1)),
        "n": Column("int", **_AT_LEAST_0),
    },
    # one row a network, seed, split and etiology among the ill
    "etiology_sensitivity": _NETWORK
    | _HELD_OUT
    | {
        "etiology": Column("str", **_one_of(ETIOLOGIES)),
        "sensitivity": Column("float", **_between(0, 1)),
        "lower": Column("float", optional=True, **_between(0, 1)),
        "upper": Column("float", optional=True, **_between(0, 1)),
        "n": Column("int", **_AT_LEAST_0),
        "patients": Column("int", **_AT_LEAST_1),
    },
}
EVALUATION = (  # the tables that the evaluation writes
    "thresholds",
    "shifted",
    "shift_rooms",
    "metrics",
    "over_seeds",
    "comparisons",
    "reliability",
    "predictive_values",
    "decision_curve",
    "referral",
    "referral_band",
    "etiology_sensitivity",
    "robustness",
    "leakage",
)
