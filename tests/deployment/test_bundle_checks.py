"""What a bundle says is set against what the study said, row by row, and told in plain lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.deployment import bundle_checks
from pneumo_utils.deployment.scores import REFUSED, SCORED

PATHS = ["a.png", "b.png", "c.png", "d.png"]


def predictions():
    """Four test pictures of the bundled network, one of validation, and other networks and seeds about them."""
    own = example("predictions", 5).assign(
        model="cnn", seed=0, split=["test"] * 4 + ["validation"], path=[*PATHS, "e.png"],
        probability=[0.1, 0.2, 0.3, 0.4, 0.5],
    )  # fmt: skip
    return pd.concat([own.assign(seed=1, probability=0.9), own.assign(model="vgg16", probability=0.8), own])


def said(*rows):
    return pd.DataFrame(rows, columns=["path", "status", "probability"])


def compare(*rows):
    return bundle_checks.compare(said(*rows), predictions(), "cnn", 0).loc["cnn"].to_dict()


def test_rows_are_compared_by_their_file_whatever_their_order():
    row = compare(*[(path, SCORED, p) for path, p in zip(PATHS[::-1], [0.4, 0.3, 0.2, 0.1], strict=True)])
    assert row == {"files": 4, "missing": 0, "doubled": 0, "scored": 4, "refused": 0, "largest difference": 0}


def test_the_largest_difference_counts_in_either_direction():
    assert compare(("a.png", SCORED, 0.12), ("b.png", SCORED, 0.15))["largest difference"] == pytest.approx(0.05)


def test_what_is_missing_doubled_or_refused_is_counted():
    row = compare(("a.png", SCORED, 0.1), ("a.png", SCORED, 0.1), ("b.png", REFUSED, np.nan))
    assert {name: row[name] for name in ("missing", "doubled", "scored", "refused")} == {
        "missing": 2, "doubled": 1, "scored": 2, "refused": 1
    }  # fmt: skip


def test_where_nothing_was_scored_no_difference_is_told():
    assert np.isnan(compare(*[(path, REFUSED, np.nan) for path in PATHS])["largest difference"])


def refusals():
    """Both pneumonias are refused, and no normal."""
    odd = ["", "", "lungs were not found", "looks cut off"]
    again = said(*zip(PATHS, [SCORED, SCORED, REFUSED, REFUSED], [0.1, 0.2, np.nan, np.nan], strict=True))
    cases = pd.DataFrame({"path": PATHS[::-1], "patient": list("dcba"), "label": [1, 1, 0, 0]})
    return again.assign(reason=odd), cases


def test_who_is_refused_is_counted_by_class_with_the_reasons():
    counted = bundle_checks.count_refused(*refusals())
    assert counted.index.tolist() == ["normal radiographs", "radiographs with pneumonia"]
    assert counted[["files", "refused"]].to_numpy().tolist() == [[2, 0], [2, 2]]
    assert counted["reasons"].tolist() == ["", "lungs were not found (1); looks cut off (1)"]
    shown = bundle_checks.refused_for_display(counted)
    assert shown["reasons"].tolist()[0] == "none" and shown.iloc[1, 2].startswith("1.000 (0.158")


@pytest.mark.parametrize(
    ("difference", "told"), [(1e-16, "equal the study's to six decimals"), (2.5e-4, "by 0.00025 at most")]
)
def test_the_lines_name_every_count_and_the_kind_that_passes_most_often(difference, told):
    rows = zip(PATHS, [SCORED] * 4, [0.1 + difference, 0.2, 0.3, 0.4], strict=True)
    compared = bundle_checks.compare(said(*rows), predictions(), "cnn", 0)
    rest = ("lesson", "wanted", "n", "refused", "share")
    rows = {
        "test radiographs": ("radiographs", SCORED, 4, 1, 0.25), "inverted": ("learned", REFUSED, 10, 10, 1.0),
        "cut off": ("learned", REFUSED, 10, 5, 0.5), "drawn: cells": ("unlearned", REFUSED, 8, 6, 0.75),
        "photographs": ("unlearned", REFUSED, 8, 8, 1.0),
    }  # fmt: skip
    checks = pd.DataFrame([
        {"pictures": name, "lower": 0.0, "upper": 1.0} | dict(zip(rest, row, strict=True)) for name, row in rows.items()
    ])  # fmt: skip
    exports = example("exports", 2).assign(engine=["keras", "onnx"], largest_difference=difference)
    refused = bundle_checks.count_refused(*refusals())
    answered, radiographs, odd, new, export = bundle_checks.findings(checks, exports, compared, refused, 0.01)
    assert (
        "Of 4 test files the bundle answers: 4 scored, 0 refused, 0 missing, 0 twice" in answered and told in answered
    )
    assert "refuses 25.0% (0.0% to 100.0%, n = 4); 1.0% were allowed" in radiographs
    assert radiographs.endswith("it refuses 0 of 2 normal radiographs and 2 of 2 radiographs with pneumonia.")
    assert "Of 20 pictures of 2 kinds that the gate has learned from" in odd and "it refuses 15 (75.0%)" in odd
    assert "*cut off*: 50.0% (n = 10)" in odd
    assert "Of 16 pictures of 2 kinds that the gate never saw" in new and "*drawn: cells*: 75.0% (n = 8)" in new
    assert export.startswith("- onnx: ") and export.endswith("1 of 40 refused.")
    off = "equal to six decimals" if difference < 1e-9 else "at most 0.00025 off"
    assert f"probabilities {off}, " in export
