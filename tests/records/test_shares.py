"""Shares of a list hold everything once, and what is no share is said to be none."""

import pytest

from pneumo_utils.records import shares


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_together_the_shares_hold_everything_once(of):
    everything = list(range(23))
    held = [one for number in range(1, of + 1) for one in shares.take(everything, f"{number}/{of}", "job")]
    assert sorted(held) == everything


@pytest.mark.parametrize("wrong", ["3/2", "0/2", "1", "half", "1/0", "-1/2", "1/2/3", ""])
def test_what_is_no_share_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"job must be I/N with I from 1 to N, got {wrong}$"):
        shares.take([], wrong, "job")
