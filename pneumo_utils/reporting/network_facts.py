"""What the model card says of one network, beside what `card_facts` tells of its study: each from values."""

from __future__ import annotations

import math

import pandas as pd

from pneumo_utils.evaluation import metrics
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import IMAGE_MODELS
from pneumo_utils.reporting import wordings
from pneumo_utils.robustness import perturbed_performance
from pneumo_utils.study.definition import Study


def of_network(store: Store, study: Study, model: str) -> dict:
    """What belongs to one network, beside `card_facts.of_study`.

    Args:
        store: the run directory of a finished study.
        study: the parameters it ran with.
        model: a key of `IMAGE_MODELS` that the study has.

    Raises:
        ValueError: the study has no such network.
    """
    rates = store.read("seed_spread").query("split == 'test' and model == @model").set_index("metric")
    if model not in IMAGE_MODELS or rates.empty:
        raise ValueError(f"model must be a network of the study, got {model!r}")
    seed = study.training.seeds[0]
    points = store.read("operating_points").query("model == @model and rule == @study.evaluation.threshold_rule")
    band = store.read("referral_band").query("model == @model and seed == @seed and split == 'test'").iloc[0]
    made = store.read("models").query("model == @model")
    return {
        "model": model,
        "network": IMAGE_MODELS[model],
        "measured": rates,
        "test_n": int(rates["n"].max()),
        "measured_seeds": int(rates["seeds"].max()),
        "of_first": ", first seed" if rates["seeds"].max() > 1 else "",  # beside the mean over all
        "thresholds": wordings.join_words([_threshold(row, len(points)) for row in points.itertuples()]),
        "start": wordings.describe_start(made) if len(made) else "the mean of the networks it is made of",
        "parameters": _size(made),
        "pretrained": bool((made["start"] == "pretrained").any()),
        "trained_on": wordings.join_words(wordings.describe_computing(made)),
        "referral": _referral(band),
    } | _harms_of(store, seed, model)  # fmt: skip


def _harms_of(store: Store, seed: int, model: str) -> dict:
    """Worst changes and hidden lungs; empty texts for a model that was not shown the pictures made harder."""
    hard = store.read("perturbed_performance").query("seed == @seed and model == @model")
    worst = perturbed_performance.worst_case(hard) if len(hard) else hard
    decided = perturbed_performance.worst_decisions(hard) if len(hard) else hard
    return {
        "worst_own": wordings.join_words([wordings.describe_change(row) for row in worst.itertuples()]),
        "decided_own": wordings.join_words([wordings.describe_decisions(row) for row in decided.itertuples()]),
        "without_lungs_own": wordings.describe_without_lungs(hard, *wordings.outlines_of(store, seed)),
    }


def _threshold(row, seeds: int) -> str:
    return f"{row.threshold:.3f}" + (f" (seed {row.seed})" if seeds > 1 else "")


def _size(made: pd.DataFrame) -> str:
    if made.empty:
        return ""
    return f"{made['parameters'].iloc[0]:,} parameters, {made['trained_parameters'].iloc[0]:,} of them trained"


def _referral(band: pd.Series) -> str:
    """What is left, and how often it is wrong, where the network may say that it is unsure."""
    if math.isinf(band["band"]):
        return "No band on validation keeps the rest as free of errors as was asked: all radiographs would be referred."
    errs = f" and errs in {format_interval(band['error'], band['lower'], band['upper'])} of those (n = {band['n']:,})"
    errs = errs if band["n"] else ": all are referred"
    return (
        f"Within {band['band']:.2f} logits of the operating point it is unsure. It then decides {band['coverage']:.1%} "
        f"of the test radiographs{errs}."
    )


def headline(measured: pd.DataFrame) -> pd.DataFrame:
    """Rows for readers: every metric of one network with its interval and n.

    Args:
        measured: contract `seed_spread`, rows of one model and split, indexed by `metric`.
    """
    names = metrics.HEADLINE | metrics.FURTHER | {"recall": "Recall (sensitivity)"}
    known = [metric for metric in names if metric in measured.index]
    rows = [
        (names[metric], wordings.with_interval(measured.loc[metric]), int(measured.loc[metric, "n"]))
        for metric in known
    ]
    return pd.DataFrame(rows, columns=["measure", "value (95% interval)", "n"])
