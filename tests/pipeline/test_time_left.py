"""A time left that one can plan with."""

from __future__ import annotations

import pytest

from pneumo_utils.pipeline.time_left import Running, TimeLeft
from pneumo_utils.records.progress import State


def test_the_time_left_is_that_of_the_reference_machine_before_anything_is_known():
    here, everything = TimeLeft({"a": 100.0, "b": 50.0}).of({"a": Running(0.0)}, 0.0)
    assert (here, everything) == ({"a": 100.0}, 150.0)


def test_a_machine_of_half_the_speed_is_found_out_from_the_pages_that_ran():
    left = TimeLeft({"a": 200.0, "b": 100.0, "c": 300.0}, {"a": 400.0})
    here, everything = left.of({"b": Running(0.0)}, 0.0)
    assert here["b"] == pytest.approx(200, rel=0.05) and everything == pytest.approx(800, rel=0.05)


def test_a_stage_that_is_slower_than_planned_tells_its_own_end_and_slows_what_waits():
    left = TimeLeft({"a": 100.0, "b": 100.0})
    here, everything = left.of({"a": Running(100.0, State("end to end", 25, 100, began=0.0))}, now=100.0)
    assert here["a"] == pytest.approx(300) and 600 < everything < 700, (
        "of 400 s, and 100 s planned that take 3.5 times as long"
    )


def test_a_stage_that_is_known_tells_how_fast_the_machine_is_at_the_rest_of_its_page():
    left = TimeLeft({"a": 600.0, "b": 100.0}, stages={"a": {"end to end": 400.0}})
    training = Running(60.0, State("end to end", 50, 100, began=10.0))
    here, everything = left.of({"a": training}, now=60.0)
    assert here["a"] == pytest.approx(90), "four times as fast as planned: 150 s, of which 60 are over"
    assert everything == pytest.approx(90 + 100 * 170 / 620)
    after = left.of({"a": Running(120.0, State("judging", 0, 10, began=119.0))}, now=120.0)[0]
    assert after["a"] == pytest.approx(30), "what was found out holds for what the page does next"


def test_a_stage_that_should_take_a_second_says_nothing_of_the_rest_of_its_page():
    left = TimeLeft({"a": 60.0}, stages={"a": {"end to end": 1.0}})
    here = left.of({"a": Running(45.0, State("end to end", 10, 20, began=5.0))}, now=45.0)[0]
    assert here["a"] == pytest.approx(40), "the other half of the stage"


def test_the_epochs_of_an_earlier_run_do_not_make_this_machine_fast():
    left = TimeLeft({"a": 100.0}, stages={"a": {"end to end": 100.0}})
    resumed = State("end to end", 60, 100, began=0.0, before=50)
    assert left.of({"a": Running(20.0, resumed)}, now=20.0)[0]["a"] == pytest.approx(80), "ten took 20 s, 40 are left"
    nothing_yet = State("end to end", 50, 100, began=0.0, before=50)
    assert TimeLeft({"a": 100.0}).of({"a": Running(1.0, nothing_yet)}, now=1.0)[0]["a"] == 99


def test_a_network_that_an_earlier_run_has_trained_does_not_make_this_machine_fast():
    stages = {"a": {"seed 0, end to end": 300.0}, "b": {"seed 0, end to end": 300.0}}
    left = TimeLeft({"a": 400.0, "b": 400.0}, stages=stages)
    left.of({"a": Running(1.0, State("judging", 0, 10, began=0.0))}, now=1.0)
    left.took["a"] = 20.0
    assert left.of({"b": Running(0.0)}, now=0.0)[0]["b"] == pytest.approx(400)


def test_a_network_that_was_trained_here_tells_how_fast_this_machine_is():
    left = TimeLeft({"a": 400.0, "b": 400.0}, stages={"a": {"seed 0, end to end": 300.0}})
    left.of({"a": Running(1.0, State("seed 0, end to end", 0, 10, began=0.0))}, now=1.0)
    left.took["a"] = 800.0
    assert left.of({"b": Running(0.0)}, now=0.0)[0]["b"] == pytest.approx(800, rel=0.05)


def test_what_earlier_runs_have_learned_of_a_page_is_not_waited_for():
    left = TimeLeft({"a": 400.0}, stages={"a": {"seed 0, smaller": 100.0, "seed 0, larger": 200.0}})
    first = State("seed 0, smaller", 55, 100, began=0.0, before=50)
    assert left.of({"a": Running(5.0, first)}, now=5.0)[0]["a"] == pytest.approx(345), "350 s, of which 5 are over"
    second = State("seed 0, larger", 10, 100, began=100.0)
    assert left.of({"a": Running(120.0, second)}, now=120.0)[0]["a"] == pytest.approx(230)
    gone_on = TimeLeft({"a": 400.0}, stages={"a": {"seed 0, smaller": 100.0, "seed 0, larger": 200.0}})
    assert gone_on.of({"a": Running(120.0, second)}, now=120.0)[0]["a"] == pytest.approx(180), "the first one was kept"


def test_a_page_that_nobody_foresaw_is_told_without_a_plan():
    here, everything = TimeLeft({"a": 10.0}).of({"b": Running(5.0)}, 0.0)
    assert here == {"b": 0.0} and everything > 10.0


def test_a_page_that_turns_out_not_to_run_is_not_waited_for():
    unchanged: set[str] = set()
    left = TimeLeft({"a": 100.0, "b": 50.0, "c": 70.0}, unchanged=unchanged)
    assert left.of({"a": Running(0.0)}, 0.0)[1] == 220.0
    unchanged.add("b")
    assert left.of({"a": Running(0.0)}, 0.0)[1] == 170.0


def test_a_page_that_takes_longer_than_planned_has_no_less_than_nothing_left():
    assert TimeLeft({"a": 10.0}).of({"a": Running(60.0)}, 0.0) == ({"a": 0.0}, 0.0)


def test_pages_that_may_run_side_by_side_are_waited_for_once():
    after = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}
    expected = {"a": 10.0, "b": 30.0, "c": 20.0, "d": 5.0}
    running = {"a": Running(0.0)}
    assert TimeLeft(expected, after=after).of(running, 0.0)[1] == 65.0
    assert TimeLeft(expected, after=after, at_once=2).of(running, 0.0)[1] == 45.0


def test_of_the_pages_that_can_begin_the_longest_does():
    left = TimeLeft({"a": 20.0, "b": 20.0, "c": 50.0}, at_once=2)
    assert left.of({}, 0.0)[1] == 50.0, "the two short ones run one after another beside it"


def test_what_an_earlier_run_has_trained_is_left_out_of_the_plan():
    stages = {"a": {"seed 0, end to end": 400.0, "seed 10, end to end": 100.0, "seed 1, end to end": 300.0}}
    left = TimeLeft({"a": 900.0, "b": 50.0}, stages=stages)
    left.leave_out("a", [0, 1])
    assert left.of({"a": Running(0.0)}, 0.0) == ({"a": 200.0}, 250.0), "of 400 and 300 s nothing is left to learn"
    seen = TimeLeft({"a": 900.0}, stages=stages)
    running = {"a": Running(10.0, State("seed 0, end to end", 1, 100, began=0.0))}
    before = seen.of(running, 10.0)[1]
    seen.leave_out("a", [0])  # it runs again, on other splits
    assert seen.of(running, 10.0)[1] <= before
    left.leave_out("b", [0])
    assert left.expected["b"] == 50.0, "a page that trains nothing stays as it is"
