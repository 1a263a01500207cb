"""`predict`: one row a file, whatever it is; nothing that is found on the way stops it."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pneumo_utils.deployment import input_files, score_rows
from pneumo_utils.deployment.answers.answer_files import AnswerFiles
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.input_files import InputFiles
from pneumo_utils.deployment.score_table import ScoreTable
from pneumo_utils.deployment.scores import ANSWER_FILES, REFUSED, SCORED, TERMINAL
from pneumo_utils.deployment.scoring import Scorer
from pneumo_utils.deployment.scoring_progress import ScoringProgress
from pneumo_utils.records import shares

ALL_SCORED, NONE_SCORED, SOME_REFUSED = 0, 1, 3  # exit codes

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
    found = find(given)
    counts: Counter = Counter()
    with ScoringProgress(len(found.paths)) as progress:
        for status in score(given, found):
            counts[status] += 1
            progress.show(counts)
    return conclude(found, counts)


def find(given: argparse.Namespace) -> InputFiles:
    """The files that are asked for, or the share of them.

    Raises:
        ValueError: there are none, or an argument is wrong.
    """
    if given.threads < 0:
        raise PredictionError(f"threads must be at least 0, got {given.threads}")
    found = input_files.find(given.path, sys.stdin if input_files.STANDARD_INPUT in given.path else ())
    if not found.paths:
        raise PredictionError(f"path must hold at least one file, got none in {', '.join(given.path)}")
    return replace(found, paths=shares.take(found.paths, given.shard, "shard"))


def score(given: argparse.Namespace, found: InputFiles, rows: Sequence[Path] = ()) -> Iterator[str]:
    """Write one row a file.

    Args:
        given: as on the command line.
        found: the files.
        rows: tables whose rows are kept, besides those that are in the table already.

    Yields:
        the status of each file, as soon as its row is written.
    """
    bundle = Bundle(given.model)
    folders = {kind: getattr(given, kind.replace("-", "_")) for kind in ANSWER_FILES}
    answers = AnswerFiles(bundle, folders, beside=bool(given.scheduler) or given.shard != "1/1")
    scorer = Scorer(bundle, given.engine, given.threads, given.any_age)
    if given.out == TERMINAL:
        yield from _score_to_terminal(given, found, scorer, answers)
        return
    with ScoreTable(Path(given.out), bundle.digest, scorer.how, given.json, rows) as table:
        yield from _score_to(table, found, scorer, answers)


def conclude(found: InputFiles, counts: Counter) -> int:
    """Say what became of all files.

    Returns:
        `ALL_SCORED`, `SOME_REFUSED`, or `NONE_SCORED` where there was no file, or none was scored.
    """
    _tell(found, counts)
    if found.paths and not counts[SCORED]:
        return NONE_SCORED
    return SOME_REFUSED if counts[REFUSED] or found.errors else ALL_SCORED


def _score_to_terminal(
    given: argparse.Namespace, found: InputFiles, scorer: Scorer, answers: AnswerFiles
) -> Iterator[str]:
    own = {"bundle": scorer.bundle.digest[: score_rows.DIGITS], "engine": scorer.how}
    sys.stdout.write("" if given.json else score_rows.header().decode())
    for answer in scorer.score(found.paths, answers.wanted):
        score = answers.write(answer.score, answer.radiograph)
        sys.stdout.write(score_rows.render(score, own, given.json).decode())
        sys.stdout.flush()
        yield score.status


def _score_to(table: ScoreTable, found: InputFiles, scorer: Scorer, answers: AnswerFiles) -> Iterator[str]:
    def known(name: str, sha256: str, is_dicom: bool) -> bool:
        status = table.find(name, sha256)
        return status is not None and answers.are_there(sha256, status, is_dicom)

    for answer in scorer.score(found.paths, answers.wanted, known):
        if answer.score is None:
            yield table.keep(answer.name, answer.radiograph.sha256)
        else:
            score = answers.write(answer.score, answer.radiograph)  # before its row, which says that all is there
            table.write(score)
            yield score.status


def _tell(found: InputFiles, counts: Counter) -> None:
    """Say in a sentence or two what became of all that was named."""
    told = [f"{counts[SCORED]:,} scored", f"{counts[REFUSED]:,} refused"]
    told += [f"{found.hidden:,} hidden files passed over"] if found.hidden else []
    told += [f"{found.repeated:,} named twice and scored once"] if found.repeated else []
    _log.info("%s files: %s", f"{len(found.paths):,}", ", ".join(told))
    for folder, why in found.errors:
        _log.warning("folder must be readable, got %s: %s", folder, why)
