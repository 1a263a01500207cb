"""Writes `docs/recipes.md`, the story of the recipes, from the rows that `recipes.py` and `stress_tests.py` left.

.venv/bin/python benchmarks/recipes_page.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import recipes
import rows
import stress_tests
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pneumo_utils.evaluation import metrics
from pneumo_utils.records.atomic import atomic_write

TARGET = rows.PROJECT / "docs" / "recipes.md"


def render(summary: pd.DataFrame, stressed: pd.DataFrame | None) -> str:
    """The page.

    Args:
        summary: rows of `recipes_summary.csv`.
        stressed: rows of `stress_tests.csv`; None: not tried yet.
    """
    known = recipes.recipes()
    current = summary["recipe"].isin(known)
    loader = FileSystemLoader(Path(__file__).parent)
    made = Environment(loader=loader, undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return made.get_template("recipes.md.j2").render(
        recipes=known,
        now=[recipes.line(row) for _, row in summary[current].iterrows()],
        before=[recipes.line(row) for _, row in summary[~current].iterrows()],
        stress=None if stressed is None else _by_test(stressed),
        tau=None if stressed is None else _taus(stressed),
    )


def _by_test(stressed: pd.DataFrame) -> pd.DataFrame:
    """AUC with interval, a row a kind of crops and a column a stress test."""
    text = [metrics.format_interval(*row) for row in stressed[["auc", "lower", "upper"]].to_numpy()]
    wide = stressed.assign(text=text).pivot(index="crops", columns="test", values="text")
    order = [crops for crops in stress_tests.CROPS if crops in wide.index]
    return wide.reindex(index=order, columns=stressed["test"].unique()).fillna("")


def _taus(stressed: pd.DataFrame) -> dict[str, str]:
    return {test: f"{stress_tests.rank_agreement(own):+.2f}" for test, own in stressed.groupby("test", sort=False)}


def read() -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """What `render` takes, as far as it is there."""
    return pd.read_csv(rows.FOLDER / "recipes_summary.csv"), rows.read("stress_tests")


def main() -> None:
    """Write the page."""
    with atomic_write(TARGET) as part:
        part.write_text(render(*read()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
