"""Whoever waits for another process says so."""

from __future__ import annotations

import logging
import threading

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
