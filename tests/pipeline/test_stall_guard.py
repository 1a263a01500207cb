"""What hangs is told from what was halted together with whoever watches it."""

from __future__ import annotations

import pytest

from pneumo_utils.pipeline import stall_guard


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stall_guard.time, "monotonic", lambda: now[0])
    return now


def test_time_without_a_move_adds_up_until_something_moves(clock):
    still = stall_guard.Standstill()
    for second in range(1, 6):
        clock[0] = second
        assert still.grow(1.0) == second
    still.end()
    clock[0] = 6
    assert still.grow(1.0) == 1


def test_a_process_that_was_halted_itself_takes_nobody_for_hanging(clock):
    still = stall_guard.Standstill()
    clock[0] = 1
    still.grow(1.0)
    clock[0] = 3601  # an hour under SIGSTOP
    assert still.grow(1.0) == 3
