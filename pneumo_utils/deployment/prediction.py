"""`predict`: one row a file, whatever it is; nothing that is found on the way stops it."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pneumo_utils.deployment import input_files, score_table
from pneumo_utils.deployment.answers.answer_files import AnswerFiles
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.input_files import InputFiles
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
        `ALL_SCORED`, `SOME_REFUSED`, or `NONE_SCORED` where there was no file, or none was scored.

    Raises:
        ValueError: an argument, a path or the bundle is wrong; nothing has been written then.
    """
    if given.threads < 0:
        raise PredictionError(f"threads must be at least 0, got {given.threads}")
    found = input_files.find(given.path, sys.stdin if input_files.STANDARD_INPUT in given.path else ())
    if not found.paths:
        raise PredictionError(f"path must hold at least one file, got none in {', '.join(given.path)}")
    found = replace(found, paths=shares.take(found.paths, given.shard, "shard"))
    bundle = Bundle(given.model)
    folders = {kind: getattr(given, kind.replace("-", "_")) for kind in ANSWER_FILES}
    answers = AnswerFiles(bundle, folders)
    scorer = Scorer(bundle, given.engine, given.threads, given.any_age)
    counts: Counter = Counter()
    with ScoringProgress(len(found.paths)) as progress:
        for status in _score(given, found, scorer, answers):
            counts[status] += 1
            progress.advance(status)
    _tell(found, counts)
    if found.paths and not counts[SCORED]:
        return NONE_SCORED
    return SOME_REFUSED if counts[REFUSED] or found.errors else ALL_SCORED


def _score(given: argparse.Namespace, found: InputFiles, scorer: Scorer, answers: AnswerFiles) -> Iterator[str]:
    """Write one row a file; its status, as soon as it is written."""
    if given.out == TERMINAL:
        own = {"bundle": scorer.bundle.digest[: score_table.DIGITS], "engine": scorer.how}
        sys.stdout.write("" if given.json else score_table.header().decode())
        for answer in scorer.score(found.paths, answers.wanted):
            score = answers.write(answer.score, answer.radiograph)
            sys.stdout.write(score_table.render(score, own, given.json).decode())
            sys.stdout.flush()
            yield score.status
        return
    with score_table.ScoreTable(Path(given.out), scorer.bundle.digest, scorer.how, given.json) as table:
        yield from _score_to(table, found, scorer, answers)


def _score_to(table: score_table.ScoreTable, found: InputFiles, scorer: Scorer, answers: AnswerFiles) -> Iterator[str]:
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
