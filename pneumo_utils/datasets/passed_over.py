"""What lies in or beside the data folder and is no radiograph of it, so that nothing vanishes unsaid."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pneumo_utils.datasets import folder_contents
from pneumo_utils.datasets.folder_contents import CLASSES
from pneumo_utils.imaging import image_files
from pneumo_utils.records.vocabulary import PARTS

_FOLDERS_BEHIND_A_LINK = 1000  # whose files are counted: a link may lead to a whole disk


class PassedOver(NamedTuple):
    """A file that no number counts, or a folder of them."""

    path: str  # relative to the root, a folder with a slash at its end
    files: int
    reason: str


def find(top: Path, root: Path) -> list[PassedOver]:
    """Name everything below `top` that `folder_layout.list_files` does not list.

    Args:
        top: the folder that was given or unpacked.
        root: as `folder_layout.locate` found it in `top`.

    Returns:
        files one by one; folders as one with the number of their files, such as a third class, a second copy of the
        set, one that may not be looked into, or a link, which is not followed. Left unsaid, and not counted, are an
        operating system's own files that are no pictures, and folders that hold nothing else.
    """
    found = _beside(root, root, PARTS, "outside train, val and test")
    for part in (part for part in PARTS if (root / part).is_dir()):
        found += _beside(root / part, root, CLASSES, "outside NORMAL and PNEUMONIA")
        for name in CLASSES:
            found += within_class(root / part / name, root)
    inner = root
    while inner != top and inner.parent != inner:
        inner, child = inner.parent, inner
        found += _beside(inner, root, (child.name,), "beside the radiographs")
    return sorted(found)


def _beside(folder: Path, root: Path, known: tuple[str, ...], reason: str) -> list[PassedOver]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.name in known and path.is_dir():
            continue
        shown = Path(os.path.relpath(path, root)).as_posix()
        if path.is_dir():
            found += _folder_passed_over(path, shown, _explain(path, reason))
        elif _is_told(path.name):
            found.append(PassedOver(shown, 1, _explain(path, reason)))
    return found


def _explain(path: Path, reason: str) -> str:
    if folder_contents.is_litter(path.name):
        return folder_contents.why_litter(path.name)
    if path.is_dir() and any(
        folder_contents.is_folder(place / "train") for place in folder_contents.folders_within(path, 1)
    ):
        return f"{reason}: a second copy, or another set"
    return reason


def _is_told(name: str) -> bool:
    """Whether a file is worth a word, by its name."""
    return image_files.is_image(name) or not folder_contents.is_litter(name)


def _folder_passed_over(folder: Path, shown: str, reason: str) -> list[PassedOver]:
    """`folder` with the number of files in it, if any; behind a link only so many folders are looked into."""
    refused: list[OSError] = []
    walked = islice(os.walk(folder, onerror=refused.append), _most_folders(folder))
    counts = [sum(map(_is_told, names)) for _, _, names in walked]
    if not (sum(counts) or refused or folder.is_symlink()):
        return []
    if refused:
        what = "a folder in it" if counts else "it"
        reason += f"; {what} cannot be looked into: {refused[0].strerror}"
    more = f" (at least {sum(counts):,} files)" if len(counts) == _most_folders(folder) else ""
    return [PassedOver(f"{shown}/", sum(counts), reason + more)]


def _most_folders(folder: Path) -> int | None:
    return _FOLDERS_BEHIND_A_LINK if folder.is_symlink() else None


def within_class(folder: Path, root: Path) -> list[PassedOver]:
    """What lies in a class folder and is no file of it.

    Links to folders, folders that cannot be read or whose name bars them, and hidden pictures.

    Args:
        folder: of a class.
        root: as above.
    """
    found = []

    def refuse(error: OSError) -> None:
        place = Path(error.filename).relative_to(root).as_posix()
        found.append(PassedOver(f"{place}/", 0, f"cannot be looked into: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=refuse):
        here = Path(place)
        for name in folders:
            if reason := _why_not_entered(here / name):
                found += _folder_passed_over(here / name, (here / name).relative_to(root).as_posix(), reason)
        folders[:] = [name for name in folders if not folder_contents.why_barred(name)]
        hidden = [name for name in names if folder_contents.is_litter(name) and image_files.is_image(name)]
        found += [
            PassedOver((here / name).relative_to(root).as_posix(), 1, folder_contents.why_litter(name))
            for name in hidden
        ]
    return found


def _why_not_entered(folder: Path) -> str:
    if folder.is_symlink():
        return "a link to a folder, which is not followed"
    return folder_contents.why_barred(folder.name)
