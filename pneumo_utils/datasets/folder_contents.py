"""What lies in a folder, and which of it belongs to no class: litter of operating systems, masks, folders of parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pneumo_utils.records.vocabulary import LABELS, PARTS

CLASSES = tuple(LABELS)
_NAMES = {name.casefold() for name in (*PARTS, *CLASSES)}  # of parts and classes, however they are written
_MASKS = {"mask", "masks", "segmentation", "segmentations"}  # as the COVID-19 Radiography Database has them
_LITTER = {
    "__macosx", "thumbs.db", "desktop.ini", "icon\r", "$recycle.bin", "system volume information",
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",  # of network drives: thumbnails, waste
}  # fmt: skip
_HIDDEN_BY_SYSTEMS = {
    ".ds_store", ".directory", ".fseventsd", ".spotlight-v100", ".temporaryitems", ".trashes", ".appledouble",
    ".thumbnails", ".ipynb_checkpoints", ".picasa.ini",
}  # fmt: skip


def is_litter(name: str) -> bool:
    """Whether this is none of the data: `__MACOSX`, `Thumbs.db`, `@eaDir`, and any hidden `.name`."""
    return name.startswith(".") or name.lower() in _LITTER


def why_litter(name: str) -> str:
    """What kind of litter this is, in words."""
    systems = not name.startswith(".") or name.startswith("._") or name.lower() in _HIDDEN_BY_SYSTEMS
    return "left behind by an operating system" if systems else "hidden: its name begins with a dot"


def why_barred(name: str) -> str:
    """Why a folder below a class folder holds nothing of its class, by its name; empty where it may."""
    if is_litter(name):
        return why_litter(name)
    if name.strip().casefold() in _NAMES:
        return "a class or part inside a class"
    return "masks, by its name, no radiographs" if name.strip().casefold() in _MASKS else ""


def is_folder(place: Path) -> bool:
    """As `Path.is_dir`; False, too, where nobody may look, as in `lost+found` beside the set."""
    return os.path.isdir(place)  # noqa: PTH112


def folders_within(folder: Path, depth: int) -> Iterator[Path]:
    """`folder` and those below it, level by level, without what parts hold."""
    level = [folder]
    for _ in range(depth + 1):
        yield from level
        level = [place for parent in level for place in _subfolders(parent) if place.name not in PARTS]


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [one.name for one in entries if not is_litter(one.name)]
    except OSError:  # no permission: whatever is in it cannot be read anyway
        return []
    return sorted(folder / name for name in names if is_folder(folder / name))
