"""The table of scores as a file that grows row by row, and goes on where it was cut off.

Rows come in the order of the inputs. They are written to a `.part` file, which becomes the table when the last one is
there. What an earlier run has answered, finished or killed, is found again by path, content and bundle; rows of files
that are not asked for this time stay behind the others. While several processes fill shards of a table, these lie
beside it; it takes up their rows, too.
"""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from filelock import Timeout

from pneumo_utils.deployment import score_rows, score_table_checks
from pneumo_utils.deployment.score_table_checks import ScoreFileError
from pneumo_utils.deployment.scores import Score
from pneumo_utils.records import kernel_locks
from pneumo_utils.records.atomic import name_file

_log = logging.getLogger(__name__)


class ScoreTable(AbstractContextManager):
    """Writes scores to `path`, within a `with`.

    Args:
        path: of the table; its folder is made if need be.
        bundle: digest of the bundle.
        engine: that answers, with what else changes an answer.
        as_json: one JSON object a line instead of CSV.
        others: further files whose rows are kept.
        share: whether this is the table of a share of the files: a row of another file belongs to another share then.

    Raises:
        ScoreFileError: what is at `path` is no table of scores, or another run writes it now.
    """

    def __init__(
        self, path: Path, bundle: str, engine: str, as_json: bool = False, others: Sequence[Path] = (),
        share: bool = False,
    ):  # fmt: skip
        score_table_checks.check(path, as_json)
        path = path.resolve()  # a link stays one
        self.path, self.bundle, self._json = path, bundle, as_json
        self._own = {"bundle": bundle[: score_rows.DIGITS], "engine": engine}
        self._part = path.with_name(f"{path.name}.part")
        self._before = path.with_name(f"{path.name}.before.part")  # rows of runs that were killed
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = kernel_locks.of_file(path.with_name(f".{path.name}.writing.lock"), timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            rule = "out must be written by one run at a time"
            raise ScoreFileError(f"{rule}, got {path}, which another writes") from error
        self._share = share
        # Of every path that has a row the hash, and that of its content, where there may be rows of others.
        self._written: dict[int, int] = {}
        try:
            self._save_rows_of_killed_run()
            self.rows = tuple(file for file in (self._before, *others, path) if file.is_file())  # those of earlier runs
            self._kept = {file: _index(file, as_json) for file in self.rows}
        except BaseException:
            self._let_go()
            raise

    def __enter__(self) -> ScoreTable:
        try:
            self._stream = self._part.open("wb")
            if not self._json:
                self._stream.write(score_rows.header())
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._share:
                self._keep_others()
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            if kind is None:
                # First what is older: killed between the two, the next run finds every row in the whole `.part` file.
                locks = self.path.parent.glob(f".{glob.escape(self.path.name)}.shard-*.part*.lock")
                for file in (self._before, *self._shards(), *locks):
                    file.unlink(missing_ok=True)
                self._part.replace(self.path)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def take_up(self, paths: Iterable[str], count: int) -> Iterator[str]:
        """Write the rows of all shards, in order.

        Args:
            paths: of all files, as they are in the table; the k-th shard has every `count`-th of them, from the k-th.
            count: of the shards.

        Yields:
            the status of each.

        Raises:
            ScoreFileError: a shard has another row, or none.
        """
        shards = [
            score_rows.whole_lines(shard_of(self.path, number, count), self._json) for number in range(1, count + 1)
        ]
        for place, path in enumerate(paths):
            line, row = next(shards[place % count], (b"", None))
            if row is None or row["path"] != path:
                raise ScoreFileError(
                    f"shard {place % count + 1} of {count} must have a row for {path}, got another or none"
                )
            self._put(line, path, row["sha256"])
            yield row["status"]

    def find(self, path: str, sha256: str) -> dict | None:
        """The row, by column, that an earlier run wrote for this content at this path; None: it must be made."""
        found = self._find(path, sha256)
        return None if found is None else found[0]

    def keep(self, path: str, sha256: str) -> str:
        """Write the row that `find` has found once more; its status."""
        row, line = self._find(path, sha256)
        self._put(line, path, sha256)
        return row["status"]

    def write(self, score: Score) -> None:
        """Write a new row; it is in the file when this returns."""
        self._put(score_rows.render(score, self._own, self._json), score.path, score.sha256)

    def _put(self, line: bytes, path: str, sha256: str | None) -> None:
        with name_file(self.path):
            self._stream.write(line)
            self._stream.flush()
        if self._kept:
            self._written[hash(path)] = hash(sha256 or "")

    def _keep_others(self) -> None:
        """Write the rows of earlier runs whose files were not asked for this time; the newest of each path."""
        newest: dict[int, tuple[Path, int]] = {}  # where it begins, by the hash of the path
        foreign, replaced, outdated = 0, set(), set()
        files = [file for file in (self.path, self._before) if file in self._kept]  # older ones first
        for file in files:
            for start, _, row in score_rows.read(file, self._json):
                if row is None:
                    foreign += 1
                elif (place := hash(row["path"])) not in self._written:
                    newest[place] = file, start
                elif self._written[place] != hash(row["sha256"] or ""):
                    replaced.add(place)
                elif any(row[name] != own for name, own in self._own.items()):
                    outdated.add(place)
        with ExitStack() as opened:
            streams = {file: opened.enter_context(file.open("rb")) for file in files}
            for file, start in newest.values():
                streams[file].seek(start)
                self._stream.write(streams[file].readline())
        if newest:
            _log.info("%s rows of other files were in %s already and are kept", f"{len(newest):,}", self.path.name)
        if replaced:
            told = f"{len(replaced):,} rows of {self.path.name} had the path of a file with other content"
            _log.warning("%s: replaced; tables of other folders must have other names, or absolute paths", told)
        if outdated:
            told = f"{len(outdated):,} rows of {self.path.name} were by another bundle, engine or limit of age"
            _log.warning("%s: replaced; to keep both, name another table", told)
        if foreign:
            _log.warning("%s lines of %s were no rows of scores and are left out", f"{foreign:,}", self.path.name)

    def _find(self, path: str, sha256: str) -> tuple[dict, bytes] | None:
        wanted = {"path": path, "sha256": sha256} | self._own
        digest = score_rows.digest(wanted)
        for file, index in self._kept.items():
            if digest in index:
                start, length = index[digest]
                with file.open("rb") as stream:
                    stream.seek(start)
                    line = stream.read(length)
                row = score_rows.parse(line, self._json)
                if row is not None and all((row[name] or "") == wanted[name] for name in score_rows.KEY):
                    return row, line
        return None

    def _shards(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{glob.escape(self.path.name)}.shard-*.part*"))

    def _save_rows_of_killed_run(self) -> None:
        left = [file for file in (self._part, *self._shards()) if file.is_file()]
        if not left:
            return
        with self._before.open("ab+") as stream:
            _cut_after_last_line(stream)
            for file in left:
                for line, _ in score_rows.whole_lines(file, self._json):
                    stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        for file in left:
            file.unlink()


def _cut_after_last_line(stream: BinaryIO) -> None:
    """Cut off what a full disk or a kill has left of a line, or the next would be glued to it."""
    stream.seek(0)
    whole = 0
    for line in stream:
        whole += len(line) if line.endswith(b"\n") else 0
    stream.truncate(whole)


def shard_of(path: Path, number: int, count: int) -> Path:
    """Where the k-th of `count` shards of the table at `path` lies until it is taken up, from 1."""
    return path.with_name(f"{path.name}.shard-{number}-of-{count}.part")


def _index(file: Path, as_json: bool) -> dict[int, tuple[int, int]]:
    """By digest of its key where a row begins, and how long it is: memory stays small however many rows there are."""
    return {
        score_rows.digest(row): (start, len(line))
        for start, line, row in score_rows.read(file, as_json)
        if row is not None
    }
