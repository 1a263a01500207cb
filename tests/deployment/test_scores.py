"""A score as a row and as an object of JSON: every column holds its own value."""

import json

from pneumo_utils.deployment import score_rows
from pneumo_utils.deployment.scores import Score, refuse

SCORED = Score("a.png", "c" * 64, "scored", 0.87654321012, 0.25, "pneumonia", True, ("one", "two"))
REFUSED = refuse("b.png", "blank\nof all", flags=("one",))
OWN = {"bundle": "ab" * 8, "engine": "keras"}


def test_a_row_holds_each_value_in_its_column():
    first, second = (score_rows.parse(score_rows.render(score, OWN, False), False) for score in (SCORED, REFUSED))
    assert first == OWN | {
        "path": "a.png", "sha256": "c" * 64, "status": "scored", "probability": "0.876543210",
        "calibrated": "0.250000000", "decision": "pneumonia", "unsure": "true", "flags": "one; two", "reason": "",
    }  # fmt: skip
    assert second == OWN | dict.fromkeys(("sha256", "probability", "calibrated", "decision", "unsure"), "") | {
        "path": "b.png", "status": "refused", "flags": "one", "reason": "blank of all",
    }  # fmt: skip


def test_a_line_of_json_holds_each_value_in_its_kind():
    first, second = (json.loads(score_rows.render(score, OWN, True)) for score in (SCORED, REFUSED))
    assert first == OWN | {
        "path": "a.png", "sha256": "c" * 64, "status": "scored", "probability": 0.87654321, "calibrated": 0.25,
        "decision": "pneumonia", "unsure": True, "flags": ["one", "two"], "reason": None,
    }  # fmt: skip
    assert second == OWN | dict.fromkeys(("sha256", "probability", "calibrated", "decision", "unsure")) | {
        "path": "b.png", "status": "refused", "flags": ["one"], "reason": "blank of all",
    }  # fmt: skip
