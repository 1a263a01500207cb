"""Runs every bench, each in a process of its own, one after another, and makes a page of what they found.

A bench that fails is told and the others go on; its rows of an earlier run stay, with their date. A target that is
not met is told, too, but is no failure.

    make bench [DATA=FOLDER] [WEIGHTS=imagenet|none|PATH]
    python benchmarks/runner.py [NAME ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import page

HERE = Path(__file__).resolve().parent
# what one core does first, what takes minutes last
BENCHES = (
    "metrics",
    "phantom",
    "decoding",
    "scoring",
    "gradcam",
    "trunk",
    "optimiser",
    "state",
    "whole",
    "training",
    "growth",
    "scale",
    "demo",
)


def run(name: str) -> bool:
    """Run one bench; whether it ended well."""
    sys.stdout.write(f"== {name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    done = subprocess.run([sys.executable, HERE / f"bench_{name}.py"], check=False)
    sys.stdout.write(f"   {time.monotonic() - began:.0f} s\n")
    return done.returncode == 0


def main(arguments: list[str] | None = None) -> int:
    """Run the benches that are named, or all; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; none: all")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(BENCHES)):
        parser.error(f"NAME must be of {', '.join(BENCHES)}, got {', '.join(unknown)}")
    failed = [name for name in given.names or BENCHES if not run(name)]
    sys.stdout.write(f"{page.render(BENCHES)}\n")
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
