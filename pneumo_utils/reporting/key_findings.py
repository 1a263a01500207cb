"""What a reader of the front page wants to know first: five questions, each answered in a sentence from values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.datasets import patients
from pneumo_utils.evaluation.metrics import format_interval, format_p, format_rates
from pneumo_utils.explanation import faithfulness, plausibility, sanity_check
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.reporting import wordings
from pneumo_utils.reporting.index_page import KeyFinding
from pneumo_utils.reporting.notices import is_drawn
from pneumo_utils.robustness import perturbations, perturbed_performance
from pneumo_utils.study.definition import Study

_SIGNIFICANT = 0.05
_PROOFS = {  # where the answer to each question is proved
    "Which network is best, and by how much?": "04_evaluation.html#is-one-network-better-than-another",
    "What does it miss?": "04_evaluation.html#is-one-kind-of-pneumonia-missed",
    "Does it hold when pictures are taken differently?": (
        "06_robustness.html#does-it-hold-when-pictures-are-taken-differently"
    ),
    "Can its heat maps be believed?": "05_gradcam.html#does-the-map-depend-on-what-was-learned",
    "What does this not show?": "04_evaluation.html#limits",
}


def of_study(store: Store, study: Study) -> list[KeyFinding]:
    """The findings of a finished study; all but the first and the last are about the network with the highest AUC.

    Args:
        store: the run directory, every step done.
        study: the parameters it ran with.
    """
    rates = store.read("seed_spread").query("split == 'test'")
    test = rates.query("metric == 'auc_roc'").set_index("model")
    ranked = test[test.index.isin(MODELS)].sort_values("mean", ascending=False, kind="stable")
    best, seed = ranked.index[0], study.training.seeds[0]
    of_one = f"With seed {seed}: " if len(study.training.seeds) > 1 else ""  # the headline above is their mean

    def own(table: str) -> pd.DataFrame:
        found = store.read(table)
        return found[(found["model"] == best) & (found["seed"] == seed)]

    tested = store.read("splits").query("split == 'test'")
    pairs = store.read("comparisons").query("split == 'test' and metric == 'auc_roc' and seed == @seed")
    spared = own("metrics").query("split == 'test' and metric == 'specificity'").iloc[0]
    pointing = store.read("localisation").query("model == @best and method == @study.gradcam.heat_map")
    answers = (
        _lead(ranked, seed, pairs),
        of_one + _missed(best, own("etiology_sensitivity"), spared, study),
        of_one + _elsewhere(best, own("perturbed_performance"), test),
        of_one + _maps(own("sanity"), own("plausibility"), own("faithfulness"), pointing, len(tested)),
        _limits(tested, is_drawn(store, study.data.source)),
    )
    return [KeyFinding(*one) for one in zip(_PROOFS, answers, _PROOFS.values(), strict=True)]


def _lead(ranked: pd.DataFrame, seed: int, pairs: pd.DataFrame) -> str:
    """Best network, and its paired difference from the next."""
    first = ranked.iloc[0]
    auc = format_interval(first["mean"], first["lower"], first["upper"])
    best = np.isclose(ranked["mean"], first["mean"], rtol=0, atol=1e-9)
    alike = [MODELS[model] for model in ranked.index[best][1:]]
    too = f", which {wordings.join_words(alike)} {'has' if len(alike) == 1 else 'have'}, too" if alike else ""
    picked = f", the highest of {len(ranked)} on this same part{too}" if len(ranked) > 1 else ""
    told = f"{MODELS[first.name]}: AUC-ROC {auc} on the test part (n = {first['n']:,}){picked}."
    if len(ranked) == 1:
        return told
    second = ranked.index[1]
    pair = pairs[pairs["first"].isin((first.name, second)) & pairs["second"].isin((first.name, second))].iloc[0]
    turned = -1 if pair["first"] == second else 1
    gap, bounds = turned * pair["difference"], sorted(turned * bound for bound in (pair["lower"], pair["upper"]))
    if gap == 0:
        return f"{told} With seed {seed} its AUC equals that of {MODELS[second]}."
    lead = "a lead" if gap > 0 else "of that seed the other one leads"
    sure = lead if pair["p_holm"] < _SIGNIFICANT else "no clear difference"
    return (
        f"{told} With seed {seed} its AUC lies {_aside(gap, bounds)} that of {MODELS[second]} in a paired "
        f"comparison: {sure} ({format_p(pair['p_holm'])} after Holm's correction)."
    )


def _aside(gap: float, bounds: list[float]) -> str:
    lower, upper = bounds
    return (
        f"{format_interval(gap, lower, upper)} above" if gap >= 0 else f"{format_interval(-gap, -upper, -lower)} below"
    )


def _missed(best: str, found: pd.DataFrame, spared: pd.Series, study: Study) -> str:
    """False negatives by etiology, those of validation beside them, and what they are paid with."""
    before = {row.etiology: _count_missed(row) for row in found[found["split"] == "validation"].itertuples()}
    parts = [
        f"{_count_missed(row)} {_pneumonias(row.etiology)} (sensitivity "
        f"{_unbracketed(format_interval(row.sensitivity, row.lower, row.upper))}; on validation "
        f"{before.get(row.etiology, 'there are none')})"
        for row in found[found["split"] == "test"].itertuples()
    ]
    kinds = " and ".join(parts) or "no pneumonia, as there is none in the test part"
    origin = wordings.describe_origin(study.evaluation.threshold_rule)
    return (
        f"At a threshold {origin}, {MODELS[best]} misses "
        f"{kinds}. Its specificity there is {format_interval(spared['value'], spared['lower'], spared['upper'])}."
    )


def _pneumonias(etiology: str) -> str:
    return "pneumonias of unknown kind" if etiology == "unknown" else f"{etiology} pneumonias"


def _count_missed(row) -> str:
    return f"{round((1 - row.sensitivity) * row.n):,} of {row.n:,}"


def _elsewhere(best: str, found: pd.DataFrame, test: pd.DataFrame) -> str:
    """Worst perturbation, and what the acquisition alone gives away."""
    plain = found[found["perturbation"] == perturbations.PLAIN].iloc[0]
    if not perturbed_performance.lung_sparing(found)["auc"].notna().any():
        return "Not known: the radiographs that were changed are of one class."
    worst, decided = (
        pick(found).iloc[0] for pick in (perturbed_performance.worst_case, perturbed_performance.worst_decisions)
    )
    way, other = (perturbations.describe(one["perturbation"], one["strength"]) for one in (worst, decided))
    ways = len(perturbed_performance.lung_sparing(found))
    auc, alone = (
        format_interval(row[middle], row["lower"], row["upper"])
        for row, middle in ((worst, "auc"), (test.loc["acquisition"], "mean"))
    )
    lowered = worst["auc"] < plain["auc"]
    harmed = sum(decided[rate] - plain[rate] for rate in ("sensitivity", "specificity")) < 0
    decides = "It decides worst" if harmed else "None makes its decisions worse; the least good are those"
    harm = f"The worst for {MODELS[best]} is" if lowered else f"None lowers the AUC-ROC of {MODELS[best]}; lowest is"
    return (
        f"Some test radiographs were changed in {ways} ways (n = {plain['n']:,}). {harm} "
        f"{way}: AUC-ROC {auc} in place of {plain['auc']:.3f}. {decides} with {other}: sensitivity "
        f"{format_rates(decided, 'sensitivity')} and specificity {format_rates(decided, 'specificity')} in place of "
        f"{plain['sensitivity']:.3f} and {plain['specificity']:.3f}. A model that sees no lungs, only how "
        f"pictures were taken and saved, reaches an AUC-ROC of {alone}."
    )


def _maps(sane: pd.DataFrame, lie: pd.DataFrame, hidden: pd.DataFrame, pointing: pd.DataFrame, tested: int) -> str:
    """Sanity checks passed, share on the lungs, what hiding the marked places does, and lesions where known."""
    points = bool((pointing.query("measure == 'pointing' and against == 'gaussian'")["lower"] > 0).any())
    checks, share = sanity_check.verdicts(sane), lie[lie["outcome"] == plausibility.ALL].set_index("measure")
    lungs, gain = share.loc["lungs"], share.loc["lungs_over_gaussian"]
    deletion = faithfulness.deletion_beside_another(hidden)
    told = f"Its maps {wordings.describe_sanity(checks)}: they must fall apart when what was learned is destroyed."
    if set(checks["verdict"]) & {"pass", "FAIL"}:
        beside = gain["upper"] < 0 and not points  # a spot that knows nothing does better, and no lesion says otherwise
        late = deletion is not None and deletion[0] == "later"
        told = ("No. " if beside or late or "FAIL" in set(checks["verdict"]) else "In part. ") + told
    return f"{told} {_on_lungs(lungs, gain, tested)} {_hiding(deletion)}{_pointing(pointing)}"


def _on_lungs(lungs: pd.Series, gain: pd.Series, tested: int) -> str:
    """How much of the maps lies on the lungs, and of how many nothing can be said."""
    if not lungs["n"]:
        return "They are dark, so nothing can be said of the lungs."
    weight = format_interval(lungs["value"], lungs["lower"], lungs["upper"])
    left_out = tested - lungs["n"]
    others = f" of {tested:,}; of the others the map is dark, or no lung is found" if left_out else ""
    return (
        f"A share of {weight} of their weight lies on the lungs, {_compare(gain)} a spot in the middle of every "
        f"picture puts there (n = {lungs['n']:,}{others})."
    )


def _hiding(deletion: tuple[str, pd.Series] | None) -> str:
    """Whether the places that the maps mark carry the answer."""
    if deletion is None:
        return "Whether the answer changes when the marked places are hidden could not be asked of any radiograph."
    verdict, gap = deletion
    when = verdict if verdict in ("sooner", "later") else "not clearly sooner or later"
    return (
        f"When the marked places are hidden first, the answer changes {when} than when those of another child's map "
        f"are (n = {gap['n']:,} pneumonias)."
    )


def _pointing(found: pd.DataFrame) -> str:
    """How often the brightest place of a map lies in the lesion, where lesions are known; else nothing."""
    if found.empty:
        return ""
    rows = found[found["measure"] == "pointing"].set_index("against")
    own, gain = rows.loc["nothing"], rows.loc["gaussian"]
    share = format_interval(own["value"], own["lower"], own["upper"])
    return (
        f" The brightest place of a map lies in the drawn lesion for a share of {share} of the pneumonias, "
        f"{_compare(gain)} for a map that is brightest in the middle (n = {own['n']:,})."
    )


def _compare(gain: pd.Series) -> str:
    """By how much more or less than its rival, so that no number has the wrong sign."""
    if gain["upper"] < 0:
        return f"{format_interval(-gain['value'], -gain['upper'], -gain['lower'])} less than"
    by = format_interval(gain["value"], gain["lower"], gain["upper"])
    return f"{by} more than" if gain["lower"] > 0 else f"not clearly more or less (by {_unbracketed(by)}) than"


def _unbracketed(interval: str) -> str:
    """The words of an interval for where brackets are open already."""
    return interval.replace(" (", ", ").rstrip(")")


def _limits(tested: pd.DataFrame, drawn: bool) -> str:
    """Whom the test part stands for."""
    whom = patients.count(tested)
    if drawn:
        return f"It shows nothing about children: all radiographs are drawn. The test part holds {whom}."
    return (
        f"It does not show how a network does in other hospitals, at other ages, or beside a radiologist: the test "
        f"part is {whom} of the same source."
    )
