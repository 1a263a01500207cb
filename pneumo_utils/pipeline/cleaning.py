"""Deletes what studies have made: the reports of those that have a parameter file, and drawn radiographs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from pneumo_utils.pipeline import study_lock
from pneumo_utils.study import definition

_DRAWN = re.compile(r"phantom-\d+-\d+(-shortcut)?")
_OF_A_DRAWING = {"chest_xray", "truth", "phantom.json"}
_OF_ALL = ("compare", "index.html")  # pages of several studies


class CleaningError(RuntimeError):
    """Something must not be deleted now."""


def clean(params: Path, reports: Path, data: Path | None) -> tuple[list[Path], dict[Path, str]]:
    """Delete the reports, networks and bundles of all studies, the pages of several, and drawn phantoms.

    Args:
        params: folder of the parameter files; a folder of reports that is called as none of them stays.
        reports: folder of all reports.
        data: folder that radiographs are drawn into; None: what is drawn stays, as studies of other reports read it.

    Returns:
        what was deleted, and what stays, with the reason: studies without a parameter file, links to studies, and
        drawn radiographs beside which somebody has laid something.

    Raises:
        CleaningError: a folder is not there, or a study is running; then nothing is deleted.
    """
    for folder, name in ((params, "parameter files"), (reports, "reports")):
        if not folder.is_dir():
            raise CleaningError(f"folder of {name} must be there, got none: {folder}")
    names = definition.names(params)
    every = sorted(lock.parents[1] for lock in reports.rglob("work/run.lock"))
    of_studies = {name: reports / name for name in names if reports / name in every}
    with ExitStack() as held:
        for folder in every:  # those that stay, too: they may read what was drawn
            work, name = folder / "work", folder.relative_to(reports).as_posix()
            if not held.enter_context(study_lock.hold_if_free(work)) or study_lock.is_trained_in(work):
                raise CleaningError(f"study {name} must not be running, got a run or training of it: wait or stop it")
        deleted = [*of_studies.values(), *_others(reports, data)]
        for place in deleted:
            shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    for name in of_studies:
        with suppress(OSError):  # other studies lie in it
            (reports / name).parent.rmdir()
    kept = {folder: "no parameter file has that name" for folder in every if folder not in of_studies.values()}
    kept |= {reports / name: "a link: what it leads to stays" for name in names if (reports / name).is_symlink()}
    return deleted, kept | {place: "it holds more than what was drawn" for place in _drawn(data) if place.exists()}


def _others(reports: Path, data: Path | None) -> Iterator[Path]:
    yield from (reports / name for name in _OF_ALL if (reports / name).exists())
    for place in _drawn(data):
        if place.is_symlink() or {one.name for one in place.iterdir()} <= _OF_A_DRAWING:
            yield place


def _drawn(data: Path | None) -> list[Path]:
    if data is None:
        return []
    found = (place for place in data.glob("phantom-*") if _DRAWN.fullmatch(place.name))
    return sorted(place for place in found if (place / "phantom.json").is_file())
