"""Whoever waits for another process says so, and a full disk is told with the file that it stopped."""

from __future__ import annotations

import errno
import logging
import os
import threading

import pytest

from pneumo_utils.records import atomic


def test_who_waits_for_another_to_make_a_file_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(atomic, "_PATIENCE", 0.05)
    caplog.set_level(logging.INFO, "pneumo_utils")
    place, said = tmp_path / "set", threading.Event()
    caplog.handler.emit = lambda record, emit=caplog.handler.emit: (emit(record), said.set())
    with atomic.alone(place):
        other = threading.Thread(target=lambda: atomic.alone(place).__enter__(), daemon=True)
        other.start()
        assert said.wait(10)
    other.join(10)
    assert not other.is_alive()
    assert caplog.messages == [f"{place} is being made by another process; this one waits"]


def test_an_error_of_a_full_disk_names_the_file_that_it_stopped(tmp_path):
    with (
        pytest.raises(OSError, match=r"No space left on device: '.*table\.csv'"),
        atomic.atomic_write(tmp_path / "table.csv"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match=r"^of a library$"), atomic.atomic_write(tmp_path / "table.csv"):
        raise OSError("of a library")
    assert not list(tmp_path.iterdir())


def test_who_waits_for_another_is_not_let_in_before_that_one_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_PATIENCE", 0.05)
    inside = threading.Event()

    def make():
        with atomic.alone(tmp_path / "set"):
            inside.set()

    other = threading.Thread(target=make, daemon=True)
    with atomic.alone(tmp_path / "set"):
        other.start()
        assert not inside.wait(0.5)
    assert inside.wait(10)
    other.join(10)


def test_a_folder_that_is_there_is_not_replaced_by_what_is_left_of_an_older_one(tmp_path):
    for name in ("model", "model.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    atomic.restore(tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model"]
