"""Whoever waits for another says so, again and again, and goes on when that one ends."""

import threading

from filelock import FileLock

from pneumo_utils.records import progress, waiting


def test_who_waits_for_a_lock_tells_that_something_moves_and_then_holds_it(tmp_path, monkeypatch):
    told = tmp_path / "told.json"
    monkeypatch.setenv(progress.VARIABLE, str(told))
    monkeypatch.setattr(waiting, "_LOOK", 0.05)
    seen, over = [], threading.Event()

    def work():
        with waiting.hold(tmp_path / "deep" / "lock", "training of cnn, seed 0"):
            over.set()

    (tmp_path / "deep").mkdir()
    with FileLock(tmp_path / "deep" / "lock"):
        other = threading.Thread(target=work)
        other.start()
        while len(set(seen)) < 3:
            if state := progress.read(told):
                assert state.stage == "waiting for another's training of cnn, seed 0"
                seen.append(state.note)
        assert not over.is_set()
    other.join(10)
    assert over.is_set() and not told.exists()
