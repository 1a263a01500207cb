"""Several studies on one page: what every network is worth, how far its seeds differ, and what the first study has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from pneumo_utils.evaluation import comparisons, metrics, study_comparison
from pneumo_utils.records import fingerprint
from pneumo_utils.records.vocabulary import IMAGE_MODELS
from pneumo_utils.reporting import finished_study, page_shell, studies_page
from pneumo_utils.reporting.comparison_page import FOLDER
from pneumo_utils.reporting.display import table_html
from pneumo_utils.reporting.finished_study import SHOWN, SIGNIFICANT, ComparisonError, FinishedStudy

_NAMED = 3  # studies that a file name names


def write(names: Sequence[str], reports: Path) -> Path:
    """Write the page of several finished studies, and name it on the page of all studies.

    Args:
        names: of at least two studies; the others are set against the first.
        reports: folder of all reports.

    Returns:
        the page.

    Raises:
        ComparisonError: they are fewer, one is named twice, or has no result.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise ComparisonError(f"studies must be two or more, each once, got {', '.join(names) or 'none'}")
    studies = [finished_study.find(name, reports, "studies") for name in names]
    pairs, unlike = _against_first(studies)
    measured = pd.concat([_measured(one) for one in studies], ignore_index=True)
    alike = _with_equal_test_images(studies)
    target = reports / FOLDER / f"{_file_name(names)}.html"
    page_shell.write(
        target,
        "several_studies.html.j2",
        study=", ".join(names),
        heading=_heading(names),
        description="What every network is worth, how far its seeds differ, and how it compares with the first.",
        notices=finished_study.notices_of(studies),
        studies=[(one.name, one.href) for one in studies],
        findings=[*_best(measured, alike), *_findings(pairs, unlike, names[0])],
        measured=Markup(_measured_table(measured)),
        paired=Markup(_paired_table(pairs, names[0])) if len(pairs) else "",
    )
    studies_page.write(reports)
    return target


def _file_name(names: Sequence[str]) -> str:
    plain = [name.replace("/", "-") for name in names]
    if len(plain) <= _NAMED:
        return "-and-".join(plain)
    return f"{plain[0]}-and-{len(plain) - 1}-others-{fingerprint.of(list(names))[:6]}"  # of these and no others


def _heading(names: Sequence[str]) -> str:
    return (
        f"{', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''} side by side"
    )


def _measured(study: FinishedStudy) -> pd.DataFrame:
    """A row per network: contract `seed_spread` of the test part, metrics in words."""
    table = study.store.read("seed_spread").query("split == 'test'")
    table = table[table["model"].isin(IMAGE_MODELS)]
    auc = table[table["metric"] == "auc_roc"].set_index("model")
    shown = metrics.with_intervals(table, "test", SHOWN)
    spread = [
        f"{row.lowest:.3f}–{row.highest:.3f}" if row.seeds > 1 else "one seed"
        for row in auc.loc[shown.index].itertuples()
    ]
    shown.insert(1, "seeds from–to", spread)
    facts = pd.DataFrame({"study": study.name, "model": shown.index, "auc": auc.loc[shown.index, "mean"].to_numpy()})
    return pd.concat([facts, shown.reset_index(drop=True)], axis=1).assign(n=auc["n"].max())


def _against_first(studies: list[FinishedStudy]) -> tuple[pd.DataFrame, list[str]]:
    """AUC of every network less that of the same in the first study; and the studies that test on other images."""
    first, asked = studies[0], studies[0].sections["evaluation"]
    found, unlike = [], []
    for other in studies[1:]:
        common = set(first.test["model"]) & set(other.test["model"])
        if not common or not study_comparison.same_test_images(first.tested, other.tested):
            unlike.append(other.name)
            continue
        points = (other.points, first.points)
        pair = study_comparison.paired(other.test, first.test, points, asked["replicates"], asked["bootstrap_seed"])
        found.append(pair[pair["metric"] == "auc_roc"].assign(study=other.name))
    pairs = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    return (pairs.assign(p_holm=comparisons.holm(pairs["p"].to_numpy())) if found else pairs), unlike


def _with_equal_test_images(studies: list[FinishedStudy]) -> list[list[str]]:
    """Names of the studies, those together that test on the same images."""
    found: list[list[FinishedStudy]] = []
    for study in studies:
        for others in found:
            if study_comparison.same_test_images(others[0].tested, study.tested):
                others.append(study)
                break
        else:
            found.append([study])
    return [[one.name for one in others] for others in found]


def _best(measured: pd.DataFrame, alike: list[list[str]]) -> list[str]:
    """The best network on each set of test images: AUCs on different ones are no order."""
    said = []
    for names in alike:
        of_them = measured[measured["study"].isin(names)]
        best = of_them.loc[of_them["auc"].idxmax()]
        named = f"{IMAGE_MODELS[best['model']]} of {best['study']}, {best['AUC-ROC']} (n = {best['n']:,})"
        where = f" on the test images of {', '.join(names)}" if len(alike) > 1 else ""
        picked = f"; the best of {len(of_them)} networks is flattered by being picked" if len(of_them) > 1 else ""
        said.append(f"Highest AUC-ROC{where}: {named}{picked}.")
    return said


def _findings(pairs: pd.DataFrame, unlike: list[str], first: str) -> list[str]:
    """How networks differ from those of the first study, in sentences from values."""
    said = []
    apart = pairs[pairs["p_holm"] < SIGNIFICANT] if len(pairs) else pairs
    if len(pairs):
        said.append(f"{len(apart)} of {len(pairs)} networks differ clearly from the same network of {first}.")
    said += [
        f"{row.study}, {IMAGE_MODELS[row.model]}: AUC-ROC "
        f"{metrics.format_interval(row.difference, row.lower, row.upper)} against {first}, "
        f"{metrics.format_p(row.p_holm)}."
        for row in apart.itertuples()
    ]
    if unlike:
        said.append(
            f"Not paired with {first}, as other images are tested on or no network is common: {', '.join(unlike)}."
        )
    return said


def _measured_table(measured: pd.DataFrame) -> str:
    shown = measured.assign(model=measured["model"].map(IMAGE_MODELS)).drop(columns="auc")
    wide = shown.set_index(["study", "model"]).rename_axis(["study", "network"])
    return table_html(wide, "Test part of each study, mean of its seeds, 95% intervals over patients")


def _paired_table(pairs: pd.DataFrame, first: str) -> str:
    shown = pairs.assign(
        model=pairs["model"].map(IMAGE_MODELS),
        text=[metrics.format_interval(row.difference, row.lower, row.upper) for row in pairs.itertuples()],
        p=[metrics.format_p(p) for p in pairs["p_holm"]],  # none is 0
    )
    wide = shown[["study", "model", "text", "p"]].set_index(["study", "model"]).rename_axis(["study", "network"])
    caption = f"AUC-ROC less that of {first} on the same test images, first seed of each, 95% intervals, p by Holm"
    return table_html(wide.rename(columns={"text": "difference"}), caption)
