"""Some test radiographs are shown in every way, in one order, each squashed as ever."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import decoding
from pneumo_utils.records import tables
from pneumo_utils.robustness import perturbations, perturbed_cases
from pneumo_utils.robustness.perturbations import FileFormat

FILES = {0: FileFormat(80 * 60, 95.0), 1: FileFormat(60 * 40, 60.0)}


@pytest.fixture
def splits():
    label = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    frame = pd.DataFrame({"path": [f"test/{n}.png" for n in range(10)], "patient": list("aabcdeffgh"), "label": label})
    return frame.assign(split=["test"] * 9 + ["train"])


def test_cases_are_half_normal_of_many_patients_and_never_trained_on(splits):
    found = perturbed_cases.choose_cases(splits, 4, seed=0)
    assert found["label"].tolist().count(0) == 2 and found["patient"].is_unique
    assert not set(found["path"]) & set(splits.loc[splits["split"] != "test", "path"])
    assert (
        len(perturbed_cases.choose_cases(splits, 100, seed=0)) == 9
        and perturbed_cases.choose_cases(splits, 8, 0)["label"].sum() == 5
    )
    pd.testing.assert_frame_equal(found, perturbed_cases.choose_cases(splits, 4, seed=0))


def test_every_case_is_shown_in_every_way_once(splits):
    planned = perturbed_cases.plan_perturbations(perturbed_cases.choose_cases(splits, 4, seed=0), FILES)
    tables.check("perturbations", planned)
    assert not planned.duplicated(["path", "perturbation", "strength"]).any()
    assert set(planned["perturbation"]) == {
        perturbations.PLAIN,
        *perturbations.PERTURBATIONS,
        perturbations.SWAPPED_FRAMING,
        perturbations.SWAPPED_FILES,
    }
    assert perturbations.SWAPPED_FILES not in set(
        perturbed_cases.plan_perturbations(perturbed_cases.choose_cases(splits, 4, seed=0), None)["perturbation"]
    )


def test_pictures_come_in_the_order_of_the_plan_each_squashed_as_ever(splits, tmp_path):
    (tmp_path / "test").mkdir()
    for n, path in enumerate(splits["path"]):
        drawn = radiograph.draw("viral" if splits["label"][n] else "normal", n, n, height=120, width=150).pixels
        (tmp_path / path).write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    planned = perturbed_cases.plan_perturbations(perturbed_cases.choose_cases(splits, 4, seed=0), FILES)
    shown = list(perturbed_cases.pictures(planned, tmp_path, 48, FILES))
    assert len(shown) == len(planned) and {one.shape for one in shown} == {(48, 48)}
    for square, row in zip(shown, planned.itertuples(), strict=True):
        pixels = cv2.imread(str(tmp_path / row.path), cv2.IMREAD_GRAYSCALE)
        if row.perturbation == perturbations.PLAIN:
            np.testing.assert_array_equal(square, cv2.resize(pixels, (48, 48), interpolation=cv2.INTER_AREA))
        if row.perturbation in perturbations.HIDING:
            wanted = perturbations.perturb(decoding.resize(pixels, 48), row.perturbation, row.strength)
            np.testing.assert_array_equal(square, wanted)
        if row.perturbation == perturbations.SWAPPED_FRAMING:
            wanted = decoding.resize(perturbations.swap_framing(pixels, row.label), 48)
            np.testing.assert_array_equal(square, wanted)
        if row.perturbation == "noise":
            wanted = decoding.resize(perturbations.perturb(pixels, "noise", row.strength), 48)
            np.testing.assert_array_equal(square, wanted)
        if row.perturbation == perturbations.SWAPPED_FILES:
            wanted = decoding.resize(perturbations.swap_file(pixels, FILES[1 - row.label]), 48)
            np.testing.assert_array_equal(square, wanted)
