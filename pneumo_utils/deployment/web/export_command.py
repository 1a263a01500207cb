"""The arguments of `export`, apart from what it does: `--help` should not wait for OpenCV."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "write a page that scores radiographs in any browser, on the device that opens it, also without a connection"
CACHE = Path("data")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `export`."""
    command.add_argument("model", type=Path, help="bundle, such as reports/kermany/model")
    command.add_argument("--out", type=Path, help="folder to write (default: browser, beside the bundle)")
    command.add_argument(
        "--runtime",
        type=Path,
        metavar="FILE",
        help="archive of onnxruntime-web on this machine (default: fetched once)",
    )
    command.add_argument(
        "--cache", type=Path, default=CACHE, help=f"folder that keeps what is fetched (default: {CACHE})"
    )


def run(given: argparse.Namespace) -> int:
    """See `browser_page.run`."""
    from pneumo_utils.deployment.web import browser_page  # imported here: `--help` should not wait for it

    return browser_page.run(given)
