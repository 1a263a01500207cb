"""A file system without locks is refused, not taken for one that has them."""

from __future__ import annotations

import errno
import fcntl

import pytest

from pneumo_utils.records import atomic, kernel_locks, waiting


@pytest.mark.parametrize(
    "hold",
    [kernel_locks.of_file, atomic.alone, lambda path: waiting.hold(path, "training of cnn")],
    ids=["file", "alone", "waiting"],
)
def test_where_there_are_no_locks_nobody_goes_on_without_one(tmp_path, monkeypatch, hold):
    def fail(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises((OSError, NotImplementedError)), hold(tmp_path / "made"):
        pytest.fail("it was held")
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock" and path.name != "made"]
