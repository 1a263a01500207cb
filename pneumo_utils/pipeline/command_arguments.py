"""The arguments of every command, apart from what it does: `--help` should not wait for pandas."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from pneumo_utils.records import shares

_PLACES = {"pdf": (), "data": ("data",)}  # of commands that do not use both


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what of a command line is not understood."""

    def error(self, message: str) -> NoReturn:
        """End with 2, as command lines do that are not understood."""
        self.exit(2, f"error: {message}; {self.prog} --help tells what there is\n")


def parser(project: Path, scoring: Mapping[str, ModuleType]) -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Args:
        project: folder that holds `params` and `reports`, where none are named.
        scoring: rooms that declare the arguments of commands that score, by the name of the command.
    """
    told = "Run a study, or part of it; score other radiographs with it."
    found = _Parser(prog="python -m pneumo_utils", description=told)
    commands = found.add_subparsers(dest="command", required=True)
    for name, text in (
        ("report", "run what changed and render all pages"),
        ("data", "only provide the radiographs"),
        ("pdf", "print the pages of a finished study into one file"),
        ("plan", "list the trainings of a study, or of a share of them, with time and memory; downloads nothing"),
        ("work", "train a share of a study's networks, for `report` to find; many shares may run side by side"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("study", help="name of a file in params/, without .yaml")
        _add_places(command, project, *_PLACES.get(name, ("data", "weights")))
        if name in ("plan", "work"):
            command.add_argument("--job", default="1/1", metavar="I/N", help="the I-th of N shares (default: all)")
        if name in ("report", "work"):
            _add_training(command)
    command = commands.add_parser("reports", help="run several studies, and set them side by side on one page")
    command.add_argument("studies", nargs="+", help="names, or patterns such as 'candidates/*'")
    _add_places(command, project, "data", "weights")
    _add_training(command)
    for name, room in scoring.items():
        room.add_arguments(commands.add_parser(name, help=room.HELP))
    command = commands.add_parser("clean", help="delete reports, trained networks and bundles of all studies")
    _add_folders(command, project)
    command = commands.add_parser("compare", help="write the page of two finished studies")
    command.add_argument("first", help="name of a study")
    command.add_argument("second", help="name of another")
    _add_folders(command, project, "reports")
    command = commands.add_parser(
        "parameters", help="list every parameter with type, range and help; with a study, what papermill's -f takes"
    )
    command.add_argument("study", nargs="?", default="", help="name of a file in params/, without .yaml")
    command.add_argument("--notebook", default="", help="whose parameters, as 03_finetune (default: 01_eda)")
    command.add_argument("--model", default="", help="of 03_finetune: which network (default: the study's first)")
    _add_folders(command, project)
    return found


def _add_places(command: argparse.ArgumentParser, project: Path, *names: str) -> None:
    """Where a study finds what it needs, `names`, and writes what it makes."""
    if "data" in names:
        command.add_argument("--data", default="", help="folder, .zip or .npz file in place of the study's data")
    if "weights" in names:
        command.add_argument("--weights", default="", help="imagenet, none or a path in place of the study's weights")
    _add_folders(command, project)


def _add_folders(command: argparse.ArgumentParser, project: Path, *names: str) -> None:
    """Where parameter files and reports lie; `names` of those that are asked for, or both."""
    for name, text in (("params", "folder of the parameter files"), ("reports", "folder of all reports")):
        if name in names or not names:
            command.add_argument(f"--{name}", type=_place, default=project / name, help=text)


def _place(typed: str) -> Path:
    """A folder as it was typed, `~` being the home folder."""
    return Path(os.path.expanduser(typed))  # noqa: PTH111 - an unknown ~name stays


def _add_training(command: argparse.ArgumentParser) -> None:
    """Who trains, and with how much of a processor."""
    told = "who trains side by side: local:N, N workers of this machine, or tcp://HOST:PORT, a scheduler of dask"
    command.add_argument("--scheduler", default="", metavar="WHICH", help=told)
    told = "processor threads of a training of `work` or of a scheduler; 0: one a core"
    command.add_argument("--threads", type=shares.parse_threads, default=0, metavar="N", help=told)
