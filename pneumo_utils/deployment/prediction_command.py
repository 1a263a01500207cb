"""The arguments of `predict`, apart from what it does: `--help` should not wait for OpenCV."""

from __future__ import annotations

import argparse
from pathlib import Path

from pneumo_utils.deployment.scores import ANSWER_FILES, TERMINAL
from pneumo_utils.records import shares
from pneumo_utils.records.vocabulary import ENGINES

HELP = "score radiographs with the bundle of a finished study, one row per file"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `predict`."""
    command.add_argument("path", nargs="+", help="files, folders or patterns; - reads paths from the standard input")
    command.add_argument("--model", required=True, type=Path, help="bundle, such as reports/kermany/model")
    command.add_argument(
        "--out",
        default=TERMINAL,
        help="table to write; rows that are in it already are kept (default: - , the terminal)",
    )
    command.add_argument("--json", action="store_true", help="one JSON object a line instead of CSV")
    add_engine_arguments(command)
    command.add_argument("--shard", default="1/1", metavar="I/N", help="only the I-th of N shares of the files")
    told = "who scores shards side by side: local:N, N workers of this machine, or tcp://HOST:PORT, a scheduler of dask"
    command.add_argument("--scheduler", default="", metavar="WHICH", help=told)
    for kind, text in ANSWER_FILES.items():
        command.add_argument(f"--{kind}", type=Path, metavar="FOLDER", help=text)


def add_engine_arguments(command: argparse.ArgumentParser) -> None:
    """Declare what all commands that score have in common."""
    command.add_argument("--engine", choices=ENGINES, default="keras", help="what runs the networks (default: keras)")
    told = "processor threads of the engine; 0: one a core"
    command.add_argument("--threads", type=shares.parse_threads, default=0, metavar="N", help=told)
    command.add_argument(
        "--any-age", action="store_true", help="score, with a remark, where a DICOM header says another age than 1 to 5"
    )


def run(given: argparse.Namespace) -> int:
    """See `prediction.run`."""
    from pneumo_utils.deployment import prediction  # imported here: `--help` should not wait for it

    return prediction.run(given)
