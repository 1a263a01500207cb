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
EARLIER = "aspect 1.8"  # crops were stretched so far when these rows were made


def render(summary: pd.DataFrame, stressed: pd.DataFrame | None) -> str:
    """The page.

    Args:
        summary: rows of `recipes_summary.csv`.
        stressed: rows of `stress_tests.csv`; None: not tried yet.
    """
    known = recipes.recipes()
    current = summary["recipe"].isin(known)
    tight = None if stressed is None else stressed[stressed["test"] == "tight"]
    earlier = None if tight is None else tight["recipe"].str.contains(EARLIER, regex=False)
    loader = FileSystemLoader(Path(__file__).parent)
    made = Environment(loader=loader, undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return made.get_template("recipes.md.j2").render(
        recipes=known,
        now=[recipes.line(row) for _, row in summary[current].iterrows()],
        before=[recipes.line(row) for _, row in summary[~current].iterrows()],
        crops=None if stressed is None else _of_crops(stressed),
        tau=None if stressed is None else _taus(stressed),
        tight=None if stressed is None else _of_recipes(tight[~earlier]),
        earlier=None if stressed is None else _of_recipes(tight[earlier]),
        spread=None if stressed is None else _spread(tight[~earlier]),
    )


def _of_crops(stressed: pd.DataFrame) -> list[str]:
    """A line per stress test and kind of crops: every seed, judged at the larger side."""
    seen = stressed[(stressed["side"] == stress_tests.JUDGED) & (stressed["views"] == 2)]
    told = []
    for test in seen["test"].unique():
        for crops in stress_tests.CROPS:
            own = seen[(seen["test"] == test) & (seen["recipe"] == crops)]
            areas = [metrics.format_interval(*row) for row in own[["auc", "lower", "upper"]].to_numpy()]
            told.append(f"| {test} | {crops} | {'; '.join(areas)} | {_rates(own)} |")
    return told


def _of_recipes(stressed: pd.DataFrame) -> list[str]:
    """A line per recipe: mean AUC of its seeds, looked at from near and far, and decisions; the best first.

    Args:
        stressed: rows of one test; a way in which a recipe was not judged stays empty, and one that was not judged in
            two views is left to the text.
    """
    told = []
    in_two = stressed["recipe"].isin(stressed[stressed["views"] == 2]["recipe"])
    for recipe, own in stressed[in_two & ~stressed["recipe"].isin(stress_tests.CROPS)].groupby("recipe", sort=False):
        trained, larger, *still = sorted(own[own["views"] == 2]["side"].unique())[:3]
        ways = [(trained, 2), (larger, 2), (*still, 2), (larger, 4), (larger, 10)]
        areas = {(side, views): rows["auc"].mean() for (side, views), rows in own.groupby(["side", "views"])}
        cells = [_mean_area(own, *way) if way in areas else "" for way in ways]
        sides = ", ".join(map(str, (trained, larger, *still)))
        judged = own[(own["side"] == larger) & (own["views"] == (4 if (larger, 4) in areas else 2))]
        cells = [recipe, sides, *cells, _rates(judged), f"{own['seed'].nunique()}"]
        told.append((areas[larger, 2], f"| {' | '.join(cells)} |"))
    return [line for _, line in sorted(told, reverse=True)]


def _mean_area(own: pd.DataFrame, side: int, views: int) -> str:
    """Mean AUC over the seeds of a recipe, and of how many where not of all."""
    judged = own[(own["side"] == side) & (own["views"] == views)]
    some = "" if judged["seed"].nunique() == own["seed"].nunique() else f" (of {judged['seed'].nunique()})"
    return f"{judged['auc'].mean():.4f}{some}"


def _spread(stressed: pd.DataFrame) -> float:
    """How far the AUCs of two seeds of one recipe lie apart at most, judged in one way."""
    recipes_only = stressed[~stressed["recipe"].isin(stress_tests.CROPS)]
    areas = recipes_only.groupby(["recipe", "side", "views"])["auc"]
    return float((areas.max() - areas.min()).max())


def _rates(own: pd.DataFrame) -> str:
    """Sensitivity and specificity, each the mean of the seeds."""
    return f"{own['sensitivity'].mean():.3f}, {own['specificity'].mean():.3f}"


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
