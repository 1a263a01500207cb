"""A disk that is full: one sentence, nothing half-written, and the next run goes on from what was finished."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from support import reliability
from support.timed_columns import without_times

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.records import tables

pytestmark = [pytest.mark.slow, pytest.mark.long]
SENTENCE = "make room and run again; what was finished is kept"
FAULT = """
import errno, os, pathlib
_real, _left = pathlib.Path.replace, [int(os.environ["FAULT_AT"])]
def _replace(self, target):
    _left[0] -= 1
    if _left[0] == 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    return _real(self, target)
pathlib.Path.replace = _replace
"""


def study(folder: Path, reports: Path) -> list[str]:
    """The command of a study of one network, with a cache of its own."""
    shutil.copytree(PROJECT / "params", folder / "params")
    smoke = folder / "params" / "smoke.yaml"
    text = smoke.read_text().replace("[cnn, vgg16, resnet50]", "[cnn]", 1).replace("retrained_model: cnn", RETRAINED)
    text = text.replace("ensemble: [cnn, vgg16, resnet50]", "ensemble: []")
    smoke.write_text(text.replace("cache: data", f"cache: {folder / 'cache'}"))
    places = ["--params", str(folder / "params"), "--reports", str(reports)]
    return [sys.executable, "-m", "pneumo_utils", "report", "smoke", *places]


RETRAINED = "retrained_model: none"


def check_refusal(said: str, reports: Path) -> None:
    last = said.strip().splitlines()[-1]
    assert last.startswith("error: ") and last.endswith(SENTENCE), said
    assert "Traceback" not in said
    assert not list(reports.rglob("*.part*"))
    reliability.note("writes refused by a full disk", 1)


def tables_of(reports: Path) -> dict[str, pd.DataFrame]:
    found = {}
    for file in sorted((reports / "smoke" / "tables").glob("*.csv")):
        found[file.stem] = without_times(tables.read(file.stem, file))
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, pd.DataFrame]:
    place = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(study(place, place / "reports"), check=True, capture_output=True)
    return tables_of(place / "reports")


def check_equal(found: dict[str, pd.DataFrame], wanted: dict[str, pd.DataFrame]) -> None:
    assert found.keys() == wanted.keys()
    for name, table in wanted.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True)
    reliability.note("tables equal to the bit after that", len(wanted))


def test_a_write_that_fails_anywhere_is_one_sentence_and_the_next_run_goes_on(tmp_path, undisturbed):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(FAULT)
    command, reports = study(tmp_path, tmp_path / "reports"), tmp_path / "reports"
    refused = 0
    for number in (1, 2, 3, 5, 8, 13, 21, 34):
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "FAULT_AT": str(number)}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            refused += 1
            check_refusal(ran.stderr, reports)
    assert refused >= 4
    subprocess.run(command, check=True, capture_output=True)
    check_equal(tables_of(reports), undisturbed)


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(1 << 20))
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, little more than the least that a study asks for."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1100m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount on the path")
def test_a_disk_that_fills_up_while_a_study_runs_costs_nothing_that_was_finished(small_disk, tmp_path, undisturbed):
    command, reports = study(tmp_path, small_disk / "reports"), small_disk / "reports"
    for awaited in ("tables/manifest.csv", "work/images.npy", "work/models/cnn/*/training-state.npz", "04_*.html"):
        started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while started.poll() is None and not list((reports / "smoke").glob(awaited)):
            time.sleep(0.02)
        fill(small_disk / "filler")
        said = started.communicate(timeout=300)[1]
        (small_disk / "filler").unlink()
        if started.returncode:
            check_refusal(said, reports)
    subprocess.run(command, check=True, capture_output=True)
    check_equal(tables_of(reports), undisturbed)
