"""Whose radiograph a file is: by its name, or by a table where names do not tell patients apart."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.datasets import filenames

GROUPED = "as the study groups"  # by the table that was given, else by name


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
    alike = sum(filenames.parse(path, "").number is not None for path in manifest["path"][~told])
    names = f"The names of {alike:,} tell nobody: other pictures of those names lie in other folders. " if alike else ""
    return (
        f"The patient is known for {told.sum():,} of {len(manifest):,} radiographs. Each of the other "
        f"{(~told).sum():,} counts as a patient of its own: the same child may stand in training and test, and "
        f"intervals over patients may be too narrow. {names}A table of paths and patients can tell them (parameter "
        "patients)."
    )


def ids(manifest: pd.DataFrame) -> pd.DataFrame:
    """Name every picture's patient by each of `filenames.READINGS`.

    Args:
        manifest: contract `manifest`; any number of rows.

    Returns:
        one row per row of `manifest`, one text column per reading; a picture without a number is its own patient.
    """
    unnumbered = manifest["number"].isna()
    found = {}
    for reading, columns in filenames.READINGS.items():
        joined = manifest[columns[0]].astype("str")
        for column in columns[1:]:
            joined = joined + "-" + manifest[column].astype("str")
        found[reading] = joined.mask(unnumbered, manifest["path"])
    return manifest[[]].assign(**found)


def overlap(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count the patients trained and tested on, by each of `filenames.READINGS` and as the study groups them.

    Args:
        manifest: contract `manifest`; `val` is trained on.

    Returns:
        one row per reading: `reading`, `patients` (in all parts, pictures of unknown ones left out), `shared` (patients
        in `test` and in another part) and `images` (pictures of `test` that belong to these); the last is `GROUPED`.
    """
    numbered, rows = manifest[manifest["number"].notna()], []
    readings = dict(ids(numbered).items()) | {GROUPED: manifest["patient"][known(manifest)]}
    for reading, named in readings.items():
        tested = manifest["part"].reindex(named.index) == "test"
        shared = set(named[tested]) & set(named[~tested])
        rows.append((reading, named.nunique(), len(shared), int(named[tested].isin(shared).sum())))
    return pd.DataFrame(rows, columns=["reading", "patients", "shared", "images"])
