"""Whose radiograph a file is: by its name, or by a table where names do not tell patients apart."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from pneumo_utils.datasets import filenames

GROUPED = "as the study groups"  # by the table that was given, else by name
_COLUMNS = ("path", "patient")


class PatientTableError(ValueError):
    """The table does not say whose radiographs are whose; the message names the row."""


def read_table(table: Path) -> dict[str, str]:
    """Read a CSV file with the columns `path` and `patient`; others are allowed.

    Args:
        table: paths in it are relative to the folder that holds `train` and `test`, with forward slashes.

    Returns:
        patient by path.

    Raises:
        PatientTableError: no such file, not UTF-8, a quote that does not close, a column is missing or there twice, no
            row, a row with more or fewer cells, an empty cell, or a path with two patients.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            for name in _COLUMNS:
                if (count := (rows.fieldnames or []).count(name)) != 1:
                    got = f"{count} called {name}" if count else f"no {name}"
                    raise PatientTableError(f"{table.name} must have the columns path and patient once, got {got}")
            found: dict[str, str] = {}
            for row in rows:
                if None in row or None in row.values():  # a comma in a name, say
                    rule = f"a row must have {len(rows.fieldnames)} cells, as the first has"
                    raise PatientTableError(f"{table.name}, line {rows.line_num}: {rule}; quote cells with commas")
                path, patient = (row[name].strip() for name in _COLUMNS)
                if any(end in path + patient for end in "\r\n"):  # a quote that closes far below
                    raise PatientTableError(f"{table.name}, line {rows.line_num}: no cell may hold an end of line")
                if not path or not patient:
                    raise PatientTableError(f"{table.name}, line {rows.line_num}: path and patient must not be empty")
                if found.setdefault(path, patient) != patient:
                    raise PatientTableError(f"{table.name} must name one patient a path, got two for {path!r}")
            if not found:
                raise PatientTableError(f"{table.name} must name a patient for at least one path, got none")
    except OSError as error:
        raise PatientTableError(f"patients must name a CSV file, got {str(table)!r}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PatientTableError(f"{table.name} must be a CSV file in UTF-8, got: {error}") from error
    return found


def check_paths(patients: dict[str, str], paths: Collection[str], table: str) -> None:
    """See that every path of the table is there: a misspelt one would leave its patient unknown.

    Args:
        patients: as `read_table` returns them.
        paths: every file of the data folder.
        table: name of the table's file.

    Raises:
        PatientTableError: some are not.
    """
    gone = sorted(set(patients) - set(paths))
    if gone:
        raise PatientTableError(
            f"paths in {table} must be files of the data folder, got {len(gone):,} that are not there: {gone[0]!r}"
        )


def known(cases: pd.DataFrame) -> pd.Series:
    """Whether each picture's patient is known, bool; a picture of an unknown one is its own, called by its path.

    Args:
        cases: any table with the columns `path` and `patient`.
    """
    return cases["patient"] != cases["path"]


def count(cases: pd.DataFrame) -> str:
    """How many radiographs of how many patients, in words; where patients are not known, nobody counts them.

    Args:
        cases: as for `known`; at least one row.
    """
    told = known(cases)
    named = cases["patient"][told].nunique()
    if not told.any():
        return f"{len(cases):,} radiographs of unknown patients"
    if told.all():
        return f"{len(cases):,} radiographs of {named:,} patients"
    return f"{len(cases):,} radiographs, {told.sum():,} of them of {named:,} known patients"


def explain(manifest: pd.DataFrame) -> str:
    """Say for how many radiographs the patient is known, and what follows where it is not.

    Args:
        manifest: contract `manifest`.
    """
    told = known(manifest)
    if told.all():
        return f"The patient of each of the {len(manifest):,} radiographs is known."
    return (
        f"The patient is known for {told.sum():,} of {len(manifest):,} radiographs. Each of the other "
        f"{(~told).sum():,} counts as a patient of its own: the same child may stand in training and test, and "
        "intervals over patients may be too narrow. A table of paths and patients can tell them (parameter patients)."
    )


def ids(manifest: pd.DataFrame) -> pd.DataFrame:
    """Name every picture's patient by each of `filenames.READINGS`.

    Args:
        manifest: contract `manifest`; any number of rows.

    Returns:
        one row a row of `manifest`, one text column a reading; a picture without a number is its own patient.
    """
    unnumbered = manifest["number"].isna()
    found = {}
    for reading, columns in filenames.READINGS.items():
        joined = manifest[columns[0]].astype("str")
        for column in columns[1:]:
            joined = joined + "-" + manifest[column].astype("str")
        found[reading] = joined.mask(unnumbered, manifest["path"])
    return manifest[[]].assign(**found)


def overlap(manifest: pd.DataFrame, first: str = "train", second: str = "test") -> pd.DataFrame:
    """Count the patients that stand in two parts at once, by each of `filenames.READINGS` and as the study groups them.

    Args:
        manifest: contract `manifest`.
        first: a value of its column `part`.
        second: another one.

    Returns:
        one row a reading: `reading`, `patients` (in all parts, pictures of unknown ones left out), `shared` (patients
        in both) and `images` (pictures of `second` that belong to a shared patient); the last is `GROUPED`.
    """
    numbered, rows = manifest[manifest["number"].notna()], []
    readings = dict(ids(numbered).items()) | {GROUPED: manifest["patient"][known(manifest)]}
    for reading, named in readings.items():
        one, other = (named[manifest["part"].reindex(named.index) == part] for part in (first, second))
        shared = set(one) & set(other)
        rows.append((reading, named.nunique(), len(shared), int(other.isin(shared).sum())))
    return pd.DataFrame(rows, columns=["reading", "patients", "shared", "images"])
