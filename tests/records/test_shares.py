"""Shares of a list hold everything once, and what is no share is said to be none."""

import pytest

from pneumo_utils.records import shares


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_together_the_shares_hold_everything_once(of):
    everything = list(range(23))
    held = [one for number in range(1, of + 1) for one in shares.take(everything, f"{number}/{of}", "job")]
    assert sorted(held) == everything


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_shares_by_name_hold_everything_once_and_stay_whatever_comes_or_goes(of):
    names = [f"{number}.png" for number in range(200)]

    def held(listed):
        return [shares.take_by_name(listed, listed, f"{number}/{of}", "shard") for number in range(1, of + 1)]

    assert sorted(sum(held(names), ())) == sorted(names)
    assert max(map(len, held(names))) <= 3 * len(names) / of + 5
    fewer = names[1:50] + names[60:]
    assert held(fewer) == [tuple(one for one in own if one in fewer) for own in held(names)]


@pytest.mark.parametrize("wrong", [-1, 1025])
def test_threads_that_no_machine_has_are_refused(wrong):
    with pytest.raises(ValueError, match=f"threads must be 0 to 1,024, got {wrong}"):
        shares.check_threads(wrong)
    shares.check_threads(0)


@pytest.mark.parametrize("wrong", ["3/2", "0/2", "1", "half", "1/0", "-1/2", "1/2/3", ""])
def test_what_is_no_share_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"job must be I/N with I from 1 to N, got {wrong}$"):
        shares.take([], wrong, "job")
