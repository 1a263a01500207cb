"""The reference images with R's answers about them, and predictions made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st
from scipy.stats import norm

from pneumo_utils.evaluation.weighted_metrics import scores
from support.examples import example

quick = settings(max_examples=30)
REFERENCES = Path(__file__).parents[1] / "evaluation" / "references"
JUDGED = pd.read_csv(REFERENCES / "judged.csv")
ANSWERS = pd.read_csv(REFERENCES / "answers.csv").set_index("name")["value"]
LABEL = JUDGED["label"].to_numpy()
FIRST = JUDGED["first"].to_numpy()


@st.composite
def judged_images(draw):
    """Labels of both classes, and probabilities with ties and the ends 0 and 1."""
    label = draw(st.lists(st.integers(0, 1), min_size=2, max_size=30).filter(lambda drawn: len(set(drawn)) == 2))
    levels = draw(st.lists(st.integers(0, 50), min_size=len(label), max_size=len(label)))
    return np.array(label), np.array(levels) / 50


def unweighted(label, probability, threshold=0.5, **more):
    found = scores(label, probability, np.ones((1, len(label))), threshold, **more)
    return {metric: values[0] for metric, values in found.items()}


def predictions_by_split(splits=("validation", "test")):
    parts = []
    for split in splits:
        for model in ("first", "second"):
            case = example("predictions", len(JUDGED), model=model, seed=0, split=split)
            parts.append(case.assign(label=LABEL, patient=JUDGED["patient"], probability=JUDGED[model]))
    return pd.concat(parts)  # an index with repeats, as frames put together have


def predictions_of_both(**columns):
    """The reference images as the predictions of two models."""
    parts = []
    for model in ("first", "second"):
        part = example("predictions", len(JUDGED), model=model, seed=0, split="test")
        paths = [f"{row:03}.png" for row in range(len(JUDGED))]
        part = part.assign(path=paths, patient=JUDGED["patient"], label=JUDGED["label"], probability=JUDGED[model])
        parts.append(part.assign(**columns))
    return pd.concat(parts, ignore_index=True)


def several_images_each(label, probability, copies=3):
    """Predictions of one model in which every patient has so many images."""
    part = example("predictions", len(label) * copies, model="cnn", seed=0, split="test")
    patient = [f"p{row}" for row in range(len(label)) for _ in range(copies)]
    paths = [f"{row}.png" for row in range(len(part))]
    values = {"label": np.repeat(label, copies), "probability": np.repeat(probability, copies)}
    return part.assign(path=paths, patient=patient, **values)


def bounds(found, metric):
    return tuple(found.set_index("metric").loc[metric, ["lower", "upper"]])


def monte_carlo_error(lower, upper, draws=4000):
    """Four standard deviations of the difference between a bound from `draws` and R's from 20,000."""
    of_normal_bound = np.sqrt(0.025 * 0.975) / norm.pdf(1.96)  # standard errors times the root of the draws
    return 4 * of_normal_bound * np.sqrt(1 / draws + 1 / 20_000) * (upper - lower) / 3.92


@st.composite
def weighted_images(draw, most=30, levels=100):
    """Labels, of one class or both, probabilities with ties, and how often each image counts."""
    label = draw(st.lists(st.integers(0, 1), min_size=1, max_size=most))
    drawn = draw(st.lists(st.integers(0, levels), min_size=len(label), max_size=len(label)))
    counts = draw(st.lists(st.integers(0, 4), min_size=len(label), max_size=len(label)).filter(any))
    return np.array(label), np.array(drawn) / levels, np.array(counts)


@st.composite
def ranked_images(draw):
    """Both classes, and scores of two values or more, with ties and the ends 0 and 1."""
    label = draw(st.lists(st.integers(0, 1), min_size=2, max_size=30).filter(lambda drawn: len(set(drawn)) == 2))
    n = len(label)
    levels = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n).filter(lambda drawn: len(set(drawn)) > 1))
    return np.array(label), np.array(levels) / 20
