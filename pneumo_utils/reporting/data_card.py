"""The data card of a study: where its radiographs come from, how many there are, and what is wrong with them."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.datasets import patients
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import ETIOLOGIES, SPLITS
from pneumo_utils.reporting import card_markdown


def of_facts(store: Store, facts: dict) -> str:
    """The card of the data as Markdown.

    Args:
        store: the run directory of a finished study.
        facts: of `card_facts.of_study`.
    """
    tables = {"counts": _counts(store.read("splits")), "left_out": _left_out(store.read("exclusions"))}
    return card_markdown.fill_template("data_card.md.j2", facts | tables)


def _counts(splits: pd.DataFrame) -> pd.DataFrame:
    """Radiographs and known patients of each split and kind, as text; a kind that never occurs has no column."""
    kinds = [kind for kind in ETIOLOGIES if kind in set(splits["etiology"])]
    rows = []
    for split in SPLITS:
        own = splits[splits["split"] == split]
        rows.append([split, *(_number(own[own["etiology"] == kind]) for kind in kinds), _number(own)])
    rows.append(["all", *(_number(splits[splits["etiology"] == kind]) for kind in kinds), _number(splits)])
    return pd.DataFrame(rows, columns=["split", *kinds, "all"])


def _number(cases: pd.DataFrame) -> str:
    named = patients.known(cases)
    whom = "patients not known" if len(cases) and not named.any() else f"{cases['patient'][named].nunique():,}"
    return f"{len(cases):,} ({whom})"


def _left_out(exclusions: pd.DataFrame) -> pd.DataFrame | None:
    """Files by reason, most first; None where there are none."""
    if exclusions.empty:
        return None
    found = exclusions.groupby("reason", sort=False)["files"].sum().sort_values(ascending=False, kind="stable")
    return pd.DataFrame({"reason": list(found.index), "files": [int(count) for count in found]})
