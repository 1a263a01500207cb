"""The front page of a study: headline table, links to every page, provenance."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.evaluation import metrics
from pneumo_utils.records import provenance
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import ENSEMBLE, MODELS, TITLES
from pneumo_utils.reporting.pages import Page, render_index
from pneumo_utils.study.definition import Study
from pneumo_utils.study.steps import Step


def write(store: Store, study: Study, steps: list[Step], records: list[dict], notices: list[str]) -> None:
    """Write `index.html`: headline table, links to every page, provenance.

    Args:
        store: the run directory, every step done.
        study: the parameters it ran with.
        steps: in running order.
        records: of the pipeline, one a step: `seconds` and `commit` of its last run.
        notices: what a reader must know before the numbers; see `notices.notices`.
    """
    measured = store.read("seed_spread")
    headline = metrics.with_intervals(measured, "test").rename(index=TITLES)
    render_index(
        store.folder / "index.html",
        study=store.study,
        title=study.about.title,
        summary=" ".join(study.about.summary.split()),
        pages=[
            Page(f"{step.page}.html", step.title, step.question, record["seconds"])
            for step, record in zip(steps, records, strict=True)
        ],
        headline=headline.rename(columns={"Accuracy": "accuracy", "Precision": "precision", "Recall": "recall"}),
        caption=caption(measured, study.evaluation.threshold_rule),
        provenance=_provenance(store, study, records),
        notices=notices,
        exclusions=len(store.read("exclusions")),
    )


def caption(seed_spread: pd.DataFrame, rule: str) -> str:
    """What the headline counts.

    Args:
        seed_spread: contract of that name, with rows of the test part.
        rule: a key of `operating_points.RULES`, by which the operating points were chosen.
    """
    test = seed_spread[seed_spread["split"] == "test"]
    seeds = test["seeds"][test["model"].isin(MODELS)].unique()
    pooled = ", the ensemble one score of all" if ENSEMBLE in set(test["model"]) else ""
    of_seeds = f"each network the mean over {' or '.join(map(str, seeds))} seeds{pooled}; "
    trained = of_seeds if max(seeds, default=1) > 1 else ""
    return (
        f"Test part, n = {test['n'].max():,} radiographs; {trained}operating point of each network frozen on "
        f"validation (rule {rule}); in brackets 95 % intervals, bootstrap over patients"
    )


def _provenance(store: Store, study: Study, records: list[dict]) -> dict[str, str]:
    manifest, networks = store.read("manifest"), store.read("models")
    commits = list(dict.fromkeys(record["commit"] for record in records))
    return {
        "Code": ", ".join(commits),
        "Parameters": f"params/{store.study}.yaml, sha256 {study.digest()[:16]}",
        "Data": f"{study.data.source}, {len(manifest):,} radiographs, sha256 {store.data_hash()[:16]}",
        "Seed": ", ".join(map(str, networks["seed"].unique())),
        "Device": ", ".join((networks["device"] + " in " + networks["precision"]).unique()),
        "Memory": f"at most {networks['peak_memory'].max():,.0f} MiB in training",
        "Machine": provenance.machine(),
        "Versions": ", ".join(f"{name} {version}" for name, version in provenance.versions().items()),
    }
