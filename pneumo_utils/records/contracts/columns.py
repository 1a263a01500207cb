"""What a column of a table may hold, and the columns that several tables share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from pneumo_utils.records.vocabulary import ETIOLOGIES


@dataclass(frozen=True)
class Column:
    """One column: its pandas kind (`str`, `int`, `float`, `bool`), whether it may be empty, and its rule."""

    kind: str
    optional: bool = False
    rule: str = ""
    holds: Callable[[pd.Series], pd.Series] | None = None


def one_of(values: tuple) -> dict:
    """Rule of a column that holds nothing but `values`."""
    return {"rule": "one of " + ", ".join(map(str, values)), "holds": lambda s: s.isin(values)}


def between(low: float, high: float) -> dict:
    """Rule of a column whose values lie in [low, high]."""
    return {"rule": f"in [{low}, {high}]", "holds": lambda s: s.between(low, high)}


AT_LEAST_0 = {"rule": "at least 0", "holds": lambda s: s >= 0}
AT_LEAST_1 = {"rule": "at least 1", "holds": lambda s: s >= 1}
CASE = {
    "path": Column("str"),  # relative to the data folder, with forward slashes
    "patient": Column("str"),
    "label": Column("int", **one_of((0, 1))),
    "etiology": Column("str", **one_of(ETIOLOGIES)),
}

DRAW = Column(
    "str",
    rule="published, patients, pictures, or without and a series",
    holds=lambda s: s.str.fullmatch("published|patients|pictures|without .+"),
)
PERTURBED_CASE = {name: CASE[name] for name in ("path", "patient", "label")} | {
    "perturbation": Column(
        "str"
    ),  # plain, a key of perturbations.PERTURBATIONS, or what is swapped between the classes
    "strength": Column("float"),  # in the unit of that kind
}
NETWORK = {"model": Column("str"), "seed": Column("int", **AT_LEAST_0)}
HELD_OUT = {"split": Column("str", **one_of(("validation", "test")))}
RULE = Column("str", **one_of(("sensitivity", "youden", "half", "specificity", "margin", "varied")))
PREDICTIONS = CASE | HELD_OUT | NETWORK | {"probability": Column("float", **between(0, 1))}  # of pneumonia

RATES = {  # intervals over patients; empty where undefined
    f"{rate}{end}": Column("float", optional=True, **between(0, 1))
    for rate in ("sensitivity", "specificity")
    for end in ("", "_lower", "_upper")
}
AREA = {name: Column("float", optional=True, **between(0, 1)) for name in ("auc", "lower", "upper")}
