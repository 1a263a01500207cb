"""Single results in words, each from values: for findings of pages, for cards and for checklists."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.deployment import bundle_checks
from pneumo_utils.deployment.quality_control.gate_checks import LEARNED, UNLEARNED
from pneumo_utils.deployment.scores import REFUSED
from pneumo_utils.evaluation.metrics import format_interval, format_p, format_rates
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS, TITLES
from pneumo_utils.robustness import lung_outline, perturbations

_STARTS = {"scratch": "random weights, as planned", "pretrained": "ImageNet weights", "random": "random weights"}


def describe_sanity(verdicts: pd.DataFrame) -> str:
    """How many sanity checks are passed, of those that could be made; by `sanity_check.verdicts`."""
    tested = verdicts[verdicts["verdict"] != "not tested"]
    left = len(verdicts) - len(tested)
    if tested.empty:
        return "could not be put to a sanity check"
    passed = int((tested["verdict"] == "pass").sum())
    return f"pass {passed} of {len(tested)} sanity checks" + (f" ({left} more could not be made)" if left else "")


def outlines_of(store: Store, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Contract `outline_predictions`, and `lung_outline.compare` of one seed."""
    outlined = store.read("outline_predictions")
    return outlined, lung_outline.compare(store.read("perturbed_predictions").query("seed == @seed"), outlined)


def describe_gate(checks: pd.DataFrame, again: pd.DataFrame, splits: pd.DataFrame) -> str:
    """What the gate refuses of the test part, class by class, and of what it should refuse.

    Args:
        checks: contract `gate_checks`.
        again: contract `bundle_scores`.
        splits: contract `splits`.
    """
    odd = checks[checks["wanted"] == REFUSED].groupby("lesson")[["refused", "n"]].sum()
    told = [
        f"{odd.loc[lesson, 'refused']:,} of {odd.loc[lesson, 'n']:,} pictures of kinds it {which}"
        for lesson, which in ((LEARNED, "has learned from"), (UNLEARNED, "never saw")) if lesson in odd.index
    ]  # fmt: skip
    by_class = bundle_checks.list_refused(bundle_checks.count_refused(again, splits))
    return f"the gate refuses {join_words([f'{join_words(by_class)} of the test part', *told])}"


def describe_without_lungs(hard: pd.DataFrame, outlined: pd.DataFrame, besides: pd.DataFrame) -> str:
    """AUC-ROC with the lungs hidden, of every network in `hard`, set against that of the outline of the lungs alone.

    Args:
        hard: contract `perturbed_performance`, of one seed.
        outlined: contract `outline_predictions`.
        besides: of `lung_outline.compare`, of the same seed.
    """
    shown = hard[hard["perturbation"] == perturbations.HIDING[0]]
    gaps = besides.set_index("model")
    networks = join_words(
        [f"{TITLES[row.model]} {_auc(row)}, {_beside(gaps.loc[row.model])}" for row in shown.itertuples()]
    )
    alone = format_interval(*lung_outline.worth(outlined))
    return f"{networks}. The outline alone has {alone}" if networks else ""


def _beside(gap: pd.Series) -> str:
    """Where a network lies beside the outline of the lungs."""
    if gap["lower"] > 0 or gap["upper"] < 0:
        return f"{'above' if gap['lower'] > 0 else 'below'} the outline of the lungs ({format_p(gap['p'])})"
    return f"not clearly apart from the outline of the lungs ({format_p(gap['p'])})"


def _auc(row) -> str:
    return format_interval(row.auc, row.lower, row.upper)


def describe_change(row) -> str:
    """One row of `perturbed_performance` in words: network, change, AUC-ROC with interval, and where it is no lower."""
    way = perturbations.describe(row.perturbation, row.strength)
    return f"{TITLES[row.model]}, {way}, AUC-ROC {_auc(row)}{', no lower than as it is' if row.auc_change >= 0 else ''}"


def describe_decisions(row) -> str:
    """One row of `perturbed_performance` in words: network, change, both rates, and where no decision moved."""
    way = perturbations.describe(row.perturbation, row.strength)
    rates = [f"{rate} {format_rates(pd.Series(row._asdict()), rate)}" for rate in ("sensitivity", "specificity")]
    as_before = ", no decision changed" if row.flip_rate == 0 else ""
    return f"{TITLES[row.model]}, {way}, {', '.join(rates)}{as_before} (n = {row.n:,})"


def describe_origin(rule: str) -> str:
    """Where an operating point by a rule of `operating_points.RULES` comes from."""
    return "of 0.5, fixed beforehand" if rule == "half" else f"of rule {rule}, from validation"


def describe_point(rule: str) -> str:
    """The same with what comes from there."""
    return f"operating point {describe_origin(rule)}"


def describe_start(models: pd.DataFrame) -> str:
    """From which weights the networks in `models` (contract of that name) started."""
    told = models.drop_duplicates(["model", "start"])
    return join_words([f"{MODELS[row.model]} from {_STARTS[row.start]}" for row in told.itertuples()])


def describe_computing(models: pd.DataFrame) -> list[str]:
    """On what the networks in `models` were trained, in which precision, each way once."""
    on = models["device"] + " (threads: " + models["threads"].astype(str) + ")"
    return list((on + " in " + models["precision"]).unique())


def join_words(words: list[str]) -> str:
    """`a, b and c`; empty for none."""
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def with_interval(row: pd.Series) -> str:
    """One row of `seed_spread` as text, `0.967 (0.951–0.981)`."""
    return format_interval(row["mean"], row["lower"], row["upper"])
