"""A length of time is told as exactly as it is known."""

import pytest

from pneumo_utils.records import durations


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (99.4, "99 s"), (100, "2 min"), (3569, "59 min"), (3600, "1 h 00 min"), (36300, "10 h 05 min")],
)
def test_a_length_of_time_is_told_as_a_person_would(seconds, words):
    assert durations.in_words(seconds) == words
