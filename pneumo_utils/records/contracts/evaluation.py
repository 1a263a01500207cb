"""What each table that the evaluation writes holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import (
    AT_LEAST_0,
    AT_LEAST_1,
    HELD_OUT,
    NETWORK,
    RATES,
    RULE,
    Column,
    between,
    one_of,
)
from pneumo_utils.records.vocabulary import ETIOLOGIES

EVALUATION: dict[str, dict[str, Column]] = {
    "metrics": NETWORK
    | HELD_OUT
    | {
        "metric": Column("str"),
        "value": Column("float", optional=True),  # empty where undefined, e.g. AUC of a single class
        "lower": Column("float", optional=True),
        "upper": Column("float", optional=True),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per model, split and metric: what its seeds have in common, and how far they lie apart
    "seed_spread": {"model": Column("str")}
    | HELD_OUT
    | {
        "metric": Column("str"),
        "mean": Column("float", optional=True),  # over the seeds; empty where undefined in one of them
        "lower": Column("float", optional=True),  # of that mean, over patients
        "upper": Column("float", optional=True),
        "sd": Column("float", optional=True, **AT_LEAST_0),  # over seeds; empty for one seed
        "lowest": Column("float", optional=True),  # of the seeds
        "highest": Column("float", optional=True),
        "seeds": Column("int", **AT_LEAST_1),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per pair of networks, seed, split and metric: first minus second, on the same images
    "comparisons": {
        "split": Column("str", **one_of(("validation", "test"))),
        "seed": Column("int", **AT_LEAST_0),
        "first": Column("str"),
        "second": Column("str"),
        "metric": Column("str"),
        "difference": Column("float", optional=True),
        "lower": Column("float", optional=True),
        "upper": Column("float", optional=True),
        "p": Column("float", optional=True, **between(0, 1)),
        "p_holm": Column("float", optional=True, **between(0, 1)),
        "method": Column("str", **one_of(("DeLong over patients", "McNemar over patients", "patient bootstrap"))),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed and rule: the operating point, chosen on validation and frozen there
    "operating_points": NETWORK
    | {
        "rule": RULE,
        "target": Column("float", optional=True, **between(0, 1)),
        "threshold": Column("float", **between(0, 1)),
        "sensitivity": Column("float", **between(0, 1)),  # on validation, as all of this table
        "specificity": Column("float", **between(0, 1)),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed, split, kind of recalibration and bin of equal size
    "reliability": NETWORK
    | HELD_OUT
    | {
        "method": Column("str", **one_of(("none", "temperature", "platt", "isotonic"))),
        "bin": Column("int", **AT_LEAST_1),
        "mean_probability": Column("float", **between(0, 1)),
        "observed": Column("float", **between(0, 1)),  # share of pneumonia
        "lower": Column("float", optional=True, **between(0, 1)),
        "upper": Column("float", optional=True, **between(0, 1)),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed, split, prevalence and ppv or npv
    "predictive_values": NETWORK
    | HELD_OUT
    | {
        "prevalence": Column("float", **between(0, 1)),
        "metric": Column("str", **one_of(("ppv", "npv"))),
        "value": Column("float", optional=True, **between(0, 1)),
        "lower": Column("float", optional=True, **between(0, 1)),
        "upper": Column("float", optional=True, **between(0, 1)),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed, split, prevalence, strategy and threshold probability
    "decision_curve": NETWORK
    | HELD_OUT
    | {
        "prevalence": Column("float", **between(0, 1)),
        "strategy": Column("str", **one_of(("model", "all", "none"))),
        "threshold": Column("float", **between(0, 1)),
        "net_benefit": Column("float", rule="at most 1", holds=lambda s: s <= 1),
        "lower": Column("float", optional=True),
        "upper": Column("float", optional=True),
    },
    # one row per network, seed, split and share of images that is not referred to a human
    "referral": NETWORK
    | HELD_OUT
    | {
        "band": Column("float", **AT_LEAST_0),  # distance from the operating point on the logit scale
        "coverage": Column("float", **between(0, 1)),
        "error": Column("float", **between(0, 1)),
        "sensitivity": Column("float", optional=True, **between(0, 1)),
        "specificity": Column("float", optional=True, **between(0, 1)),
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed and split: the band chosen on validation, applied
    "referral_band": NETWORK
    | HELD_OUT
    | {
        "band": Column("float", **AT_LEAST_0),
        "coverage": Column("float", **between(0, 1)),
        "error": Column("float", optional=True, **between(0, 1)),
        "lower": Column("float", optional=True, **between(0, 1)),
        "upper": Column("float", optional=True, **between(0, 1)),
    }
    | RATES  # among those that are kept
    | {
        "n": Column("int", **AT_LEAST_0),
    },
    # one row per network, seed, split and etiology among the ill
    "etiology_sensitivity": NETWORK
    | HELD_OUT
    | {
        "etiology": Column("str", **one_of(ETIOLOGIES)),
        "sensitivity": Column("float", **between(0, 1)),
        "lower": Column("float", optional=True, **between(0, 1)),
        "upper": Column("float", optional=True, **between(0, 1)),
        "n": Column("int", **AT_LEAST_0),
        "patients": Column("int", **AT_LEAST_1),
    },
}
