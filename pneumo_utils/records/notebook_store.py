"""The run directory as a notebook opens it: a finished study stays as it is, and exploring has a folder of its own.

The pipeline takes `parameters.yaml` away before it runs a notebook. Where that file is there, the study is finished and
somebody explores.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from pneumo_utils.records.store import Store

# what stays behind: files that are not replaced but written on, so that a second name would change the first, and what
# only the pipeline reads
_LEFT = ("activations", "*.lock", "*.part", "*.part.*", "data.json", "notebooks", "progress", "records", "set-aside")
_EDITED = (".csv", ".json", ".txt", ".md")  # an editor may write on them: these are copied
_log = logging.getLogger(__name__)


class PlaceError(ValueError):
    """A notebook runs in another folder than its own, where relative paths lead elsewhere."""


def open_store(study: str, reports: str | Path) -> Store:
    """The run directory of `study` for a notebook.

    That of a finished study is not written to: it is left as it is, and the notebook reads and writes in the folder
    `by-hand` within it, which holds what the study holds until a notebook replaces it there. Tables are
    copied; large files are second names of the study's own (hard links), which take no room and no time.

    Args:
        study: name of the study.
        reports: folder of all reports; relative to the folder of the notebooks.

    Raises:
        PlaceError: `reports` is relative, and the notebook does not run in the project.
    """
    _check_place(Path(reports))
    finished = Store(study, reports)
    if not finished.parameters_file.is_file():
        return finished
    own = Store(finished.by_hand_folder.name, finished.folder)
    for name in (finished.tables.name, finished.work.name, finished.bundle_folder.name):
        _add_names(finished.folder / name, own.folder / name)
    if finished.data_file.is_file() and not own.data_file.is_file():  # it holds a relative path
        source = json.loads(finished.data_file.read_text(encoding="utf-8"))["source"]
        own.write_data_folder(finished.data_folder(), source)
    _log.warning(
        "%s is finished and stays as it is: this notebook writes to %s and reads there what other notebooks wrote; "
        "delete that folder to begin anew", study, own.folder.resolve(),
    )  # fmt: skip
    return own


def _check_place(reports: Path) -> None:
    inside = any((place / "pneumo_utils" / "__main__.py").is_file() for place in (Path(".."), reports.parent))
    if not reports.is_absolute() and not inside:
        raise PlaceError(
            f"a notebook must run in its own folder (papermill: --cwd notebooks) or be given an absolute path of the "
            f"reports, got {reports}, which is {reports.resolve()} from here"
        )


def _add_names(folder: Path, own: Path) -> None:
    """Have each file of `folder` in `own`, too, where nothing of that name is yet."""
    if folder.is_dir():
        ignored = shutil.ignore_patterns(*_LEFT)
        shutil.copytree(folder, own, copy_function=_add_name, ignore=ignored, dirs_exist_ok=True)


def _add_name(source: str, target: str) -> None:
    place = Path(target)
    if place.exists():  # a notebook wrote it
        return
    if place.suffix not in _EDITED:
        with suppress(OSError):  # a file system without second names
            os.link(source, target)
            return
    part = place.with_name(f"{place.stem}.part{place.suffix}")
    shutil.copyfile(source, part)
    part.replace(place)
