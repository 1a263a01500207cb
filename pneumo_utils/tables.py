"""Column contracts of the tables that travel through the study, checked whenever one is written or read.

A contract names every column with its kind and its rule. A table that breaks it is never written and never
used: `TableError` says which table, which rule and what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pneumo_utils.atomic import whole

LABELS = {"NORMAL": 0, "PNEUMONIA": 1}  # folder name -> label; 1 is the disease, as in every table
ETIOLOGIES = ("normal", "bacterial", "viral", "unknown")
PARTS = ("train", "val", "test")  # the folders of the published set
MODELS = {"cnn": "Small CNN", "vgg16": "VGG16", "resnet50": "ResNet50"}  # every network, and how readers call it
SPLITS = ("train", "validation", "test")  # what this study uses them for


class TableError(ValueError):
    """A table breaks its contract."""


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
    # one row a radiograph of the manifest
    "splits": _CASE | {"part": Column("str", **_one_of(PARTS)), "split": Column("str", **_one_of(SPLITS))},
    # one row a model, seed, phase and epoch
    "history": {
        "model": Column("str"),
        "seed": Column("int", **_AT_LEAST_0),
        "phase": Column("str", **_one_of(("head", "top", "whole"))),
        "epoch": Column("int", **_AT_LEAST_1),
        "loss": Column("float", **_AT_LEAST_0),
        "auc": Column("float", **_between(0, 1)),
        "val_loss": Column("float", **_AT_LEAST_0),
        "val_auc": Column("float", **_between(0, 1)),
        "seconds": Column("float", **_AT_LEAST_0),
        "kept": Column("bool"),  # the epoch whose weights were kept
    },
    # one row an image of validation or test, model and seed
    "predictions": _CASE
    | {
        "split": Column("str", **_one_of(("validation", "test"))),
        "model": Column("str"),
        "seed": Column("int", **_AT_LEAST_0),
        "probability": Column("float", **_between(0, 1)),  # of pneumonia
    },
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
}
_KINDS = {"str": "str", "int": "Int64", "float": "float64", "bool": "boolean"}  # kinds that refuse or keep the empty


def check(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with the contract's columns, order and kinds.

    Args:
        name: a key of `CONTRACTS`.
        frame: any number of rows; columns as in the contract, in any order.

    Raises:
        TableError: a column is missing or unknown, or a value breaks its rule.
    """
    contract = CONTRACTS[name]
    if set(frame.columns) != set(contract):
        missing, unknown = sorted(set(contract) - set(frame)), sorted(set(frame) - set(contract))
        raise TableError(f"{name} must have the columns of its contract, got missing {missing}, unknown {unknown}")
    return pd.DataFrame({column: _checked(name, column, frame[column]) for column in contract})


def _checked(name: str, column: str, values: pd.Series) -> pd.Series:
    spec = CONTRACTS[name][column]
    try:
        values = values.astype(_KINDS[spec.kind])
    except (TypeError, ValueError) as error:
        raise TableError(f"{name}.{column} must be {spec.kind}, got {error}") from error
    empty = values.isna()
    if empty.any() and not spec.optional:
        raise TableError(f"{name}.{column} must not be empty, got {int(empty.sum())} empty rows")
    if spec.holds is not None:
        bad = values[~empty][~spec.holds(values[~empty]).astype(bool)]
        if len(bad):
            raise TableError(f"{name}.{column} must be {spec.rule}, got {bad.tolist()[0]!r} ({len(bad)} rows)")
    return values if spec.optional else values.astype({"int": "int64", "bool": "bool"}.get(spec.kind, values.dtype))


def write(name: str, frame: pd.DataFrame, path: Path) -> None:
    """Check `frame` against contract `name` and write it as CSV, whole or not at all."""
    checked = check(name, frame)
    with whole(path) as part:
        checked.to_csv(part, index=False, lineterminator="\n")


def read(name: str, path: Path) -> pd.DataFrame:
    """Read the CSV at `path` and check it against contract `name`.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: it breaks its contract.
    """
    kinds = {column: _KINDS[spec.kind] for column, spec in CONTRACTS[name].items() if spec.kind == "str"}
    return check(name, pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""]))
