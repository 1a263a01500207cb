"""The outline of the lungs alone is worth something where it differs between the classes, and nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.evaluation import delong
from pneumo_utils.imaging import lung_fields
from pneumo_utils.records import tables
from pneumo_utils.robustness import lung_outline


def drawn(rng, low):
    """A picture whose "lung" reaches down to row `low` or so."""
    picture = np.zeros((32, 32), np.uint8)
    picture[6 : low + rng.integers(-2, 3), 6:26] = 200
    return picture


@pytest.fixture
def outlined(monkeypatch):
    """Splits and pictures: what is bright counts as lung."""
    monkeypatch.setattr(lung_fields, "lung_mask", lambda image: image > 100)

    def make(gap):
        rng, rows = np.random.default_rng(0), 120
        label = np.arange(rows) % 2
        paths = [f"{row:03}.png" for row in range(rows)]
        splits = pd.DataFrame({"path": paths, "patient": paths, "label": label})
        splits["split"] = np.where(np.arange(rows) < 80, "train", "test")
        pixels = np.stack([drawn(rng, 22 - gap * one) for one in label])
        return splits, pixels, splits[splits["split"] == "test"][["path", "patient", "label"]]

    return make


def test_an_outline_that_differs_between_the_classes_gives_them_away(outlined):
    found = lung_outline.predictions(*outlined(gap=6), seed=0)
    tables.check("outline_predictions", found)
    assert lung_outline.worth(found)[0] > 0.95


def test_an_outline_that_does_not_differ_gives_nothing_away(outlined):
    area, lower, upper = lung_outline.worth(lung_outline.predictions(*outlined(gap=0), seed=0))
    assert lower < 0.5 < upper and lower < area < upper


def test_the_grey_of_a_lung_has_no_say(outlined):
    splits, pixels, chosen = outlined(gap=0)
    brighter = np.where(splits["label"].to_numpy()[:, None, None] == 1, np.minimum(pixels, 150), pixels)
    before, after = (lung_outline.predictions(splits, one, chosen, 0) for one in (pixels, brighter))
    assert after["probability"].equals(before["probability"])


def test_no_label_of_the_test_part_has_a_say(outlined):
    splits, pixels, chosen = outlined(gap=6)
    turned = splits.assign(label=splits["label"].where(splits["split"] == "train", 1 - splits["label"]))
    before, after = (lung_outline.predictions(one, pixels, chosen, 0) for one in (splits, turned))
    assert after["probability"].equals(before["probability"])


def test_no_label_of_validation_has_a_say(outlined):
    splits, pixels, chosen = outlined(gap=6)
    splits.loc[40:79, "split"] = "validation"
    turned = splits.assign(label=splits["label"].where(splits["split"] == "train", 1 - splits["label"]))
    before, after = (lung_outline.predictions(one, pixels, chosen, 0) for one in (splits, turned))
    assert after["probability"].equals(before["probability"])


def test_predictions_stand_beside_the_radiographs_they_are_about_in_any_order(outlined):
    splits, pixels, chosen = outlined(gap=6)
    before, after = (lung_outline.predictions(splits, pixels, one, 0)["probability"] for one in (chosen, chosen[::-1]))
    assert after[before.index].to_numpy() == pytest.approx(before.to_numpy())


def test_hidden_lungs_are_compared_with_their_outline_on_the_same_radiographs_by_delong():
    rng, label = np.random.default_rng(0), np.repeat([0, 1], 20)
    outline, hidden = (np.clip(0.5 + gap * (label - 0.5) + 0.2 * rng.standard_normal(40), 0, 1) for gap in (0.2, 0.4))
    names = {"path": [f"{row:02}.png" for row in range(40)], "patient": [f"p{row // 2}" for row in range(40)]}
    cases = pd.DataFrame(names | {"label": label})
    ways = {"plain": 0.5, "without_lungs": hidden, "only_lungs": 1 - hidden}
    perturbed = pd.concat([cases.assign(perturbation=way, probability=said) for way, said in ways.items()])
    mixed = perturbed.assign(model="cnn", seed=0, strength=0.0).sample(frac=1, random_state=0)
    found = lung_outline.compare(mixed, cases.assign(probability=outline)).iloc[0]
    case = label, hidden, outline, cases["patient"]
    wanted = [*delong.difference(*case), delong.compare(*case)[1]]
    assert found[["difference", "lower", "upper", "p"]].tolist() == pytest.approx(wanted)
