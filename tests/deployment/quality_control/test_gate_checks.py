"""What the gate is shown, what is counted, and what passes the pixels and is caught by its features."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.deployment import bundle_contents
from pneumo_utils.deployment.quality_control import gate_checks, odd_pictures, picture_kinds, unlearned_pictures
from pneumo_utils.deployment.scores import REFUSED, SCORED
from pneumo_utils.evaluation import proportions

SIZE, EACH = 64, 20
PATIENTS = [f"p{n // 2}" for n in range(24)]  # two radiographs each


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
    return gate_checks.measure(BrightGate(), features, radiographs, PATIENTS, EACH, **more).set_index("pictures")


def test_every_kind_is_there_once_with_what_would_be_right(radiographs):
    wanted = measured(radiographs)["wanted"]
    assert wanted.index.is_unique and set(wanted[wanted == SCORED].index) == {
        "test radiographs as they are", "test radiographs, varied mildly", "test radiographs in a black frame"
    }  # fmt: skip
    drawn = {*odd_pictures.KINDS, *unlearned_pictures.KINDS}
    assert {f"drawn: {kind}" for kind in drawn} <= set(wanted[wanted == REFUSED].index)
    assert {"inverted", "cut off", "turned by 90 degrees", "turned by 180 degrees"} <= set(wanted.index)


def test_kinds_that_the_gate_has_learned_from_are_told_apart_from_those_it_has_not(radiographs):
    lesson = measured(radiographs)["lesson"]
    learned = [f"drawn: {kind}" for kind in odd_pictures.KINDS]
    unlearned = [f"drawn: {kind}" for kind in unlearned_pictures.KINDS]
    assert set(lesson[[*learned, "inverted", "cut off", "turned by 90 degrees"]]) == {"learned"}
    assert set(lesson[[*unlearned, "photographs, logos and their windows"]]) == {"unlearned"}
    assert set(lesson[measured(radiographs)["wanted"] == SCORED]) == {"radiographs"}


def test_no_lesson_of_the_gate_holds_a_kind_that_is_called_unlearned(monkeypatch, radiographs):
    asked = []
    draw = odd_pictures.draw
    monkeypatch.setattr(odd_pictures, "draw", lambda kind, *given: asked.append(kind) or draw(kind, *given))
    monkeypatch.setattr(unlearned_pictures, "draw", lambda *given: pytest.fail("an unlearned kind is in the lesson"))
    for _ in picture_kinds._lesson(radiographs, np.random.default_rng(0)):
        pass
    assert set(asked) == set(odd_pictures.KINDS) and not set(asked) & set(unlearned_pictures.KINDS)
    made = unlearned_pictures.KINDS.values()
    assert {one.__module__ for one in made} == {unlearned_pictures.__name__}, "no generator is shared"


def test_what_is_refused_is_counted_with_its_interval_over_patients(radiographs):
    found = measured(radiographs)
    row = found.loc["test radiographs as they are"]
    refused = np.array([one.mean() > 128 for one in radiographs])
    assert (row["n"], row["sources"], row["refused"]) == (24, 12, refused.sum())
    assert row["share"] == refused.mean()
    assert (row["lower"], row["upper"]) == pytest.approx(proportions.clustered_interval(refused, PATIENTS))
    assert found.loc["inverted", "n"] == EACH and found.loc["inverted", "sources"] < EACH


def test_windows_of_a_photograph_count_as_one_source(radiographs, monkeypatch):
    bright = np.full((300, 300), 200, np.uint8)
    monkeypatch.setattr(odd_pictures, "find_photographs", lambda: iter([("a/b.png", bright), ("a/c.png", bright)]))
    row = measured(radiographs).loc["photographs, logos and their windows"]
    assert (row["n"], row["sources"], row["refused"]) == (20, 2, 20)
    assert row["lower"] == pytest.approx(0.025**0.5)


def test_a_machine_without_photographs_says_so(radiographs, monkeypatch):
    monkeypatch.setattr(odd_pictures, "find_photographs", lambda: iter(()))
    row = measured(radiographs).loc["photographs, logos and their windows"]
    assert row["n"] == 0 and np.isnan([row["share"], row["lower"], row["upper"]]).all()


def test_what_the_bundle_tells_of_refusals_is_the_row_of_the_radiographs_as_they_are(radiographs):
    checks = measured(radiographs).reset_index()
    told = gate_checks.count_refusals(checks)
    assert bundle_contents.Refusals(**told).model_dump() == told
    assert [told[name] for name in ("n", "refused")] == checks.loc[0, ["n", "refused"]].tolist()
    none = gate_checks.count_refusals(checks.assign(lower=np.nan, upper=np.nan))
    assert none["lower"] is none["upper"] is None and bundle_contents.Refusals(**none)


@pytest.mark.parametrize("kind", unlearned_pictures.KINDS)
def test_an_unlearned_picture_is_the_same_for_the_same_seed_and_another_for_another(kind):
    one, same, other = (unlearned_pictures.draw(kind, seed, 96) for seed in (4, 4, 5))
    assert one.shape == (96, 96) and one.dtype == np.uint8 and (one == same).all() and (one != other).any()
    with pytest.raises(ValueError, match="kind must be one of fractal, .*, got 'cat'"):
        unlearned_pictures.draw("cat", 0)


def test_what_passes_by_its_pixels_is_looked_at_by_its_features_and_nothing_else_is(radiographs):
    seen = []

    def all_odd(pictures):
        seen.extend(pictures)
        return np.ones((len(pictures), 1))

    assert (measured(radiographs, all_odd)["share"].dropna() == 1).all()
    assert seen and all(picture.mean() <= 128 for picture in seen)


@pytest.mark.long
def test_the_same_seed_shows_the_same_and_another_seed_something_else(radiographs):
    def shown(seed):
        seen = []
        measured(radiographs, lambda pictures: seen.append(pictures.sum()) or np.zeros((len(pictures), 1)), seed=seed)
        return seen

    assert shown(0) == shown(0) != shown(1)
