"""The arguments of `serve`, apart from what it does: `--help` should not wait for OpenCV."""

from __future__ import annotations

import argparse
from pathlib import Path

from pneumo_utils.deployment import prediction_command

HELP = "open a page on this machine that scores radiographs with the bundle of a finished study"
HOST, PORT = "127.0.0.1", 8000


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `serve`."""
    command.add_argument("model", type=Path, help="bundle, such as reports/kermany/model")
    command.add_argument("--port", type=int, default=PORT, help=f"port of the page; 0: any free one (default: {PORT})")
    command.add_argument("--host", default=HOST, help=f"address to listen at (default: {HOST}, this machine alone)")
    prediction_command.add_engine_arguments(command)


def run(given: argparse.Namespace) -> int:
    """See `serving.run`."""
    from pneumo_utils.deployment.web import serving  # imported here: `--help` should not wait for it

    return serving.run(given)
