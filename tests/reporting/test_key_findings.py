"""Five sentences from values: each says what the tables say, whatever the order of a pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import key_findings
from pneumo_utils.study.definition import load


def _auc(model: str, mean: float) -> pd.DataFrame:
    given = {"mean": mean, "lower": mean - 0.05, "upper": mean + 0.02, "n": 40}
    return example("seed_spread", 1, model=model, split="test", metric="auc_roc", **given)


@pytest.fixture
def answers(tmp_path):
    """The findings of a study with given networks and one compared pair."""

    def of(
        aucs: dict[str, float], pair: dict | None = None, pointing: tuple[float, float] | None = None,
        plain: float = 0.95, dark: bool = False, seeds: list[int] | None = None,
        deletion: tuple[float, float] | None = None, unlike: float = 0.7, n: int = 6, kind: str = "bacterial",
    ) -> list[str]:  # fmt: skip
        store = Store("smoke", tmp_path)
        best = max((model for model in aucs if model in ("cnn", "vgg16")), key=aucs.get)
        store.write("seed_spread", pd.concat([_auc(*one) for one in aucs.items()], ignore_index=True))
        own = {"model": best, "seed": 0, "split": "test", "metric": "specificity"}
        store.write("metrics", example("metrics", 1, **own, value=0.85, lower=0.7, upper=0.95))
        compared = example("comparisons", 1, split="test", seed=0, metric="auc_roc", **(pair or {}))
        store.write("comparisons", compared if pair else compared.iloc[:0])
        own = {"model": best, "seed": 0}
        missed = {"sensitivity": 0.9, "lower": 0.8, "upper": 0.96, "n": 20, "etiology": kind, "split": "test"}
        before = missed | {"split": "validation", "sensitivity": 0.95}
        kinds = [example("etiology_sensitivity", 1, **own, **one) for one in (missed, before)]
        store.write("etiology_sensitivity", pd.concat(kinds, ignore_index=True))
        harder = [
            ("plain", 0.0, plain, 0.9, 0.8),
            ("blur", 2.0, 0.8, 0.9, 0.8),
            ("noise", 25.0, 0.9, 0.5, 0.7),
            ("without_lungs", 1.0, 0.5, 0.1, 0.1),
        ]
        rows = [
            example(
                "perturbed_performance",
                1,
                **own,
                perturbation=way,
                strength=by,
                auc=auc,
                lower=auc - 0.1,
                n=30,
                sensitivity=found,
                specificity=spared,
            )
            for way, by, auc, found, spared in harder
        ]
        store.write("perturbed_performance", pd.concat(rows, ignore_index=True))
        checks = [("weights", 0.1), ("labels", unlike)]
        rows = [
            example("sanity", 1, **own, test=test, stage="all", value=up - 0.05, upper=np.nan if dark else up, dark=0.0)
            for test, up in checks
        ]
        store.write("sanity", pd.concat(rows, ignore_index=True))
        rows = [
            example(
                "plausibility",
                1,
                **own,
                outcome="all",
                measure=name,
                value=value,
                lower=value - 0.01,
                upper=value + 0.01,
                n=0 if dark else n,
            )
            for name, value in (("lungs", 0.4), ("lungs_over_gaussian", -0.02 if unlike > 0.5 else 0.02))
        ]
        store.write("plausibility", pd.concat(rows, ignore_index=True))
        hidden = example("faithfulness", 1, **own, kind="deletion", measure="difference", value=0.0, n=12)
        lower, upper = deletion or (np.nan, np.nan)
        store.write("faithfulness", (hidden if deletion else hidden[:0]).assign(lower=lower, upper=upper))
        rows = [
            example("localisation", 1, model=best, method="gradcam", against=against, measure="pointing", value=value)
            for against, value in zip(("nothing", "gaussian"), pointing or (), strict=False)
        ]
        store.write("localisation", pd.concat([example("localisation", 1), *rows], ignore_index=True))
        splits = pd.concat([example("splits", 3, split="test", patient=name) for name in ("a", "b")], ignore_index=True)
        store.write("splits", splits.assign(path=[f"test/NORMAL/{i}.jpeg" for i in range(6)]))
        study = load("smoke", PROJECT / "params")
        if seeds:
            study = study.model_copy(update={"training": study.training.model_copy(update={"seeds": seeds})})
        return [one.answer for one in key_findings.of_study(store, study)]

    return of


PAIR = {"first": "cnn", "second": "vgg16", "difference": -0.03, "lower": -0.05, "upper": -0.01, "p_holm": 0.02}


def test_a_lead_is_that_of_the_best_network_however_the_pair_was_compared(answers):
    lead = answers({"cnn": 0.93, "vgg16": 0.96, "acquisition": 0.7}, PAIR)[0]
    assert lead == (
        "VGG16: AUC-ROC 0.960 (0.910–0.980) on the test part (n = 40), the highest of 2 on this same part. "
        "With seed 0 its AUC lies 0.030 (0.010–0.050) above that of Small CNN in a paired comparison: a lead "
        "(p = 0.020 after Holm's correction)."
    )


def test_a_lead_that_chance_may_have_made_is_told_as_none(answers):
    lead = answers({"cnn": 0.93, "vgg16": 0.96, "acquisition": 0.7}, PAIR | {"p_holm": 0.3})[0]
    assert lead.endswith("in a paired comparison: no clear difference (p = 0.300 after Holm's correction).")


def test_of_a_seed_in_which_the_best_network_is_surely_worse_no_lead_is_told(answers):
    pair = PAIR | {"difference": 0.03, "lower": 0.01, "upper": 0.05, "p_holm": 2e-5}
    lead = answers({"cnn": 0.93, "vgg16": 0.96, "acquisition": 0.7}, pair)[0]
    assert "its AUC lies 0.030 (0.010–0.050) below that of Small CNN" in lead
    assert lead.endswith("of that seed the other one leads (p < 0.001 after Holm's correction).")


def test_two_networks_of_equal_area_are_told_as_equal(answers):
    pair = PAIR | {"difference": 0.0, "lower": np.nan, "upper": np.nan, "p_holm": 1.0}
    assert answers({"cnn": 0.96, "vgg16": 0.96, "acquisition": 0.7}, pair)[0].endswith(
        "With seed 0 its AUC equals that of VGG16."
    )


def test_every_network_that_shares_the_highest_area_is_named(answers):
    pair = PAIR | {"difference": 0.0, "lower": np.nan, "upper": np.nan, "p_holm": 1.0}
    three = answers({"cnn": 0.96, "vgg16": 0.96, "resnet50": 0.96, "acquisition": 0.7}, pair)[0]
    two = answers({"cnn": 0.96, "vgg16": 0.96, "resnet50": 0.95, "acquisition": 0.7}, pair)[0]
    assert "the highest of 3 on this same part, which VGG16 and ResNet50 have, too." in three
    assert "the highest of 3 on this same part, which VGG16 has, too." in two
    near = answers({"cnn": 0.96, "vgg16": 0.96 - 2e-6, "acquisition": 0.7}, pair)[0]
    assert "the highest of 2 on this same part." in near


def test_a_pneumonia_whose_kind_is_unknown_is_not_called_an_unknown_one(answers):
    assert (
        "misses 2 of 20 pneumonias of unknown kind (" in answers({"cnn": 0.93, "acquisition": 0.7}, kind="unknown")[1]
    )


def test_one_network_has_no_lead_and_a_reference_is_never_the_best(answers):
    lead = answers({"cnn": 0.93, "acquisition": 0.99})[0]
    assert lead == "Small CNN: AUC-ROC 0.930 (0.880–0.950) on the test part (n = 40)."


def test_the_others_name_counts_worst_case_checks_and_what_is_not_shown(answers):
    _, missed, elsewhere, maps, limits = answers({"cnn": 0.93, "acquisition": 0.7})
    assert (
        "Small CNN misses 2 of 20 bacterial pneumonias (sensitivity 0.900, 0.800–0.960; on validation 1 of 20)."
        in missed
    )
    assert elsewhere.startswith(
        "Some test radiographs were changed in 2 ways (n = 30). The worst for Small CNN is blur of 2 of the side: "
        "AUC-ROC 0.800 (0.700–0.950) in place of 0.950. It decides worst with noise of 25 grey levels: sensitivity "
        "0.500 (0.800–0.950) and specificity 0.700 (0.700–0.900) in place of 0.900 and 0.800."
    )
    assert missed.endswith("Its specificity there is 0.850 (0.700–0.950).")
    assert elsewhere.endswith("reaches an AUC-ROC of 0.700 (0.650–0.720).")
    assert maps.startswith("No. Its maps pass 1 of 2 sanity checks")
    weight = "A share of 0.400 (0.390–0.410) of their weight lies on the lungs, 0.020 (0.010–0.030) less than a spot"
    assert f"{weight} in the middle of every picture puts there (n = " in maps
    assert (
        limits == "It shows nothing about children: all radiographs are drawn. The test part holds 6 radiographs of 2 "
        "patients."
    )


def test_where_no_change_lowers_the_area_none_is_called_the_worst(answers):
    elsewhere = answers({"cnn": 0.93, "acquisition": 0.7}, plain=0.5)[2]
    assert "None lowers the AUC-ROC of Small CNN; lowest is blur of 2 of the side: AUC-ROC 0.800" in elsewhere


def test_maps_that_are_dark_or_untested_have_no_result(answers):
    maps = answers({"cnn": 0.93, "acquisition": 0.7}, dark=True)[3]
    assert maps == (
        "Its maps could not be put to a sanity check: they must fall apart when what was learned is destroyed. They "
        "are dark, so nothing can be said of the lungs. Whether the answer changes when the marked places are hidden "
        "could not be asked of any radiograph."
    )


def test_maps_of_which_nothing_can_be_said_are_counted(answers):
    counted = "(n = 4 of 6; of the others the map is dark, or no lung is found)"
    assert counted in answers({"cnn": 0.93, "acquisition": 0.7}, n=4)[3]
    assert "(n = 6)" in answers({"cnn": 0.93, "acquisition": 0.7})[3]


@pytest.mark.parametrize(
    ("gap", "answer", "when"),
    [
        ((-0.3, -0.1), "In part.", "sooner"),
        ((-0.3, 0.1), "In part.", "not clearly sooner or later"),
        ((0.1, 0.3), "No.", "later"),
    ],
)
def test_maps_that_hide_the_answer_later_than_another_childs_are_not_believed(answers, gap, answer, when):
    maps = answers({"cnn": 0.93, "acquisition": 0.7}, unlike=0.1, deletion=gap)[3]
    assert maps.startswith(answer)
    assert f"the answer changes {when} than when those of another child's map are (n = 12 pneumonias)." in maps


def test_what_is_of_one_seed_says_so_beside_the_mean_of_several(answers):
    found = answers({"cnn": 0.93, "acquisition": 0.7}, seeds=[0, 1])
    assert [one.startswith("With seed 0: ") for one in found] == [False, True, True, True, False]


def test_where_lesions_are_known_maps_are_graded_by_them(answers):
    maps = answers({"cnn": 0.93, "acquisition": 0.7}, pointing=(0.6, 0.45))[3]
    assert maps.endswith(
        "The brightest place of a map lies in the drawn lesion for a share of 0.600 (0.100–0.300) of the pneumonias, "
        "0.450 (0.100–0.300) more than for a map that is brightest in the middle (n = 40)."
    )
    assert "lesion" not in answers({"cnn": 0.93, "acquisition": 0.7})[3]
