"""Where the pictures lie: the folder layout of the published set, `{train,val,test}/{NORMAL,PNEUMONIA}`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pneumo_utils.imaging import image_files
from pneumo_utils.records.vocabulary import LABELS, PARTS

CLASSES = tuple(LABELS)
_DEEPEST = 3  # folders between the one that is given and `train`: zips wrap a set once, twice or three times
_NAMES = {name.casefold() for name in (*PARTS, *CLASSES)}  # of parts and classes, however they are written
_FOLDERS_BEHIND_A_LINK = 1000  # whose files are counted: a link may lead to a whole disk
_LITTER = {"__macosx", "thumbs.db", "desktop.ini", "icon\r"}
_HIDDEN_BY_SYSTEMS = {
    ".ds_store", ".directory", ".fseventsd", ".spotlight-v100", ".temporaryitems", ".trashes", ".appledouble",
    ".thumbnails", ".ipynb_checkpoints", ".picasa.ini",
}  # fmt: skip


class LayoutError(ValueError):
    """A folder does not hold pictures in the published layout."""


class PassedOver(NamedTuple):
    """A file that no number counts, or a folder of them."""

    path: str  # relative to the root, a folder with a slash at its end
    files: int
    reason: str


def is_litter(name: str) -> bool:
    """Whether this is none of the data: `__MACOSX`, `Thumbs.db`, `Icon`, and any hidden `.name`."""
    return name.startswith(".") or name.lower() in _LITTER


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
        place for place in _within(folder, _DEEPEST) if any(_is_folder(place / part) for part in ("train", "test"))
    ]
    if not found:
        raise LayoutError(f"data folder must hold train/ and test/, got {_list_some(folder)} in {str(folder)!r}")
    root = max(found, key=lambda place: (_fits(place), not _is_linked(place, folder)))  # else the first
    for part in ("train", "test"):
        if not _is_folder(root / part):
            raise LayoutError(f"data folder must hold {part}/, got {_list_some(root)} in {str(root)!r}")
    return root


def check_names(names: Iterable[str], archive: str) -> None:
    """See that an archive holds the layout before it is unpacked.

    Args:
        names: paths of its files, with forward slashes.
        archive: its name.

    Raises:
        LayoutError: it holds no `train` and `test` in one folder.
    """
    tops, places = set(), {"train": set(), "test": set()}
    for name in names:
        *folders, file = name.split("/")
        tops.add(folders[0] if folders else file)
        for depth, one in enumerate(folders[: _DEEPEST + 1]):
            if one in places:
                places[one].add(tuple(folders[:depth]))
    if not places["train"] & places["test"]:
        raise LayoutError(f"{archive} must hold train/ and test/ in one folder, got {_join_some(sorted(tops))}")


def _fits(place: Path) -> int:
    """In how many of `train` and `test` there is a class folder."""
    return sum(any(_is_folder(place / part / name) for name in CLASSES) for part in ("train", "test"))


def _is_linked(place: Path, folder: Path) -> bool:
    """Whether a link leads from `folder` to `place` below it."""
    return place != folder and (place.is_symlink() or _is_linked(place.parent, folder))


def _is_folder(place: Path) -> bool:
    """As `Path.is_dir`; False, too, where nobody may look, as in `lost+found` beside the set."""
    return os.path.isdir(place)  # noqa: PTH112


def _within(folder: Path, depth: int) -> Iterator[Path]:
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
    return sorted(folder / name for name in names if _is_folder(folder / name))


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
                raise LayoutError(f"{part} must hold NORMAL/ and PNEUMONIA/, got {_list_some(root / part)}")
            inside = [path.relative_to(root).as_posix() for path in _walk(root / part / name)]
            if not inside:
                raise LayoutError(f"{part}/{name} must hold images, got an empty folder")
            found += inside
    return sorted(found)


def list_passed_over(top: Path, root: Path) -> list[PassedOver]:
    """Name everything below `top` that `list_files` does not list, so that nothing vanishes unsaid.

    Args:
        top: the folder that was given or unpacked.
        root: as `locate` found it in `top`.

    Returns:
        files one by one; folders as one with the number of their files, such as a third class, a second copy of the
        set, or a link, which is not followed. Left unsaid are an operating system's own files that are no pictures.
    """
    found = _beside(root, root, PARTS, "outside train, val and test")
    for part in (part for part in PARTS if (root / part).is_dir()):
        found += _beside(root / part, root, CLASSES, "outside NORMAL and PNEUMONIA")
        for name in CLASSES:
            found += _unseen(root / part / name, root)
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
            one = _folder_passed_over(path, shown, _explain(path, reason))
            found += [one] if one.files or path.is_symlink() else []
        elif not is_litter(path.name) or image_files.is_image(path.name):
            found.append(PassedOver(shown, 1, _explain(path, reason)))
    return found


def _explain(path: Path, reason: str) -> str:
    if is_litter(path.name):
        return _why_litter(path.name)
    if path.is_dir() and any(_is_folder(place / "train") for place in _within(path, 1)):
        return f"{reason}: a second copy, or another set"
    return reason


def _why_litter(name: str) -> str:
    systems = not name.startswith(".") or name.startswith("._") or name.lower() in _HIDDEN_BY_SYSTEMS
    return "left behind by an operating system" if systems else "hidden: its name begins with a dot"


def _folder_passed_over(folder: Path, shown: str, reason: str) -> PassedOver:
    """`folder` with the number of files in it; behind a link only so many folders are looked into."""
    counts = [len(names) for _, _, names in islice(os.walk(folder), _most_folders(folder))]
    more = f" (at least {sum(counts):,} files)" if len(counts) == _most_folders(folder) else ""
    return PassedOver(f"{shown}/", sum(counts), reason + more)


def _most_folders(folder: Path) -> int | None:
    return _FOLDERS_BEHIND_A_LINK if folder.is_symlink() else None


def _unseen(folder: Path, root: Path) -> list[PassedOver]:
    """What lies in a class folder and is no file of it: links to folders, folders that cannot be read or are called as
    a class or a part, hidden pictures.
    """
    found = []

    def refuse(error: OSError) -> None:
        found.append(PassedOver(f"{Path(error.filename).relative_to(root).as_posix()}/", 0, f"{error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=refuse):
        here = Path(place)
        for name in folders:
            if reason := _why_not_entered(here / name):
                found.append(_folder_passed_over(here / name, (here / name).relative_to(root).as_posix(), reason))
        folders[:] = [name for name in folders if not _is_barred(name)]
        hidden = [name for name in names if is_litter(name) and image_files.is_image(name)]
        found += [PassedOver((here / name).relative_to(root).as_posix(), 1, _why_litter(name)) for name in hidden]
    return found


def _why_not_entered(folder: Path) -> str:
    if folder.is_symlink():
        return "a link to a folder, which is not followed"
    if is_litter(folder.name):
        return _why_litter(folder.name)
    return "a class or part inside a class" if _is_barred(folder.name) else ""


def _is_barred(name: str) -> bool:
    """Whether a folder below a class folder is none of its class: litter, or called as a class or a part."""
    return is_litter(name) or name.strip().casefold() in _NAMES


def _walk(folder: Path) -> list[Path]:
    paths = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_barred(name)]
        paths += [Path(place) / name for name in names if not is_litter(name)]
    return paths


def _list_some(folder: Path) -> str:
    return _join_some(sorted(path.name for path in folder.iterdir() if not is_litter(path.name)))


def _join_some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more
