"""Column contracts of the tables that travel through the study, checked whenever one is written or read.

A contract names every column with its kind and its rule. A table that breaks it is never written and never
used: `TableError` says which table, which rule and what was found.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.contracts.columns import Column
from pneumo_utils.records.contracts.datasets import DATASETS
from pneumo_utils.records.contracts.deployment import DEPLOYMENT
from pneumo_utils.records.contracts.evaluation import EVALUATION
from pneumo_utils.records.contracts.explanation import EXPLANATION
from pneumo_utils.records.contracts.networks import NETWORKS
from pneumo_utils.records.contracts.robustness import ROBUSTNESS

CONTRACTS: dict[str, dict[str, Column]] = DATASETS | ROBUSTNESS | NETWORKS | EVALUATION | EXPLANATION | DEPLOYMENT

ONCE = ("manifest", "acquisition")  # a row per picture; splits of a second training may hold one several times
_CSV = {"index": False, "lineterminator": "\n"}
_KINDS = {"str": "str", "int": "Int64", "float": "float64", "bool": "boolean"}  # kinds that refuse or keep the empty


class TableError(ValueError):
    """A table breaks its contract."""


def contract(name: str) -> dict[str, Column]:
    """The columns of the table `name`.

    Raises:
        TableError: there is no table of that name.
    """
    if name not in CONTRACTS:
        raise TableError(f"table must be one of {', '.join(sorted(CONTRACTS))}, got {name!r}")
    return CONTRACTS[name]


def of_seed(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows of `frame`, which has a column `seed`, that are of one seed.

    Raises:
        TableError: there are none.
    """
    if not (found := frame["seed"] == seed).any():
        known = ", ".join(map(str, sorted(frame["seed"].unique())))
        raise TableError(f"seed must be one of {known or 'none yet'}, got {seed!r}")
    return frame[found]


def check(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with the contract's columns, order and kinds.

    Args:
        name: a key of `CONTRACTS`.
        frame: any number of rows; columns as in the contract, in any order.

    Raises:
        TableError: a column is missing or unknown, a value breaks its rule, or a row stands there twice.
    """
    columns = contract(name)
    if set(frame.columns) != set(columns):
        missing, unknown = sorted(set(columns) - set(frame)), sorted(set(frame) - set(columns))
        raise TableError(f"{name} must have the columns of its contract, got missing {missing}, unknown {unknown}")
    checked = pd.DataFrame({column: _check_column(name, column, frame[column]) for column in columns})
    if name in ONCE and (again := checked.loc[checked["path"].duplicated(), "path"]).size:
        raise TableError(f"{name} must have one row per path, got {again.iloc[0]!r} again ({again.size} rows)")
    return checked


def _check_column(name: str, column: str, values: pd.Series) -> pd.Series:
    spec = CONTRACTS[name][column]
    try:
        values = values.astype(_KINDS[spec.kind])
    except (TypeError, ValueError, OverflowError) as error:
        raise TableError(f"{name}.{column} must be {spec.kind}, got {error}") from error
    empty = values.isna() | (values == "") if spec.kind == "str" else values.isna()  # read as the same
    if empty.any() and not spec.optional:
        raise TableError(f"{name}.{column} must not be empty, got {int(empty.sum())} empty rows")
    if spec.kind == "str" and (bad := values[values.str.contains("\r", regex=False, na=False)]).size:
        got = f"{bad.iloc[0]!r} ({len(bad)} rows)"  # pandas would write it as it is, and read the end of a row
        raise TableError(f"{name}.{column} must hold no carriage return, got {got}")
    if spec.holds is not None:
        bad = values[~empty][~spec.holds(values[~empty]).astype(bool)]
        if len(bad):
            raise TableError(f"{name}.{column} must be {spec.rule}, got {bad.tolist()[0]!r} ({len(bad)} rows)")
    return values if spec.optional else values.astype({"int": "int64", "bool": "bool"}.get(spec.kind, values.dtype))


def write(name: str, frame: pd.DataFrame, path: Path) -> None:
    """Check `frame` against contract `name` and write it as CSV, whole or not at all."""
    checked = check(name, frame)
    try:
        with atomic_write(path) as part:
            checked.to_csv(part, **_CSV)
    except UnicodeEncodeError as error:  # of a file name that is no text
        raise TableError(f"{name} must hold text that UTF-8 can write, got {error.object!r}") from error


def holds(name: str, frame: pd.DataFrame, path: Path) -> bool:
    """Whether the file at `path` is, byte for byte, what `write` would make of `frame`."""
    text = check(name, frame).to_csv(**_CSV)
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def _check_end(path: Path) -> None:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return  # pandas says that it is empty
        file.seek(-1, os.SEEK_END)
        if file.read() not in (b"\r", b"\n"):
            raise TableError(f"{path.name} must end with a whole row, got one that is cut off")


def read(name: str, path: Path) -> pd.DataFrame:
    """Read the CSV at `path` and check it against contract `name`.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: it is no table, or breaks its contract, or there is none of that name.
    """
    kinds = {column: _KINDS[spec.kind] for column, spec in contract(name).items() if spec.kind == "str"}
    try:
        _check_end(path)
        frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""])
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path.name} must be a table of comma-separated values in UTF-8, got: {error}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the first cells of rows that are too long for names
        raise TableError(f"{path.name} must have as many cells a row as its head, got more")
    return check(name, frame)
