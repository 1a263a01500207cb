"""`predict`: one row per file, whatever it is; nothing that is found on the way stops it."""

from __future__ import annotations

import argparse
import codecs
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pneumo_utils.deployment import input_files, score_rows, score_table_checks
from pneumo_utils.deployment.answers import answer_files
from pneumo_utils.deployment.answers.answer_files import AnswerFiles
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.input_files import InputFiles
from pneumo_utils.deployment.score_table import ScoreTable
from pneumo_utils.deployment.scores import ANSWER_FILES, REFUSED, SCORED, TERMINAL
from pneumo_utils.deployment.scoring import Scorer, engine_label
from pneumo_utils.deployment.scoring_progress import ScoringProgress
from pneumo_utils.records import shares

ALL_SCORED, NONE_SCORED, NOT_ALL = 0, 1, 3  # exit codes

_log = logging.getLogger(__name__)


class PredictionError(ValueError):
    """What was asked for does not go together."""


def run(given: argparse.Namespace) -> int:
    """Score what was asked for.

    Returns:
        see `conclude`.

    Raises:
        ValueError: an argument, a path or the bundle is wrong; nothing has been written then.
    """
    bundle = check(given)
    found = find(given)
    counts: Counter = Counter()
    answers = open_answers(given, bundle)
    with ScoringProgress(len(found.paths)) as progress:
        for status in score(given, bundle, found, answers):
            counts[status] += 1
            progress.show(counts)
    return conclude(found, counts, answers.missing)


def check(given: argparse.Namespace) -> Bundle:
    """The bundle that is asked for, once all is looked at that can be told before a file is listed.

    Raises:
        ValueError: an argument or the bundle is wrong, or a package is not installed.
    """
    shares.check_threads(given.threads)
    shares.take((), given.shard, "shard")
    bundle = Bundle(given.model)
    bundle.check_engine(given.engine)
    answer_files.check({kind: folder for kind, folder in _answer_folders(given).items() if folder})
    if given.out != TERMINAL:
        score_table_checks.check(Path(given.out), given.json)
    return bundle


def find(given: argparse.Namespace) -> InputFiles:
    """The files that are asked for, or the share of them.

    Raises:
        ValueError: there are none.
    """
    answers = [folder for folder in _answer_folders(given).values() if folder]
    answers += [] if given.out == TERMINAL else [Path(given.out)]
    lines = _lines() if input_files.STANDARD_INPUT in given.path else ()
    found = input_files.find(given.path, lines, answers)
    if not found.paths:
        but = [f"{found.answers:,} of its own answers"] if found.answers else []
        but += [f"{found.hidden:,} hidden files"] if found.hidden else []
        but += [f"{folder}, which cannot be read ({why})" for folder, why in found.errors[:1]]
        got = f"none in {', '.join(given.path)}{', but ' if but else ''}{' and '.join(but)}"
        raise PredictionError(f"path must hold at least one file, got {got}")
    return replace(found, paths=shares.take_by_name(found.paths, found.below, given.shard, "shard"))


def open_answers(given: argparse.Namespace, bundle: Bundle) -> AnswerFiles:
    """What is written beside the table."""
    return AnswerFiles(bundle, engine_label(given.engine, given.any_age), _answer_folders(given))


def _answer_folders(given: argparse.Namespace) -> dict[str, Path | None]:
    """Where answers go, by a key of `ANSWER_FILES`; None: not wanted."""
    return {kind: getattr(given, kind.replace("-", "_")) for kind in ANSWER_FILES}


def _is_share(given: argparse.Namespace) -> bool:
    """Whether other processes write beside this one."""
    return bool(given.scheduler) or given.shard != "1/1"


def score(
    given: argparse.Namespace, bundle: Bundle, found: InputFiles, answers: AnswerFiles, rows: Sequence[Path] = ()
) -> Iterator[str]:
    """Write one row per file.

    Args:
        given: as on the command line.
        bundle: by `check`.
        found: the files.
        answers: by `open_answers`.
        rows: tables whose rows are kept, besides those that are in the table already.

    Yields:
        the status of each file, as soon as its row is written.
    """
    if given.out != TERMINAL and not given.scheduler:
        score_table_checks.check_share(
            Path(given.out), given.json, given.shard, map(input_files.name_safely, found.paths)
        )
    scorer = Scorer(bundle, given.engine, given.threads, given.any_age)
    if given.out == TERMINAL:
        yield from _score_to_terminal(given, found, scorer, answers)
    else:
        with ScoreTable(
            Path(given.out), bundle.digest, scorer.engine_label, given.json, rows, _is_share(given)
        ) as table:
            yield from _score_to(table, found, scorer, answers)


def _lines() -> Iterator[str]:
    """Those of the standard input, whatever bytes a name has and whatever editor has written it.

    Raises:
        PredictionError: it is UTF-16, as some shells write lists.
    """
    for number, line in enumerate(sys.stdin.buffer):
        if number == 0 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise PredictionError("list of paths must be UTF-8, got UTF-16: let the shell write it as UTF-8")
        yield os.fsdecode(line.removeprefix(codecs.BOM_UTF8) if number == 0 else line)


def conclude(found: InputFiles, counts: Counter, missing: int) -> int:
    """Say what became of all files.

    Args:
        found: they.
        counts: of rows, by status.
        missing: DICOM answers that could not be written.

    Returns:
        `ALL_SCORED`; `NOT_ALL` where a file was refused, a folder could not be read or a DICOM answer not be written;
        or `NONE_SCORED` where none was scored.
    """
    _tell(found, counts)
    if missing:
        _log.warning("%s DICOM answers could not be written; the column flags says why", f"{missing:,}")
    if found.paths and not counts[SCORED]:
        return NONE_SCORED
    return NOT_ALL if counts[REFUSED] or found.errors or missing else ALL_SCORED


def _score_to_terminal(
    given: argparse.Namespace, found: InputFiles, scorer: Scorer, answers: AnswerFiles
) -> Iterator[str]:
    own = {"bundle": scorer.bundle.digest[: score_rows.DIGITS], "engine": scorer.engine_label}
    _show(b"" if given.json else score_rows.header())
    for answer in scorer.score(found.paths, answers.need_whole):
        score = answers.write(answer.score, answer.radiograph)
        _show(score_rows.render(score, own, given.json))
        yield score.status


def _show(line: bytes) -> None:
    """On the terminal, as UTF-8, whatever its encoding is: a row is the same as in a file."""
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever reads the rows has had enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain as it ends
        raise KeyboardInterrupt from None


def _score_to(table: ScoreTable, found: InputFiles, scorer: Scorer, answers: AnswerFiles) -> Iterator[str]:
    def known(name: str, sha256: str, is_dicom: bool) -> bool:
        row = table.find(name, sha256)
        return row is not None and answers.are_there(sha256, row["status"], str(row.get("flags")), is_dicom)

    for answer in scorer.score(found.paths, answers.need_whole, known):
        if answer.score is None:
            yield table.keep(answer.name, answer.radiograph.sha256)
        else:
            score = answers.write(answer.score, answer.radiograph)  # before its row, which says that all is there
            table.write(score)
            yield score.status


def _tell(found: InputFiles, counts: Counter) -> None:
    """Say in a sentence or two what became of all that was named."""
    told = [f"{counts[SCORED]:,} scored", f"{counts[REFUSED]:,} refused"]
    told += [f"{found.hidden:,} hidden file{'s' * (found.hidden != 1)} passed over"] if found.hidden else []
    told += [f"{found.answers:,} of its own answers passed over"] if found.answers else []
    told += [f"{found.repeated:,} named twice and scored once"] if found.repeated else []
    count = len(found.paths)
    _log.info("%s: %s", f"{count:,} files" if count != 1 else "1 file", ", ".join(told))
    for folder, why in found.errors:
        _log.warning("folder must be readable, got %s: %s", folder, why)
