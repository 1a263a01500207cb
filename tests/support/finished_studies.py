"""Finished studies, as far as the pages read them that set studies side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.evaluation import intervals, seed_spread
from pneumo_utils.records.store import Store
from pneumo_utils.study.definition import load, to_yaml
from support.examples import example

N = 60
POINT = {"rule": "half", "seed": 0, "threshold": 0.5}


def predictions(skill: float, models=("cnn", "vgg16"), seed: int = 0) -> pd.DataFrame:
    """Sixty radiographs of thirty patients, judged by networks of so much skill."""
    generator, label = np.random.default_rng(seed), (np.arange(N) % 3 > 0).astype(int)
    own = {"path": [f"test/{i}.jpeg" for i in range(N)], "patient": [f"p{i // 2}" for i in range(N)], "label": label}
    return pd.concat([
        example("predictions", N).assign(
            **own, etiology=np.where(label, "viral", "normal"), model=model, seed=0, split="test",
            probability=np.clip(generator.normal(0.5 + skill * (label - 0.5), 0.2), 0.01, 0.99),
        )
        for model in models
    ], ignore_index=True)  # fmt: skip


def study(reports, name: str, skill: float, models=("cnn", "vgg16"), digest: str = "0f", **training):
    """A finished study, as far as the page reads it."""
    store, judged = Store(name, reports), predictions(skill, models)
    sections = load("smoke", PROJECT / "params").model_dump()
    sections["training"] |= training
    sections["evaluation"] |= {"threshold_rule": "half", "replicates": 200}
    store.parameters_file.parent.mkdir(parents=True)
    store.parameters_file.write_text(to_yaml(sections))
    (store.folder / "index.html").write_text(f"<h1>Title of {name}</h1>")
    store.write("predictions", judged)
    points = [example("operating_points", 1, model=model, **POINT) for model in models]
    store.write("operating_points", pd.concat(points, ignore_index=True))
    store.write("seed_spread", seed_spread.table(intervals.bootstrap(judged, 0.5, 200, 0)))
    own = judged[judged["model"] == models[0]]
    store.write("manifest", example("manifest", N, sha256=digest * 32).assign(
        path=own["path"].to_numpy(), label=own["label"].to_numpy(), part="test"
    ))  # fmt: skip
