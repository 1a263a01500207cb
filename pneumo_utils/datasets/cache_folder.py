"""Folders of the cache: room for them, whether they hold all that was put there, and what their user has added."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import stat
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from pneumo_utils.datasets import folder_contents
from pneumo_utils.imaging import image_files
from pneumo_utils.records.atomic import atomic_write

_PIECE = 1 << 20  # bytes read at a time
_SHOWN = 5  # names of what was added
_log = logging.getLogger(__name__)


class CacheError(ValueError):
    """Something could not be fetched, checked, stored or unpacked; the message says what to do."""


@contextmanager
def reserve_space(folder: Path, need: int) -> Iterator[None]:
    """Make `folder`, see that `need` bytes are free, and put what fails in the block into one sentence.

    Raises:
        CacheError: the folder cannot be written or has too little space.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < need:
            got = f"{free / 1e9:.2f} GB in {str(folder)!r}"
            raise CacheError(f"cache folder must have {need / 1e9:.2f} GB of free space, got {got}")
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        rule = "have space left" if full else "be a folder that can be written"
        reason = error.strerror or error
        raise CacheError(f"cache folder must {rule}, got {str(folder)!r}: {reason}") from error


def sums(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and CRC-32 of every file below `folder` by its path, litter of operating systems aside."""
    return {name: ((folder / name).stat().st_size, _crc(folder / name)) for name in _files(folder)}


def mark_whole(folder: Path, members: dict[str, tuple[int, int]]) -> None:
    """Note what `folder` holds once it is whole, in a hidden file beside it, for `is_whole`.

    Args:
        folder: in which others may lie, too.
        members: by `sums`, or as an archive knows them.
    """
    _write_mark(folder, {name: [*found, *_times((folder / name).stat())] for name, found in members.items()})


def is_whole(folder: Path, members: dict[str, tuple[int, int]] | None = None) -> bool:
    """Whether `folder` holds every member as it was. What else lies there is named, and does no harm.

    Members that were not touched since are not read again: size and times of change tell.

    Args:
        folder: that may be there.
        members: as for `mark_whole`; None: those that were noted.
    """
    noted = _read_mark(folder)
    if members is not None and {name: tuple(row[:2]) for name, row in noted.items()} != members:
        noted = {name: [*found, 0, 0] for name, found in members.items()}  # each is read
    try:
        seen = {name: _seen(folder / name, row) for name, row in noted.items()}
    except OSError:  # not there, or not to be read
        return False
    if not seen or not all(seen.values()):
        return False
    if seen != noted:
        _write_mark(folder, seen)
    if added := _added(folder, seen):
        shown = ", ".join(added[:_SHOWN]) + (", …" if len(added) > _SHOWN else "")
        _log.info("%s holds %d files that are not of the set, and keeps them: %s", folder, len(added), shown)
    return True


def carry_over(folder: Path, anew: Path) -> None:
    """Copy what a user has added to `folder` into `anew`, which is to take its place.

    Args:
        folder: that may be there.
        anew: with all that belongs there.
    """
    for name in _added(folder, _read_mark(folder)):
        if not (anew / name).exists():
            (anew / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, anew / name)


def is_kept(path: PurePath) -> bool:
    """Whether a file is one of a set: hidden pictures are, to be named as left out, other litter is not."""
    return image_files.is_image(path.name) or not any(folder_contents.is_litter(name) for name in path.parts)


def _added(folder: Path, members: Collection[str]) -> list[str]:
    return [name for name in _files(folder) if name not in members]


def _files(folder: Path) -> list[str]:
    """Every file below `folder` by its path with forward slashes, without the litter of operating systems."""
    found = (path for path in folder.rglob("*") if path.is_file() and is_kept(path.relative_to(folder)))
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _seen(path: Path, row: list[int]) -> list[int]:
    """Size, CRC-32 and times of a member; empty where it is another file than `row` says."""
    state, (size, crc, *times) = path.stat(), row
    if not stat.S_ISREG(state.st_mode) or state.st_size != size:
        return []
    now = _times(state)
    return [size, crc, *now] if now == times or _crc(path) == crc else []


def _times(state: os.stat_result) -> list[int]:
    """When content was changed last, and when anything was: the second is the system's own, and nobody sets it back."""
    return [state.st_mtime_ns, state.st_ctime_ns]


def _crc(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found = zlib.crc32(piece, found)
    return found


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.whole")


def _write_mark(folder: Path, rows: dict[str, list[int]]) -> None:
    with atomic_write(_mark(folder)) as part:
        part.write_text(json.dumps(rows), encoding="utf-8", errors="surrogateescape")


def _read_mark(folder: Path) -> dict[str, list[int]]:
    """Rows by path; empty where there is no mark, or none that this version wrote."""
    try:
        found = json.loads(_mark(folder).read_text(encoding="utf-8"))
        return {str(name): [int(one) for one in row] for name, row in found.items() if len(row) == 4}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
