"""A run directory with the tables that cards and checklists read, made of single rows: no study is run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.records.store import Store
from pneumo_utils.study.definition import Study, load
from support.examples import example

KERMANY, DRAWN, OTHER = "kermany", "drawn", "other"
_SPLITS = {"train": 6, "validation": 4, "test": 4}
_KINDS = ("normal", "bacterial", "normal", "viral")
_MEANS = {"accuracy": 0.961, "precision": 0.931, "recall": 0.941, "f1": 0.951, "auc_roc": 0.971, "specificity": 0.921}
_MEANS |= {"brier": 0.081, "ece": 0.041}  # each metric has a value of its own


def finished_study(folder: Path, kind: str) -> tuple[Store, Study]:
    """A study of two networks on fourteen radiographs.

    Parameters
    ----------
    folder : pathlib.Path
        Of the reports.
    kind : str
        `KERMANY`, `DRAWN` or `OTHER`: what the radiographs are to be taken for.
    """
    study = load("demo" if kind == DRAWN else "kermany", PROJECT / "params", data="" if kind == DRAWN else str(folder))
    store, splits = Store("smoke", folder), _splits()
    store.write("splits", splits)
    number = pd.NA if kind == OTHER else 1
    manifest = example("manifest", len(splits), number=number)
    manifest[["path", "patient", "label", "etiology", "part"]] = splits[
        ["path", "patient", "label", "etiology", "part"]
    ].to_numpy()
    store.write("manifest", manifest.astype({"label": int, "number": "Int64"}))
    store.write("exclusions", example("exclusions", 1, path="train/NORMAL/<b>a|b</b>.txt"))
    for name in ("acquisition_audit", "operating_points", "models", "sanity", "near_duplicates"):
        store.write(name, example(name, 1))
    rule = study.evaluation.threshold_rule
    store.write("operating_points", example("operating_points", 1, model="cnn", seed=0, rule=rule, threshold=0.4567))
    store.write("localisation", example("localisation", 1).head(int(kind == DRAWN)))
    store.write("referral_band", example("referral_band", 1, model="cnn", seed=0, split="test"))
    store.write("etiology_sensitivity", example("etiology_sensitivity", 1, model="cnn", seed=0, split="test"))
    store.write("perturbed_performance", _perturbed())
    outlined = example("outline_predictions", 8)
    outlined = outlined.assign(label=[0, 1] * 4)
    hidden = {"model": "cnn", "seed": 0, "perturbation": "without_lungs", "strength": 1.0}
    seen = outlined.assign(**hidden, path=(names := [f"{n}.jpeg" for n in range(8)]), patient=names)
    store.write("outline_predictions", seen[outlined.columns].assign(probability=[0.1, 0.9] * 3 + [0.8, 0.4]))
    told = example("perturbed_predictions", 8).assign(label=[0, 1] * 4, path=names, patient=names, **hidden)
    store.write("perturbed_predictions", told.assign(probability=[0.2, 0.7] * 3 + [0.8, 0.3]))
    answered = splits[splits["split"] == "test"][["path"]].assign(status="scored", probability=0.5, reason=None)
    store.write("bundle_scores", answered)
    store.write("seed_spread", _measured())
    store.write("gate_checks", _gate_checks())
    store.parameters_file.write_text("", encoding="utf-8")
    return store, study


def _splits() -> pd.DataFrame:
    rows = []
    for split, count in _SPLITS.items():
        for number in range(count):
            etiology = _KINDS[number % len(_KINDS)]
            label = int(etiology != "normal")
            part = "test" if split == "test" else "train"
            path = f"{part}/{('NORMAL', 'PNEUMONIA')[label]}/{split}-{number}.jpeg"
            rows.append((path, f"{split}-{number}", label, etiology, part, split))
    return pd.DataFrame(rows, columns=["path", "patient", "label", "etiology", "part", "split"])


def _perturbed() -> pd.DataFrame:
    told = {"model": "cnn", "seed": 0, "auc": 0.9, "lower": 0.8, "upper": 0.95}
    ways = (("plain", 0.0), ("noise", 25.0), ("without_lungs", 1.0))
    rows = [example("perturbed_performance", 1, perturbation=way, strength=much, **told) for way, much in ways]
    return pd.concat(rows, ignore_index=True)


def _measured() -> pd.DataFrame:
    told = {"split": "test", "sd": None, "seeds": 1, "n": 40}
    rows = [
        example("seed_spread", 1, model=model, metric=metric, mean=mean, lower=mean - 0.02, upper=mean + 0.02, **told)
        for model, less in (("cnn", 0), ("acquisition", 0.01))
        for metric, mean in ((metric, mean - less) for metric, mean in _MEANS.items())
    ]
    return pd.concat(rows, ignore_index=True)


def _gate_checks() -> pd.DataFrame:
    rows = (("radiographs", "scored", 60, 3), ("learned", "refused", 40, 39), ("unlearned", "refused", 30, 28))
    told = [dict(zip(("lesson", "wanted", "n", "refused"), row, strict=True)) for row in rows]
    return pd.concat([example("gate_checks", 1, **one) for one in told], ignore_index=True)
