"""The front page of a study: data and result at a glance, findings, links to every page, provenance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.datasets import patients
from pneumo_utils.evaluation import metrics
from pneumo_utils.records import fingerprint, provenance
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import ENSEMBLE, MODELS, TITLES
from pneumo_utils.reporting import key_findings, wordings
from pneumo_utils.reporting.display import figure_html
from pneumo_utils.reporting.figures import datasets as dataset_figures
from pneumo_utils.reporting.figures import evaluation as evaluation_figures
from pneumo_utils.reporting.index_page import FrontPage, Page, render_index
from pneumo_utils.reporting.notices import is_published_test
from pneumo_utils.study.definition import Study
from pneumo_utils.study.steps import Step

_CARDS = Page(
    "cards.html", "Cards and checklists", "What must be known before use, and what do the reporting guidelines ask for?"
)
_CASES = Page(
    "cases.html", "Every test radiograph", "What would another operating point mean, and whom would each network miss?"
)
_SHOWN = 10  # radiographs of the strip
_NAMED = 4  # folders that are left out


def write(store: Store, study: Study, steps: list[Step], records: list[dict], notices: list[str]) -> None:
    """Write `index.html`: data and result at a glance, findings, links to every page, how to rerun, provenance.

    Args:
        store: the run directory, every step done.
        study: the parameters it ran with.
        steps: in running order.
        records: of the pipeline, one a step: `seconds` and `commit` of its last run.
        notices: what a reader must know before the numbers; see `notices.notices`.
    """
    measured = store.read("seed_spread")
    headline = metrics.with_intervals(measured, "test", metrics.HEADLINE | {"specificity": "specificity"})
    front = FrontPage(
        study=store.study,
        title=study.about.title,
        summary=" ".join(study.about.summary.split()),
        pages=[
            *(
                Page(f"{step.page}.html", step.title, step.question, record["seconds"])
                for step, record in zip(steps, records, strict=True)
            ),
            _CASES,
            _CARDS,
        ],
        headline=headline.rename(
            index=TITLES, columns={name: name.lower() for name in ("Accuracy", "Precision", "Recall")}
        ),
        caption=caption(measured, study.evaluation.threshold_rule),
        provenance=_provenance(store, study, records),
        notices=notices,
        extent=_extent(store, study),
        omission=omission(store.read("exclusions")),
        findings=key_findings.of_study(store, study),
        data=_strip(store),
        result=_forest(measured),
        rerun=rerun(store.study, study),
    )
    render_index(store.folder / "index.html", front)


def _extent(store: Store, study: Study) -> str:
    cases = store.read("splits")
    told = f"{patients.count(cases)}, tested on {patients.count(cases[cases['split'] == 'test'])}"
    if not is_published_test(store, study.data.source):
        told += ", which are not the published test folder"
    return f"{told}. Research, not for diagnosis."


def omission(exclusions: pd.DataFrame) -> str:
    """Say how many files below the data folder no number counts, and which folders among them.

    Args:
        exclusions: contract of that name.
    """
    files = int(exclusions["files"].sum())
    folders = exclusions[exclusions["path"].str.endswith("/")]
    if exclusions.empty:
        return "Every picture below the data folder was used."
    subject = "One file below the data folder was" if files == 1 else f"{files:,} files below the data folder were"
    named = [f"{path} ({count:,})" for path, count in zip(folders["path"], folders["files"], strict=True)]
    which = f", among them all of {', '.join(named[:_NAMED])}" if named else ""
    more = f" and {len(named) - _NAMED:,} more folders" if len(named) > _NAMED else ""
    return f"{subject} left out of every number here{which}{more}; page 01 says which and why."


def rerun(name: str, study: Study) -> str:
    """The command that makes the report again; folders are whoever's machine it is."""
    given = study.data.source in ("folder", "medmnist"), study.training.weights not in ("imagenet", "none")
    asked = "".join(f" {name}=FOLDER" for name, one in zip(("DATA", "WEIGHTS"), given, strict=True) if one)
    return f"make report STUDY={name}{asked}"


def _strip(store: Store) -> str:
    """Some test radiographs of each kind, drawn without a look."""
    test = store.read("splits").query("split == 'test'")
    order = test.iloc[np.random.default_rng(0).permutation(len(test))]
    kinds = sorted(set(zip(test["label"], test["etiology"], strict=True)))
    shares = np.array_split(np.arange(_SHOWN), len(kinds))
    shown = pd.concat(
        [order[order["etiology"] == kind].head(len(share)) for (_, kind), share in zip(kinds, shares, strict=True)]
    )
    counted = test["label"].map({0: "normal", 1: "pneumonia"}).value_counts()
    words = " and ".join(f"{count:,} {kind}" for kind, count in counted.items())
    drawn = dataset_figures.pictures(store.pictures(shown["path"]), shown["etiology"].tolist(), columns=_SHOWN)
    return figure_html(drawn, f"{len(shown)} of the test part's radiographs ({words}), normal ones first.")


def _forest(measured: pd.DataFrame) -> str:
    test = measured[measured["split"] == "test"]
    drawn = evaluation_figures.forest(
        test, {"auc_roc": "AUC-ROC", "recall": "sensitivity", "specificity": "specificity"}, TITLES
    )
    words = (
        "AUC-ROC, sensitivity and specificity of every network and reference model on the test part, with intervals."
    )
    return figure_html(drawn, words)


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
        f"Test part, n = {test['n'].max():,} radiographs; {trained}{wordings.describe_point(rule)}; in brackets 95% "
        f"intervals, bootstrap over patients"
    )


def _provenance(store: Store, study: Study, records: list[dict]) -> dict[str, str]:
    splits, networks = store.read("splits"), store.read("models")
    counts = ", ".join(f"{count:,} {name}" for name, count in splits["split"].value_counts().items())
    whom = f"{patients.count(splits)} ({counts})"
    commits = list(dict.fromkeys(record["commit"] for record in records))
    return {
        "Code": ", ".join(commits),
        "Parameters": f"parameters.yaml, sha256 {fingerprint.of_file(store.parameters_file)[:16]}",
        "Data": f"{study.data.source}, {whom}, sha256 {store.data_hash()[:16]}",
        "Pictures": f"{study.images.image_size} x {study.images.image_size} pixels in training",
        "Seed": ", ".join(map(str, networks["seed"].unique())),
        "Trained on": ", ".join(wordings.describe_computing(networks)),
        "Memory": f"at most {networks['peak_memory'].max():,.0f} MiB in training",
        "Machine of this page": provenance.machine(),  # others may have trained
        "Versions": ", ".join(f"{name} {version}" for name, version in provenance.versions().items()),
    }
