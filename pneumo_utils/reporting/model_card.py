"""The model card of one network: what it is for, what it was trained on, how good it is, and what nobody has looked at.

Sections follow Mitchell et al. 2019 (doi:10.1145/3287560.3287596) and the fields of the Applied Model Card of the
Coalition for Health AI (schema 0.2); the header is the one that Hugging Face reads.
"""

from __future__ import annotations

import io
import math

import pandas as pd
from ruamel.yaml import YAML

from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import card_facts, card_markdown, network_facts, wordings
from pneumo_utils.study.definition import Study

_HUB = {  # metric of the tables -> as Hugging Face calls it
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "f1": "f1",
    "auc_roc": "roc_auc",
    "brier": "brier_score",
}
_DATA = {  # kind of the radiographs -> identifier and name
    "kermany": ("kermany-2018-chest-xray", "Chest X-Ray Images (Pneumonia), Kermany 2018"),
    "drawn": ("drawn-phantom", "Drawn phantom radiographs, not of children"),
    "other": ("folder", "A folder of radiographs, source not recorded"),
}


def model_card(store: Store, study: Study, model: str) -> str:
    """The card of one network as Markdown with a YAML header.

    Args:
        store: the run directory of a finished study.
        study: the parameters it ran with.
        model: a network of the study, or `ensemble` where it has one.

    Returns:
        text of a `model_card.md` (a `README.md` on Hugging Face).

    Raises:
        ValueError: the study has no such network.
    """
    return of_facts(store, study, model, card_facts.of_study(store, study))


def of_facts(store: Store, study: Study, model: str, facts: dict) -> str:
    """The same from `card_facts.of_study`, for who writes several."""
    own = network_facts.of_network(store, study, model)
    tables = {
        "header": _header(facts | own),
        "headline": network_facts.headline(own["measured"]),
        "value": {metric: wordings.with_interval(row) for metric, row in own["measured"].iterrows()},
        "by_etiology": _by_etiology(store, study, model),
    }
    return card_markdown.fill_template("model_card.md.j2", facts | own | tables)


def _by_etiology(store: Store, study: Study, model: str) -> pd.DataFrame | None:
    found = store.read("etiology_sensitivity")
    chosen = (found["model"] == model) & (found["seed"] == study.training.seeds[0]) & (found["split"] == "test")
    rows = [
        (row.etiology, format_interval(row.sensitivity, row.lower, row.upper), int(row.n), int(row.patients))
        for row in found[chosen].itertuples()
    ]
    return pd.DataFrame(rows, columns=["kind", "sensitivity (95% interval)", "n", "patients"]) if rows else None


def _header(facts: dict) -> str:
    """What Hugging Face reads: licence, tags, and every metric as a number with its interval in the name."""
    identifier, name = _DATA[facts["kind"]]
    drawn = ["phantom"] if facts["kind"] == "drawn" else []
    content = {
        "license": "mit",
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["medical-imaging", "chest-x-ray", "pneumonia", "research-only", "not-a-medical-device", *drawn],
        "metrics": list(_HUB.values()),
        "model-index": [
            {
                "name": f"{facts['network']} of the study {facts['name']}",
                "results": [
                    {
                        "task": {"type": "image-classification", "name": "Pneumonia or normal"},
                        "dataset": {"type": identifier, "name": name, "split": "test"},
                        "metrics": _metrics(facts["measured"]),
                    }
                ],
            }
        ],
    }
    stream, writer = io.StringIO(), YAML()
    writer.width = 1000
    writer.dump(content, stream)
    return f"---\n{stream.getvalue()}---\n"


def _metrics(measured: pd.DataFrame) -> list[dict]:
    """Metrics that are defined, each with interval and n."""
    told = []
    for metric, hub in _HUB.items():
        if metric in measured.index and not math.isnan(measured.loc[metric, "mean"]):
            row = measured.loc[metric]
            bounds = format_interval(row["mean"], row["lower"], row["upper"]).partition("(")[2].rstrip(")")
            precision = bounds if bounds == "no interval" else f"95% interval {bounds}"
            words = f"{hub} ({precision}, n = {int(row['n'])})"
            told.append({"type": hub, "value": round(float(row["mean"]), 4), "name": words})
    return told
