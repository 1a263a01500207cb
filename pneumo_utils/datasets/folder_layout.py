"""Where the pictures lie: the folder layout of the published set, `{train,val,test}/{NORMAL,PNEUMONIA}`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pneumo_utils.records.vocabulary import LABELS, PARTS

CLASSES = tuple(LABELS)

# The Kaggle zip holds `chest_xray/` and in it the whole set once more; only the first that fits is taken.
_INSIDE = (".", "chest_xray", "chest_xray/chest_xray", "ChestXRay2017/chest_xray", "ChestXRay2017")
_LITTER = {"__macosx", "thumbs.db", "desktop.ini"}
_log = logging.getLogger(__name__)


class LayoutError(ValueError):
    """A folder does not hold pictures in the published layout."""


def is_litter(name: str) -> bool:
    """Whether an operating system or an editor left this behind: `__MACOSX`, `Thumbs.db`, any `.name`."""
    return name.startswith(".") or name.lower() in _LITTER


def locate(folder: Path) -> Path:
    """Find the folder that holds `train/` and `test/`: `folder` itself, or `chest_xray` in it, nested or not.

    Raises:
        LayoutError: there is no such folder, or it holds no `train` or no `test`.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise LayoutError(f"data folder must exist, got {str(folder)!r}")
    places = [folder / inside for inside in _INSIDE]
    roots = [place for place in places if any((place / part).is_dir() for part in ("train", "test"))]
    if not roots:
        raise LayoutError(f"data folder must hold train/ and test/, got {_list_some(folder)} in {str(folder)!r}")
    for part in ("train", "test"):
        if not (roots[0] / part).is_dir():
            raise LayoutError(f"data folder must hold {part}/, got {_list_some(roots[0])} in {str(roots[0])!r}")
    if len(roots) > 1:
        _log.info("a second copy inside the data folder is not counted: %s", roots[1].relative_to(folder))
    return roots[0]


def list_files(root: Path) -> list[str]:
    """List every file under the class folders, whatever its ending, without the litter of operating systems.

    Args:
        root: as `locate` returns it; `val` may be missing, as in the Mendeley zip.

    Returns:
        paths relative to `root` with forward slashes, sorted.

    Raises:
        LayoutError: a part without a class folder, or an empty class folder.
    """
    found = []
    for part in (part for part in PARTS if (root / part).is_dir()):
        for name in CLASSES:
            if not (root / part / name).is_dir():
                raise LayoutError(f"{part} must hold NORMAL/ and PNEUMONIA/, got {_list_some(root / part)}")
            inside = [path.relative_to(root).as_posix() for path in _walk(root / part / name)]
            if not inside:
                raise LayoutError(f"{part}/{name} must hold images, got an empty folder")
            found += inside
    return sorted(found)


def _walk(folder: Path) -> list[Path]:
    paths = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_litter(name)]
        paths += [Path(place) / name for name in names if not is_litter(name)]
    return paths


def _list_some(folder: Path, most: int = 5) -> str:
    names = sorted(path.name for path in folder.iterdir() if not is_litter(path.name))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more
