"""Whether a table of scores may be written where it is asked for: told before anything is scored."""

from __future__ import annotations

import glob
import logging
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pneumo_utils.deployment import score_rows

_log = logging.getLogger(__name__)


class ScoreFileError(ValueError):
    """The file that shall hold the scores holds something else."""


def check(path: Path, as_json: bool) -> None:
    """Whether a table of scores can stand at `path`; nothing is written.

    Raises:
        ScoreFileError: something else is there, or the folder cannot be written to.
    """
    if path.exists() and not path.is_file():  # a folder, a pipe, a device: renaming would take its place
        raise ScoreFileError(f"out must be a new file or a table of scores, got {path}, which is no file")
    place = next(one for one in path.resolve().parents if one.exists())  # of a link: where the table truly lies
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise ScoreFileError(f"out must lie in a folder that can be written to, got {place}")
    kind = "JSON lines" if as_json else "CSV"
    for left in _left_behind(path):
        if _is_table(left, not as_json):
            rule = f"out must be a new file, or rows of a killed run must be {kind}, too"
            raise ScoreFileError(f"{rule}, got {left}: finish that run, or name another file")
    if not path.is_file() or not path.stat().st_size:
        return
    first = _first_line(path)
    if (score_rows.parse(first, True) is None) if as_json else (first != score_rows.header()):
        raise ScoreFileError(f"out must be a new file or a table of scores as {kind}, got {path}: it is left as it is")


def _left_behind(path: Path) -> list[Path]:
    """What killed runs have left beside the table at `path`: rows of theirs, and of shards."""
    path = path.resolve()  # of a link: beside the table itself
    shards = sorted(path.parent.glob(f"{glob.escape(path.name)}.shard-*.part*"))
    return [*_own_rows(path), *(file for file in shards if file.is_file())]


def _own_rows(path: Path) -> list[Path]:
    """What a killed run has left of the table at `path` itself."""
    path = path.resolve()
    named = (path.with_name(f"{path.name}{end}") for end in (".part", ".before.part"))
    return [file for file in named if file.is_file()]


def _is_table(file: Path, as_json: bool) -> bool:
    """Whether its first line is one of a table, or of what is left of one."""
    first = _first_line(file)
    return score_rows.parse(first, as_json) is not None or (not as_json and first == score_rows.header())


def _first_line(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.readline()


def check_share(path: Path, as_json: bool, share: str, names: Iterable[str]) -> None:
    """Whether a table may be that of a share of the files; rows of files that other shares have now are told of.

    What a killed run left beside the table counts as its rows.

    Args:
        path: of the table.
        as_json: one JSON object a line instead of CSV.
        share: `i/n`, as it was asked for; of `1/1` nothing is looked at.
        names: of its files, as they are in the table.

    Raises:
        ScoreFileError: it holds rows, and none of them is of this share: it is another's table.
    """
    there = [*([path] if path.is_file() else []), *_own_rows(path)]
    if share == "1/1" or not there:
        return
    own = {hash(name) for name in names}
    rows = (row for file in there for _, _, row in score_rows.read(file, as_json) if row is not None)
    inside = Counter(hash(row["path"]) in own for row in rows)
    if inside[False] and not inside[True]:
        raise ScoreFileError(f"out must be a table of its own for shard {share}, got {path} with rows of other files")
    if inside[False]:
        _log.warning("%s rows of %s are of files that other shards have now: left out", f"{inside[False]:,}", path.name)
