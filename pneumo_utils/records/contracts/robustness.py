"""What each table about other conditions holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import (
    AREA,
    AT_LEAST_0,
    CASE,
    DRAW,
    HELD_OUT,
    NETWORK,
    PERTURBED_CASE,
    PREDICTIONS,
    RATES,
    RULE,
    Column,
    between,
    one_of,
)
from pneumo_utils.records.vocabulary import PARTS

ROBUSTNESS: dict[str, dict[str, Column]] = {
    # one row per property of the files and part: how well it alone tells pneumonia from normal
    "acquisition_audit": {
        "property": Column("str"),
        "part": Column("str", **one_of(PARTS)),
        "direction": Column("str", **one_of(("higher", "lower", "learned"))),  # that speaks for pneumonia in train
    }
    | AREA  # below 0.5: the other way round than in train
    | {
        "normal": Column("int", **AT_LEAST_0),  # images that have the property
        "pneumonia": Column("int", **AT_LEAST_0),
    },
    # one row per property of the files, class and part: how far the part lies from train
    "acquisition_drift": {
        "property": Column("str"),
        "label": CASE["label"],
        "part": Column("str", **one_of(PARTS)),
        "centre": Column("float", optional=True),  # median, or share of the value most common in train
    }
    | AREA  # of the part against train; empty in train
    | {
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per image of validation or test and reference model, which every network has to beat
    "reference_predictions": PREDICTIONS,
    # one row per test radiograph and way in which it is made harder
    "perturbations": PERTURBED_CASE,
    # one row such a radiograph, judged by the outline of its lungs alone
    "outline_predictions": {name: CASE[name] for name in ("path", "patient", "label")}
    | {"probability": Column("float", **between(0, 1))},
    # one row per network's answer to such a picture
    "perturbed_predictions": PERTURBED_CASE | NETWORK | {"probability": Column("float", **between(0, 1))},
    # one row per image held out by a way of drawing the test part
    "resplit_predictions": PREDICTIONS | {"protocol": DRAW, "known_patient": Column("bool")},  # trained on the patient
    # one row per network and way of making pictures harder
    "perturbed_performance": NETWORK
    | {
        "perturbation": Column("str"),
        "strength": Column("float"),
        **AREA,
        "auc_change": Column("float"),  # less the AUC of the pictures as they are, paired
        "change_lower": Column("float", optional=True),
        "change_upper": Column("float", optional=True),
    }
    | RATES
    | {
        "flip_rate": Column("float", **between(0, 1)),  # share of cases decided otherwise than plain
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per way of drawing the test part
    "leakage": {
        "protocol": DRAW,
        **AREA,
        "accuracy": Column("float", **between(0, 1)),
        **RATES,
        "n": Column("int", **AT_LEAST_0),
        "known_patient": Column("int", **AT_LEAST_0),  # test images whose patient is also trained on
    },
    # one row per network, seed, split, rule and shift of either class towards the other
    "shifted_rates": NETWORK
    | HELD_OUT
    | {
        "rule": RULE,
        "shift": Column("float"),  # logits
        "sensitivity": Column("float", **between(0, 1)),  # of pneumonias that fell by it
        "specificity": Column("float", **between(0, 1)),  # of normals that rose by it
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed, split and rule: logits that a class may move until its rate is below the target
    "shift_tolerance": NETWORK
    | HELD_OUT
    | {
        "rule": RULE,
        "target": Column("float", **between(0, 1)),  # of sensitivity and of specificity
        "normals": Column("float"),  # upwards; negative where below the target already
        "pneumonias": Column("float"),  # downwards
        "n": Column("int", **AT_LEAST_0),
    },
}
