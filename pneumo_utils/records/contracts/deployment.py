"""What each table about scoring other radiographs holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import AT_LEAST_0, AT_LEAST_1, Column, between, one_of

_SHARE = Column("float", optional=True, **between(0, 1))

DEPLOYMENT: dict[str, dict[str, Column]] = {
    # one row per kind of picture that the gate was shown
    "gate_checks": {
        "pictures": Column("str"),  # what they are, in words
        "lesson": Column("str", **one_of(("radiographs", "learned", "unlearned"))),  # kinds the gate has learned from
        "wanted": Column("str", **one_of(("scored", "refused"))),  # what is right
        "n": Column("int", **AT_LEAST_0),
        "sources": Column("int", **AT_LEAST_0),  # patients or photographs behind them, which the interval is over
        "refused": Column("int", **AT_LEAST_0),
        "share": _SHARE,  # of n that is refused, with its interval
        "lower": _SHARE,
        "upper": _SHARE,
    },
    # one row per engine that runs the bundled network
    "exports": {
        "engine": Column("str"),
        "bytes": Column("int", **AT_LEAST_1),  # of all files of the engine
        "latency_ratio": Column("float", **AT_LEAST_0),  # seconds a picture on one core, to those of Keras
        "latency_lower": Column("float", **AT_LEAST_0),
        "latency_upper": Column("float", **AT_LEAST_0),
        "auc_difference": Column("float", optional=True, **between(-1, 1)),  # to Keras, paired
        "auc_lower": Column("float", optional=True, **between(-1, 1)),
        "auc_upper": Column("float", optional=True, **between(-1, 1)),
        "largest_difference": Column("float", **between(0, 1)),  # of a probability
        "n": Column("int", **AT_LEAST_0),  # pictures
        "refused": Column("int", **AT_LEAST_0),  # of them by the gate, which sees what the engine makes of them
    },
    # one row per test file that went through the bundle
    "bundle_scores": {
        "path": Column("str"),
        "status": Column("str", **one_of(("scored", "refused"))),
        "probability": Column("float", optional=True, **between(0, 1)),
        "reason": Column("str", optional=True),  # why it was refused
    },
}
