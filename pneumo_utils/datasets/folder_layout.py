"""Where the pictures lie: the folder layout of the published set, `{train,val,test}/{NORMAL,PNEUMONIA}`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pneumo_utils.datasets import folder_contents, passed_over
from pneumo_utils.datasets.folder_contents import CLASSES
from pneumo_utils.records.vocabulary import PARTS

_DEEPEST = 3  # folders between the one that is given and `train`: zips wrap a set once, twice or three times


class LayoutError(ValueError):
    """A folder does not hold pictures in the published layout."""


def locate(folder: Path) -> Path:
    """Find the folder that holds `train/` and `test/`: `folder` itself, or the first below it that fits.

    Zips wrap the set differently (`chest_xray`, `chest_xray/chest_xray`, `CellData/chest_xray`), and some hold other
    sets of the same layout (`CellData/OCT/train/CNV`): what has both parts with class folders goes before what has
    class folders in one, and that before what has none, and what lies there before what is linked.

    Raises:
        LayoutError: there is no such folder, or it holds no `train` or no `test`.
    """
    folder = Path(folder).expanduser()
    if not folder.exists():
        raise LayoutError(f"data folder must exist, got {str(folder)!r}")
    if not folder.is_dir():
        raise LayoutError(f"data must be a folder, a .zip or a .npz file, got the file {str(folder)!r}")
    found = [
        place
        for place in folder_contents.folders_within(folder, _DEEPEST)
        if any(folder_contents.is_folder(place / part) for part in ("train", "test"))
    ]
    if not found:
        got = f"{_list_some(folder)} in {str(folder)!r}{_advise(folder)}"
        raise LayoutError(f"data folder must hold train/ and test/, got {got}")
    root = max(found, key=lambda place: (_fits(place), not _is_linked(place, folder)))  # else the first
    for part in ("train", "test"):
        if not folder_contents.is_folder(root / part):
            raise LayoutError(f"data folder must hold {part}/, got {_list_some(root)} in {str(root)!r}{_advise(root)}")
    return root


def check_names(names: Iterable[str], archive: str) -> None:
    """See that an archive holds the layout before it is unpacked.

    Args:
        names: paths of its files, with forward slashes.
        archive: its name.

    Raises:
        LayoutError: it holds no `train` and `test` in one folder, or one of them without files of a class.
    """
    tops, places = set(), defaultdict(dict)  # of each folder the parts in it, and what each of these holds
    for name in names:
        *folders, file = name.split("/")
        tops.add(folders[0] if folders else file)
        for depth, one in enumerate(folders[: _DEEPEST + 1]):
            if one in PARTS:
                inside = places[tuple(folders[:depth])].setdefault(one, defaultdict(int))
                *below, last = [*folders[depth + 1 :], file]
                barred = any(folder_contents.why_barred(part) for part in below[1:]) or folder_contents.is_litter(last)
                inside[below[0] if below else last] += not barred
    whole = [parts for parts in places.values() if {"train", "test"} <= parts.keys()]
    if not whole:
        raise LayoutError(f"{archive} must hold train/ and test/ in one folder, got {_join_some(sorted(tops))}")
    lacking = [_first_lacking(parts) for parts in whole]
    if all(lacking):
        raise LayoutError(f"{archive}: {lacking[0]}")


def _first_lacking(parts: dict[str, dict[str, int]]) -> str:
    """What `list_files` will say against a set, by what each of its parts holds and how many files are in that."""
    for part, inside in parts.items():
        if not set(CLASSES) <= inside.keys():
            return f"{part} must hold NORMAL/ and PNEUMONIA/, got {_join_some(sorted(inside))}"
        for name in CLASSES:
            if not inside[name]:
                return f"{part}/{name} must hold images, got none that is not in a folder of another kind"
    return ""


def _fits(place: Path) -> int:
    """In how many of `train` and `test` there is a class folder."""
    return sum(any(folder_contents.is_folder(place / part / name) for name in CLASSES) for part in ("train", "test"))


def _is_linked(place: Path, folder: Path) -> bool:
    """Whether a link leads from `folder` to `place` below it."""
    return place != folder and (place.is_symlink() or _is_linked(place.parent, folder))


def list_files(root: Path) -> list[str]:
    """List every file under the class folders, whatever its ending, without the litter of operating systems.

    Below a class folder may be others, as one a patient, but none that is called as a class or a part: what lies in
    `train/NORMAL/PNEUMONIA` is nobody's to guess, and is passed over.

    Args:
        root: as `locate` returns it; `val` may be missing, as in the Mendeley zip.

    Returns:
        paths relative to `root` with forward slashes, sorted; bytes that are no UTF-8 stand in them as Python escapes
        them (surrogates).

    Raises:
        LayoutError: a part without a class folder, or an empty class folder.
    """
    found = []
    for part in (part for part in PARTS if (root / part).is_dir()):
        for name in CLASSES:
            if not (root / part / name).is_dir():
                got = f"{_list_some(root / part)}{_advise(root / part)}"
                raise LayoutError(f"{part} must hold NORMAL/ and PNEUMONIA/, got {got}")
            inside = [path.relative_to(root).as_posix() for path in _walk(root / part / name)]
            if not inside:
                raise LayoutError(f"{part}/{name} must hold images, got {_what_instead(root / part / name, root)}")
            found += inside
    return sorted(found)


def _what_instead(folder: Path, root: Path) -> str:
    found = passed_over.within_class(folder, root)
    return f"none but {found[0].path} ({found[0].reason})" if found else "an empty folder"


def _walk(folder: Path) -> list[Path]:
    paths = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not folder_contents.why_barred(name)]
        paths += [Path(place) / name for name in names if not folder_contents.is_litter(name)]
    return paths


def _list_some(folder: Path) -> str:
    return _join_some(sorted(_describe(path) for path in folder.iterdir() if not folder_contents.is_litter(path.name)))


def _describe(path: Path) -> str:
    """Its name, and what it is where it is called as a part or class and is none."""
    if path.name not in (*PARTS, *CLASSES) or folder_contents.is_folder(path):
        return path.name
    return f"{path.name} (a link that leads nowhere)" if not path.exists() else f"{path.name} (a file)"


def _advise(folder: Path) -> str:
    """What helps where names are in other letters, or classes lie where the parts must."""
    right = {name.casefold(): name for name in (*PARTS, *CLASSES)}
    meant = {path.name: right[path.name.casefold()] for path in folder.iterdir() if path.name.casefold() in right}
    wrong = [f"{name} must be {other}" for name, other in sorted(meant.items()) if name != other]
    letters = f"; capital and small letters count: {', '.join(wrong)}" if wrong else ""
    if folder.name in PARTS or not set(meant.values()) & set(CLASSES):
        return letters
    return f"{letters}; train/ and test/ must each hold NORMAL/ and PNEUMONIA/, with no child in both"


def _join_some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more
