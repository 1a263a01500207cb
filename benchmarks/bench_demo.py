"""The first minutes of a new user: `make report` in a fresh clone with empty caches, now and as it once was.

Both sides take turns, each time in a clone of its own: the commit that is checked out (what is not committed is left
out), and the last one before installation by uv and a demo made for its first reader. Told are medians of three turns.
Needs a repository with that commit, GNU make, and a package registry. Writes `reports/bench/demo.csv`; half an hour.

    python benchmarks/bench_demo.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import rows

BEFORE, TURNS = "ab5601d", 3
MOST = {"installed": 45.0, "first page": 90.0, "front page complete": 300.0}  # seconds from the clone, at most
# of the make that started this, or what would change what the demo does
_NOT_HANDED_DOWN = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VIRTUAL_ENV", "STUDY", "DATA", "WEIGHTS"}


@dataclass(frozen=True)
class Times:
    """Seconds from the start of `make report` until..."""

    installed: float
    first_page: float  # can be read
    whole: float  # the front page is complete


def environment(caches: Path) -> dict[str, str]:
    """What a new user has: their own settings, and no cache of packages."""
    own = {name: value for name, value in os.environ.items() if name not in _NOT_HANDED_DOWN}
    empty = {name: str(caches / name.lower()) for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "XDG_CACHE_HOME")}
    return own | empty


def watch(command: list[str], folder: Path, pages: Path, caches: Path) -> Times:
    """Run `command` in `folder` to its end, and see when the environment and the first of `pages` are there.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    awaited = [folder / ".venv" / ".ready", pages / "01_eda.html"]
    seen: dict[Path, float] = {}
    began = time.perf_counter()
    with (folder / "bench.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, env=environment(caches), stdout=log, stderr=log)
        while running.poll() is None:
            seen |= {file: time.perf_counter() - began for file in awaited if file not in seen and file.exists()}
            time.sleep(0.1)
    whole = time.perf_counter() - began
    if running.returncode:
        sys.stderr.write((folder / "bench.log").read_text(encoding="utf-8", errors="replace"))
        raise subprocess.CalledProcessError(running.returncode, command)
    return Times(*(seen.get(file, whole) for file in awaited), whole)


def turn(commit: str, study: str) -> Times:
    """A fresh clone at `commit`, and in it `make report`."""
    with tempfile.TemporaryDirectory() as name:
        folder, caches = Path(name, "clone"), Path(name, "caches")
        subprocess.run(["git", "clone", "-q", str(rows.PROJECT), str(folder)], check=True)
        subprocess.run(["git", "-C", str(folder), "checkout", "-q", commit], check=True)
        return watch(["make", "report", f"STUDY={study}"], folder, folder / "reports" / study, caches)


def take_turns(commits: list[str], count: int, study: str) -> list[list[Times]]:
    """Every commit in turn, `count` times; a list for each."""
    found: list[list[Times]] = [[] for _ in commits]
    for number in range(count):
        for commit, own in zip(commits, found, strict=True):
            own.append(turn(commit, study))
            seen = ", ".join(f"{seconds:.0f}" for seconds in astuple(own[-1]))
            sys.stdout.write(f"{commit}, turn {number + 1}: {seen} s\n")
            sys.stdout.flush()
    return found


def compare(ours: list[Times], theirs: list[Times], said: str) -> list[rows.Row]:
    """Medians of both sides, a row per moment."""
    sides = [[statistics.median(column) for column in zip(*map(astuple, side), strict=True)] for side in (ours, theirs)]
    return [
        rows.Row(f"demo, {moment}", now, before, "s", now / before, f"ours at most {most:g} s", now <= most, said)
        for (moment, most), now, before in zip(MOST.items(), *sides, strict=True)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure and write; with `--quick` one turn of the smallest study, set against itself."""
    quick = rows.parser(__doc__).parse_args(arguments).quick
    asked = ["git", "-C", str(rows.PROJECT), "rev-parse", "--short", "HEAD"]
    head = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    commits, count, study = ([head], 1, "smoke") if quick else ([head, BEFORE], TURNS, "demo")
    found = take_turns(commits, count, study)
    seen = [
        f"{commit}: {', '.join(f'{one.whole:.0f}' for one in own)} s"
        for commit, own in zip(commits, found, strict=True)
    ]
    rows.write("demo", compare(found[0], found[-1], f"medians; {'; '.join(seen)}"), keep=not quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
