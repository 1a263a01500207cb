"""Two studies on one page: which parameters differ, what came of it, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from pneumo_utils.evaluation import comparisons, metrics, study_comparison
from pneumo_utils.records.vocabulary import IMAGE_MODELS
from pneumo_utils.reporting import finished_study, page_shell, studies_page
from pneumo_utils.reporting.display import figure_html, table_html
from pneumo_utils.reporting.figures import discrimination
from pneumo_utils.reporting.finished_study import SHOWN, SIGNIFICANT, ComparisonError, FinishedStudy

FOLDER = "compare"  # in the folder of reports


def write(first: str, second: str, reports: Path) -> Path:
    """Write the page of two finished studies, and name it on the page of all studies.

    Args:
        first: name of a study.
        second: name of another.
        reports: folder of all reports.

    Returns:
        the page.

    Raises:
        ComparisonError: one has no result, or both are the same.
    """
    if first == second:
        raise ComparisonError(f"A and B must be two studies, got {first!r} twice")
    sides = [finished_study.find(name, reports, "A and B") for name in (first, second)]
    target = reports / FOLDER / f"{'-against-'.join(name.replace('/', '-') for name in (first, second))}.html"
    differ = _differing(*(side.sections for side in sides), names=(first, second))
    unlike = _why_not_paired(sides)
    pairs = None if unlike else _paired(sides)
    page_shell.write(
        target,
        "comparison.html.j2",
        study=f"{first} and {second}",
        heading=f"{first} against {second}",
        description="Two studies side by side: what differs between them, and what came of it.",
        notices=finished_study.notices_of(sides),
        sides=[(side.name, side.href) for side in sides],
        findings=_findings(sides, len(differ), unlike or pairs),
        differ=Markup(table_html(differ, "Parameters that differ")) if len(differ) else "",
        headline=Markup(_headline(sides)),
        paired=Markup(_paired_table(pairs, sides)) if pairs is not None else "",
        roc=Markup(_roc(sides)),
    )
    studies_page.write(reports)
    return target


def _differing(first: Mapping, second: Mapping, names: tuple[str, str]) -> pd.DataFrame:
    """Parameters that differ, by section, a column per study; what readers are told about it is none."""
    rows = {}
    for section in (name for name in dict.fromkeys([*first, *second]) if name != "about"):
        one, other = first.get(section, {}), second.get(section, {})
        for key in dict.fromkeys([*one, *other]):
            if one.get(key) != other.get(key) or (key in one) != (key in other):
                rows[f"{section}.{key}"] = [
                    _in_words(values[key]) if key in values else None for values in (one, other)
                ]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(names)).rename_axis("parameter")


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != "" else "none"


def _headline(sides: list[FinishedStudy]) -> str:
    """The headline metrics of every network, a column per study."""
    shown = {side.name: metrics.with_intervals(_of_networks(side), "test", SHOWN).stack() for side in sides}
    wide = pd.DataFrame(shown).rename_axis(["network", "metric"]).rename(index=IMAGE_MODELS, level=0)
    counts = " and ".join(f"n = {side.test['path'].nunique():,}" for side in sides)
    rules = " and ".join(dict.fromkeys(side.sections["evaluation"]["threshold_rule"] for side in sides))
    caption = f"Test part of each study ({counts}), operating points of rule {rules}, 95% intervals over patients"
    return table_html(wide, caption)


def _of_networks(side: FinishedStudy) -> pd.DataFrame:
    measured = side.store.read("seed_spread")
    return measured[measured["model"].isin(IMAGE_MODELS)]


def _why_not_paired(sides: list[FinishedStudy]) -> str:
    if not study_comparison.same_test_images(*(side.tested for side in sides)):
        return "The test images differ"
    common = set(sides[0].test["model"]) & set(sides[1].test["model"])
    return "" if common else "The studies have no network in common"


def _paired(sides: list[FinishedStudy]) -> pd.DataFrame:
    asked = sides[0].sections["evaluation"]
    points = (sides[0].points, sides[1].points)
    return study_comparison.paired(sides[0].test, sides[1].test, points, asked["replicates"], asked["bootstrap_seed"])


def _paired_table(pairs: pd.DataFrame, sides: list[FinishedStudy]) -> str:
    shown = pairs.assign(text=comparisons.in_words(pairs))
    wide = shown.pivot(index="model", columns="metric", values="text")
    wide = wide.reindex(index=shown["model"].unique(), columns=list(SHOWN))
    caption = (
        f"{sides[0].name} less {sides[1].name} on the same test images, n = {pairs['n'].max():,}, first seed of each, "
        "95% intervals, p by Holm"
    )
    return table_html(wide.rename(index=IMAGE_MODELS, columns=SHOWN).rename_axis("network"), caption)


def _roc(sides: list[FinishedStudy]) -> str:
    both = pd.concat([side.test.assign(study=side.name) for side in sides])
    both = both[both["model"].isin(IMAGE_MODELS)]
    drawn = discrimination.roc_of_studies(both, IMAGE_MODELS)
    return figure_html(
        drawn, f"ROC curves on the test part, a panel per network, of {sides[0].name} and {sides[1].name}."
    )


def _findings(sides: list[FinishedStudy], differing: int, pairs: pd.DataFrame | str) -> list[str]:
    """What came of it, in sentences from values; of `pairs`, or of why there are none."""
    first, second = (side.name for side in sides)
    count = f"{differing} parameter{'' if differing == 1 else 's'} differ{'s' if differing == 1 else ''}."
    if isinstance(pairs, str):
        return [count, f"{pairs}, so no difference is paired: the intervals of each study stand side by side."]
    said = [count]
    for row in pairs[pairs["metric"] == "auc_roc"].itertuples():
        apart = row.p_holm < SIGNIFICANT
        better = first if row.difference > 0 else second
        verdict = f"{better} is better" if apart else "no clear difference"
        gap = metrics.format_interval(row.difference, row.lower, row.upper)
        said.append(
            f"{IMAGE_MODELS[row.model]}: {verdict}; AUC-ROC of {first} less {second} {gap}, "
            f"{metrics.format_p(row.p_holm)}, n = {row.n:,}."
        )
    return said
