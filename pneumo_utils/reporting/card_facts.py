"""What cards and checklists say of a finished study: sentences and small tables, each from values."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.datasets import manifest, patients, sources
from pneumo_utils.evaluation import operating_points
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.explanation import sanity_check
from pneumo_utils.records import fingerprint, provenance
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import IMAGE_MODELS, MODELS, SPLITS
from pneumo_utils.reporting import wordings
from pneumo_utils.reporting.notices import is_drawn
from pneumo_utils.robustness import acquisition_audit, perturbed_performance
from pneumo_utils.study.definition import Study

_PARTS = {"train": "training", "validation": "validation", "test": "test"}  # as tables call them -> as readers do


def kind(store: Store, study: Study) -> str:
    """What the radiographs are: `drawn`, `kermany` (the published set, or a part of it, by its names) or `other`.

    Args:
        store: the run directory of a finished study.
        study: the parameters it ran with.
    """
    source = study.data.source
    return sources.kind(source, store.read("manifest"), is_drawn(store, source))


def of_study(store: Store, study: Study) -> dict:
    """Everything that a template may ask for, but what belongs to one network (`network_facts`).

    Args:
        store: the run directory of a finished study.
        study: the parameters it ran with.

    Returns:
        by name: texts, numbers and lists of texts for sentences; `study` itself and `kind`.
    """
    splits, rates = store.read("splits"), store.read("seed_spread").query("split == 'test'")
    test = splits[splits["split"] == "test"]
    shown = [model for model in IMAGE_MODELS if model in set(rates["model"])]
    return {
        "study": study,
        "name": store.study,
        "kind": kind(store, study),
        "title": study.about.title,
        "summary": " ".join(study.about.summary.split()),
        "networks": wordings.join_words([MODELS[model] for model in shown if model in MODELS]),  # trained ones
        "first_model": next(model for model in study.training.models),
        "seeds": ", ".join(map(str, study.training.seeds)),
        "of_first": ", first seed" if len(study.training.seeds) > 1 else "",  # beside means over all
        "whom": patients.count(splits),
        "whom_test": patients.count(test),
        "n": {split: int((splits["split"] == split).sum()) for split in SPLITS},
        "pneumonia": {split: int(splits.loc[splits["split"] == split, "label"].sum()) for split in SPLITS},
        "children": {split: patients.count(splits[splits["split"] == split]) for split in SPLITS},
        "parts": "; ".join(_part(splits, split) for split in SPLITS),
        "named": int(patients.known(splits).sum()),
        "auc": _each(rates, shown, "auc_roc"),
        "rates": _rates(rates, shown),
        "calibration": _each(rates, shown, "ece"),
        "brier": _each(rates, shown, "brier"),
        "acquisition": _interval(rates, "acquisition", "auc_roc"),
        "missed": _missed(store.read("etiology_sensitivity"), shown, study.training.seeds[0]),
        "point": wordings.describe_point(study.evaluation.threshold_rule),
        "rule": f"{study.evaluation.threshold_rule}: {operating_points.RULES[study.evaluation.threshold_rule]}",
        "starts": wordings.describe_start(store.read("models")),
        "versions": ", ".join(f"{name} {version}" for name, version in provenance.versions().items()),
        "digest": fingerprint.of_file(store.parameters_file)[:16],
        "data_hash": store.data_hash()[:16],
    } | _of_data(store, splits) | _of_checks(store, study)  # fmt: skip


def _of_data(store: Store, splits: pd.DataFrame) -> dict:
    """Files: how many were left out, how they differ from the published set, what they betray of the class."""
    files, known = store.read("manifest"), patients.known(splits)
    tested = splits["split"] == "test"
    shared = set(splits["patient"][tested & known]) & set(splits["patient"][~tested & known])
    twice = store.read("near_duplicates") if store.table_file("near_duplicates").is_file() else None
    sizes = files[["width", "height"]].drop_duplicates()
    return {
        "excluded": int(store.read("exclusions")["files"].sum()),
        "published": "; ".join(manifest.published_counts(files)),
        "patients_known": patients.explain(files),
        "shared": len(shared),
        "apart": "answered" if known.all() and not shared else "partly",  # a status of the checklists
        "copies": "not counted in this study" if twice is None else f"{len(twice):,} pairs",
        "betrayed": _betrayed(store.read("acquisition_audit")),
        "sizes": f"{sizes.iloc[0, 0]} x {sizes.iloc[0, 1]} pixels, all of them" if len(sizes) == 1
        else f"{len(sizes):,} different sizes, width {files['width'].min()} to {files['width'].max():,} pixels",
        "modes": wordings.join_words([f"{count:,} {mode}" for mode, count in files["mode"].value_counts().items()]),
    }  # fmt: skip


def _of_checks(store: Store, study: Study) -> dict:
    """What was tried beyond the test part as it is, of the first seed."""
    hard = store.read("perturbed_performance")
    hard = hard[hard["seed"] == study.training.seeds[0]]
    verdicts = sanity_check.verdicts(store.read("sanity"))
    changed, worst = perturbed_performance.lung_sparing(hard), perturbed_performance.worst_case(hard)
    decided = perturbed_performance.worst_decisions(hard)
    return {
        "ways": len(changed[["perturbation", "strength"]].drop_duplicates()),
        "perturbed_n": int(hard["n"].max()),
        "worst": "; ".join(wordings.describe_change(row) for row in worst.itertuples()),
        "decided": "; ".join(wordings.describe_decisions(row) for row in decided.itertuples()),
        "without_lungs": wordings.describe_without_lungs(hard, *wordings.outlines_of(store, study.training.seeds[0])),
        "sane": wordings.describe_sanity(verdicts),
        "gate": wordings.describe_gate(store.read("gate_checks"), store.read("bundle_scores"), store.read("splits")),
    }  # fmt: skip


def _part(splits: pd.DataFrame, split: str) -> str:
    own = splits[splits["split"] == split]
    return f"{_PARTS[split]} {patients.count(own)}, {own['label'].sum():,} of the radiographs with pneumonia"


def _interval(rates: pd.DataFrame, model: str, metric: str) -> str:
    own = rates[(rates["model"] == model) & (rates["metric"] == metric)]
    return wordings.with_interval(own.iloc[0]) if len(own) else "not measured"


def _each(rates: pd.DataFrame, models: list[str], metric: str) -> str:
    """`VGG16 0.992 (0.986–0.995), ...`, with n."""
    told = [f"{IMAGE_MODELS[model]} {_interval(rates, model, metric)}" for model in models]
    return f"{wordings.join_words(told)}; n = {rates['n'].max():,}"


def _rates(rates: pd.DataFrame, models: list[str]) -> str:
    """Sensitivity and specificity of every network at its operating point."""
    told = [
        f"{IMAGE_MODELS[model]} {_interval(rates, model, 'recall')} and {_interval(rates, model, 'specificity')}"
        for model in models
    ]
    return f"{'; '.join(told)}; n = {rates['n'].max():,}"


def _missed(found: pd.DataFrame, models: list[str], seed: int) -> str:
    """Sensitivity by etiology on the test part, of the first seed."""
    own = found[(found["split"] == "test") & (found["seed"] == seed) & found["model"].isin(models)]
    told = [
        f"{IMAGE_MODELS[row.model]}, {row.etiology} "
        f"{format_interval(row.sensitivity, row.lower, row.upper)}, n = {row.n:,}"
        for row in own.itertuples()
    ]
    return "; ".join(told) or "no pneumonia of a known kind in the test part"


def _betrayed(audit: pd.DataFrame) -> str:
    """What property of the files alone tells the classes apart best in the training folder."""
    train = audit[audit["part"] == "train"]
    together = train["property"] == acquisition_audit.TOGETHER
    own = train[~together].dropna(subset="auc").sort_values("auc")
    if own.empty:
        return "no property of the files could be judged"
    best = own.iloc[-1]
    forest = "".join(
        f"; a forest on all but bytes per pixel, without a lung, {format_interval(row.auc, row.lower, row.upper)}"
        for row in train[together].itertuples()
    )
    return (
        f"{acquisition_audit.NAMES[best['property']]} alone, "
        f"AUC {format_interval(best['auc'], best['lower'], best['upper'])}{forest} "
        f"(n = {best['normal'] + best['pneumonia']:,} of the training folder)"
    )
