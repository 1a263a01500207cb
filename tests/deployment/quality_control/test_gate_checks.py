"""What the gate is shown, what is counted, and what passes the pixels and is caught by its features."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import beta

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.deployment.quality_control import gate_checks, odd_pictures
from pneumo_utils.deployment.scores import REFUSED, SCORED

SIZE, EACH = 64, 20


class BrightGate:
    """Refuses by pixels what is bright on average, and by features what `features` calls odd."""

    def look(self, picture):
        return SimpleNamespace(refused="too bright" if picture.mean() > 128 else "")

    def look_at_features(self, row):
        return SimpleNamespace(refused="strange" if row[0] > 0 else "")


@pytest.fixture(scope="module")
def radiographs():
    drawn = [radiograph.draw(radiograph.ETIOLOGIES[n % 3], n, n, SIZE, SIZE).pixels for n in range(24)]
    return np.stack(drawn)


def measured(radiographs, features=lambda pictures: np.zeros((len(pictures), 1)), **more):
    return gate_checks.measure(BrightGate(), features, radiographs, EACH, **more).set_index("pictures")


def test_every_kind_is_there_once_with_what_would_be_right(radiographs):
    wanted = measured(radiographs)["wanted"]
    assert wanted.index.is_unique and set(wanted[wanted == SCORED].index) == {
        "test radiographs as they are", "test radiographs, varied mildly", "test radiographs in a black frame"
    }  # fmt: skip
    assert {f"drawn: {kind}" for kind in odd_pictures.KINDS} <= set(wanted[wanted == REFUSED].index)
    assert {"inverted", "cut off", "turned by 90 degrees", "turned by 180 degrees"} <= set(wanted.index)


def test_what_is_refused_is_counted_with_the_interval_of_clopper_and_pearson(radiographs):
    found = measured(radiographs)
    for name, pictures in (("test radiographs as they are", radiographs), ("inverted", None)):
        row = found.loc[name]
        if pictures is not None:
            assert (row["n"], row["refused"]) == (len(pictures), sum(one.mean() > 128 for one in pictures))
        assert row["share"] == row["refused"] / row["n"]
        lower = beta.ppf(0.025, row["refused"], row["n"] - row["refused"] + 1) if row["refused"] else 0
        assert row["lower"] == pytest.approx(lower)
    assert found.loc["inverted", "n"] == EACH


def test_what_passes_by_its_pixels_is_looked_at_by_its_features_and_nothing_else_is(radiographs):
    seen = []

    def all_odd(pictures):
        seen.extend(pictures)
        return np.ones((len(pictures), 1))

    assert (measured(radiographs, all_odd)["share"].dropna() == 1).all()
    assert seen and all(picture.mean() <= 128 for picture in seen)


def test_the_same_seed_shows_the_same_and_another_seed_something_else(radiographs):
    def shown(seed):
        seen = []
        measured(radiographs, lambda pictures: seen.append(pictures.sum()) or np.zeros((len(pictures), 1)), seed=seed)
        return seen

    assert shown(0) == shown(0) != shown(1)
