"""What each table that the explanation writes holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import AT_LEAST_0, AT_LEAST_1, NETWORK, Column, between, one_of
from pneumo_utils.records.vocabulary import OUTCOMES

_METHOD = Column("str", **one_of(("gradcam", "gradcam++", "random", "none")))  # none: no network's map
_SHARE = {name: Column("float", optional=True, **between(0, 1)) for name in ("value", "lower", "upper")}
_SIGNED = {name: Column("float", optional=True, **between(-1, 1)) for name in ("value", "lower", "upper")}
_N = {"n": Column("int", **AT_LEAST_0)}  # pictures
_KIND = Column("str", **one_of(("deletion", "insertion")))

EXPLANATION: dict[str, dict[str, Column]] = {
    # one row per kind of map, measure and rival, over test radiographs with a drawn lesion; none without
    "localisation": {
        "model": Column("str"),  # network, or what knows nothing
        "method": _METHOD,
        "against": Column("str", **one_of(("nothing", "gaussian", "lesions"))),  # whose value is taken off
        "measure": Column("str", **one_of(("pointing", "energy", "iou"))),
    }
    | _SIGNED
    | _N,
    # one row per network, outcome and measure, over the test part
    "plausibility": NETWORK
    | {
        "outcome": Column("str", **one_of(("all", *OUTCOMES.values()))),
        "measure": Column("str", **one_of(("lungs", "lungs_gain", "lungs_over_gaussian", "border", "border_gain"))),
    }
    | _SIGNED
    | _N,
    # one row per pair of networks, a network and itself included: mean rank correlation of their maps
    "stability": {
        "first": Column("str"),
        "first_seed": Column("int", **AT_LEAST_0),
        "second": Column("str"),
        "second_seed": Column("int", **AT_LEAST_0),
        "pictures": Column("str", **one_of(("same", "other"))),  # other: of two patients
    }
    | _SIGNED
    | _N,
    # one row per network, kind, order and share of the picture that was taken away or given back
    "faithfulness_curves": NETWORK
    | {
        "kind": _KIND,
        "order": Column("str", **one_of(("map", "other", "gaussian"))),
        "share": Column("float", **between(0, 1)),
        "probability": Column("float", **between(0, 1)),  # mean over the pictures
    }
    | _N,
    # one row per network, kind and measure: area under these curves
    "faithfulness": NETWORK
    | {"kind": _KIND, "measure": Column("str", **one_of(("map", "other", "gaussian", "difference", "over_gaussian")))}
    | _SIGNED
    | _N,
    # one row per network, test and stage: squared rank correlation of maps before and after; empty where all are dark
    "sanity": NETWORK
    | {"test": Column("str", **one_of(("weights", "labels"))), "stage": Column("str")}
    | _SHARE
    | {"dark": Column("float", optional=True, **between(0, 1))}  # of the maps that had something to draw, now nothing
    | {"shuffles": Column("int", **AT_LEAST_1)}
    | _N,
}
