"""What networks say of harder pictures is summed up, and the worst of it compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pneumo_utils.evaluation.auc import auc_change_with_interval
from pneumo_utils.evaluation.intervals import resample_patients
from pneumo_utils.records import tables
from pneumo_utils.robustness import perturbed_performance


@pytest.fixture
def perturbed():
    """A network that is right on plain pictures, turned round by blur, and right on half when the lungs are hidden."""
    label, rows = np.array([0, 0, 1, 1]), []
    for way, probability in (
        ("plain", [0.1, 0.2, 0.8, 0.9]),
        ("blur", [0.9, 0.8, 0.2, 0.1]),
        ("without_lungs", [0.1] * 4),
    ):
        rows += [(f"{n}", f"p{n}", label[n], way, 0.0, "cnn", 0, probability[n]) for n in range(4)]
    columns = ["path", "patient", "label", "perturbation", "strength", "model", "seed", "probability"]
    return pd.DataFrame(rows, columns=columns)


def test_auc_rates_and_changed_decisions_are_counted_by_hand(perturbed):
    found = perturbed_performance.table(perturbed, {("cnn", 0): 0.5})
    tables.check("perturbed_performance", found)
    by_way = found.set_index("perturbation")
    assert by_way["auc"].to_dict() == {"plain": 1.0, "blur": 0.0, "without_lungs": 0.5}
    assert by_way["flip_rate"].to_dict() == {"plain": 0.0, "blur": 1.0, "without_lungs": 0.5}
    assert by_way.loc["without_lungs", ["sensitivity", "specificity"]].tolist() == [0.0, 1.0]
    assert by_way.loc["plain", "lower"] < 1, "four cases are no certainty"


def test_the_change_of_the_area_is_paired_with_the_picture_as_it_is():
    label = np.repeat([0, 1], 30)
    found = perturbed_performance.table(shown(), {("cnn", 0): 0.5}).set_index("perturbation")
    by_way = {way: part["probability"].to_numpy() for way, part in shown().groupby("perturbation")}
    change = auc_change_with_interval(label, by_way["blur"], by_way["plain"], np.arange(60))
    row = found.loc["blur"]
    assert [row["auc_change"], row["change_lower"], row["change_upper"]] == pytest.approx(list(change))
    assert found.loc["plain", "auc_change"] == 0 and np.isnan(found.loc["plain", "change_lower"])


def test_the_worst_decisions_need_not_be_the_worst_order():
    rows = [("plain", 0.9, 0.9, 0.9), ("noise", 0.6, 0.8, 0.8), ("blur", 0.9, 1.0, 0.1), ("without_lungs", 0.1, 0, 0)]
    found = pd.DataFrame(rows, columns=["perturbation", "auc", "sensitivity", "specificity"])
    found = found.assign(model="cnn", seed=0)
    assert perturbed_performance.worst_case(found)["perturbation"].tolist() == ["noise"]
    assert perturbed_performance.worst_decisions(found)["perturbation"].tolist() == ["blur"]


def test_the_worst_case_leaves_hidden_lungs_aside(perturbed):
    found = perturbed_performance.table(perturbed, {("cnn", 0): 0.5})
    assert perturbed_performance.worst_case(found)["perturbation"].tolist() == ["blur"]
    worse = found.assign(auc=found["auc"].where(found["perturbation"] != "without_lungs", -1.0))
    assert perturbed_performance.worst_case(worse)["perturbation"].tolist() == ["blur"]


def test_every_network_has_its_own_worst_case():
    rows = [("noise", 0, 0.6), ("blur", 0, 0.7), ("noise", 1, 0.9), ("blur", 1, 0.8)]
    found = pd.DataFrame(rows, columns=["perturbation", "seed", "auc"]).assign(model="cnn")
    found = found.assign(sensitivity=found["auc"], specificity=found["auc"])
    for worst in (perturbed_performance.worst_case, perturbed_performance.worst_decisions):
        assert worst(found)[["seed", "perturbation"]].to_numpy().tolist() == [[0, "noise"], [1, "blur"]]


def test_the_table_in_words_names_network_and_way(perturbed):
    said = perturbed_performance.for_display(perturbed_performance.table(perturbed, {("cnn", 0): 0.5}))
    assert said.index.unique().tolist() == ["Small CNN"]
    assert said["way"].tolist() == ["As it is", "Blur, 0", "Lungs hidden"]


def shown(seed=0, worse=0.0):
    """Sixty patients in three ways; a network that loses the pictures of one way more and more."""
    generator, label = np.random.default_rng(seed), np.repeat([0, 1], 30)
    parts = []
    for way, noise in (("plain", 0.2), ("blur", 0.4 + worse), ("only_lungs", 9.0)):
        said = np.clip(0.5 + 0.3 * (label - 0.5) + 0.2 * noise * generator.standard_normal(60), 0, 1)
        case = {"path": [f"{n}.png" for n in range(60)], "patient": [f"p{n}" for n in range(60)], "label": label}
        parts.append(pd.DataFrame(case).assign(perturbation=way, strength=0.0, model="cnn", seed=0, probability=said))
    return pd.concat(parts, ignore_index=True)


def test_the_order_of_cases_has_no_say_in_what_changes():
    changed = ["auc_change", "change_lower", "change_upper", "flip_rate"]
    mixed = shown().sample(frac=1, random_state=0)
    before, after = (
        perturbed_performance.table(one, 0.5).set_index("perturbation")[changed] for one in (shown(), mixed)
    )
    pd.testing.assert_frame_equal(after.loc[before.index], before)


def test_every_network_is_compared_with_its_own_answers_to_the_picture_as_it_is():
    wrong = shown().assign(probability=1 - shown()["probability"])
    parts = [shown(), wrong.assign(seed=1), wrong.assign(model="vgg16")]
    alone = [perturbed_performance.table(part, 0.5) for part in parts]
    together = perturbed_performance.table(pd.concat(parts), 0.5)
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))


def test_the_gap_of_worst_cases_is_that_of_the_lowest_areas_with_an_interval_over_patients():
    strong, weak = shown(), shown(worse=1.0)
    gap, lower, upper = perturbed_performance.worst_case_difference(strong, weak, 500, 0)
    blurred = [one[one["perturbation"] == "blur"] for one in (strong, weak)]
    areas = [roc_auc_score(one["label"], one["probability"]) for one in blurred]
    assert gap == pytest.approx(areas[0] - areas[1]) and 0 < lower < gap < upper
    assert perturbed_performance.worst_case_difference(strong, strong, 100, 0) == (0.0, 0.0, 0.0)


def test_the_gap_of_worst_cases_leaves_pictures_without_lungs_aside():
    guessed = shown().replace({"perturbation": {"only_lungs": "without_lungs"}})
    hidden = guessed["perturbation"] == "without_lungs"
    known = guessed.assign(probability=guessed["probability"].mask(hidden, guessed["label"]))
    assert perturbed_performance.worst_case_difference(guessed, known, 50, 0)[0] == 0


def test_the_interval_of_a_gap_is_the_basic_one_of_draws_that_have_each_its_own_worst_way():
    pair = [one.sort_values("path", kind="stable") for one in (shown(), shown(worse=0.3))]
    found = perturbed_performance.worst_case_difference(*pair, 200, 3, level=0.8)
    plain = pair[0][pair[0]["perturbation"] == "plain"]
    ill, gaps = plain["label"].to_numpy() == 1, []
    drawn = resample_patients(plain["patient"].to_numpy(), 200, 3)
    for times in np.vstack([np.ones_like(drawn[:1]), drawn]):
        lowest = []
        for network in pair:
            areas = []
            for way in ("plain", "blur"):
                said = network.loc[network["perturbation"] == way, "probability"].to_numpy()
                won = np.sign(said[ill][:, None] - said[~ill]) / 2 + 1 / 2  # by every pair of ill and well
                areas.append(times[ill] @ won @ times[~ill] / times[ill].sum() / times[~ill].sum())
            lowest.append(min(areas))
        gaps.append(lowest[0] - lowest[1])
    low, high = np.quantile(gaps[1:], [0.1, 0.9])
    assert found == pytest.approx((gaps[0], 2 * gaps[0] - high, 2 * gaps[0] - low))
    assert abs(low + high - 2 * gaps[0]) > 0.005, "where draws lie even about the gap, the interval tells nothing"


def test_the_gap_of_worst_cases_needs_the_same_cases():
    with pytest.raises(ValueError, match="the same cases in the same ways"):
        perturbed_performance.worst_case_difference(shown(), shown().query("path != '3.png'"), 100, 0)
