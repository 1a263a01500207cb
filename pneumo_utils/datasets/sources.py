"""Where the radiographs come from: every source ends as one folder in the published layout."""

from __future__ import annotations

import logging
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_utils.datasets import archives, cache_folder, downloads, filenames, folder_layout, medmnist
from pneumo_utils.records.atomic import alone

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "phantom": "a phantom, that is, synthetic radiographs drawn by this package",
    "folder": "a folder that was given",
    "kaggle": "Kaggle, Chest X-Ray Images (Pneumonia), version 2",
    "mendeley": "Mendeley Data, doi:10.17632/rscbjbr9sj.2",
    "medmnist": "MedMNIST, PneumoniaMNIST",
}
SOURCES = tuple(TITLES)
PUBLISHED_PICTURES = 5856  # of the published set, and of PneumoniaMNIST that was made of it

# The version is pinned: the same pictures next year, and kagglehub finds its own copy without a connection.
KAGGLE = "paultimothymooney/chest-xray-pneumonia/versions/2"

# Mendeley Data rscbjbr9sj version 2, https://data.mendeley.com/datasets/rscbjbr9sj/2 (CC BY 4.0). The address
# is the one behind the page's download button, as public code uses it (e.g. Gregz9/CNN_vs_Weak).
MENDELEY_ZIP = "ChestXRay2017.zip"
MENDELEY_URL = (
    "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
    "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded"
)
_MENDELEY_FOLDER = "mendeley-rscbjbr9sj-2"
MENDELEY_BYTES = 1_235_512_464
MENDELEY_SHA256 = "13efc055629733dbab07877f8b3c9f81097840dbcdaa326a8542322c2281ce36"

KINDS = ("drawn", "kermany", "other")
_NAMED = 0.9  # share of file names that must follow the publishers' pattern for a folder to count as their set
_MEDMNIST = "pneumoniamnist*.npz"
_log = logging.getLogger(__name__)


class SourceError(ValueError):
    """The radiographs cannot be had; the message says what to do."""


def kind(source: str, manifest: pd.DataFrame, drawn: bool) -> str:
    """What the radiographs are.

    Args:
        source: one of `SOURCES`.
        manifest: contract `manifest`.
        drawn: whether it is known of a folder that its radiographs are drawn.

    Returns:
        one of `KINDS`: drawn, the published set or a part of it (of a folder by its file names), or another one.
    """
    if drawn or source == "phantom":
        return "drawn"
    named = manifest["number"].notna() & (manifest["etiology"] != filenames.UNKNOWN)  # as pictures of their class are
    return "kermany" if source != "folder" or named.mean() >= _NAMED else "other"


def provide(
    source: str,
    *,
    folder: str = "",
    cache: str | Path,
    phantom_patients: int = 0,
    phantom_seed: int = 0,
    phantom_shortcut: bool = False,
) -> Path:
    """Provide the radiographs of `source`: download, unpack or draw them where that was not done before.

    Args:
        source: one of `SOURCES`.
        folder: the data folder or any zip that holds one (`folder`), the zip (`mendeley`, in place of the download) or
            the .npz file (`medmnist`); the folder that holds these two will do.
        cache: folder for what is downloaded, unpacked or drawn; made if need be.
        phantom_patients: `phantom` only, at least 8: how many children are drawn.
        phantom_seed: `phantom` only, at least 0.
        phantom_shortcut: `phantom` only: tie JPEG quality to the class in train, not in test.

    Returns:
        the folder that was given, unpacked or drawn; `folder_layout.locate` finds `train` and `test` in it.

    Raises:
        ValueError: `source` is unknown, or its radiographs cannot be had; one sentence that says what to do.
    """
    if source not in SOURCES:
        raise SourceError(f"data.source must be one of {', '.join(SOURCES)}, got {source!r}")
    cache = Path(cache)
    found = {
        "phantom": lambda: _phantom(cache, phantom_patients, phantom_seed, phantom_shortcut),
        "folder": lambda: _folder(folder, cache),
        "kaggle": _kaggle,
        "mendeley": lambda: _mendeley(folder, cache),
        "medmnist": lambda: medmnist.write(_file(folder, _MEDMNIST), cache),
    }[source]()
    found = Path(found).expanduser().resolve()
    root = folder_layout.locate(found)
    folder_layout.list_files(root)  # a part or class that is missing is told now, not in the first notebook
    _log.info("radiographs of source %s: %s", source, root)
    return found


def is_at_hand(source: str, *, folder: str, cache: str | Path) -> bool:
    """Whether `provide` would download nothing; the same arguments."""
    if source == "kaggle":
        from kagglehub.cache import Cache  # imported here, as below
        from kagglehub.handle import parse_dataset_handle

        return Cache().load_from_cache(parse_dataset_handle(KAGGLE)) is not None
    return source != "mendeley" or bool(folder) or cache_folder.is_whole(Path(cache) / _MENDELEY_FOLDER)


def check(source: str, folder: str) -> None:
    """Tell what can be told of a source without any work: that what `folder` names is there, and is laid out as needed.

    Args:
        source: one of `SOURCES`.
        folder: as for `provide`.

    Raises:
        ValueError: as `provide`.
    """
    if source == "folder" and _is_zip(folder):
        _look_into(Path(folder).expanduser())
    elif source == "folder":
        folder_layout.list_files(folder_layout.locate(Path(_require_folder(folder))))
    elif source == "medmnist":
        _file(folder, _MEDMNIST)
    elif source == "mendeley" and folder:
        _file(folder, MENDELEY_ZIP)


def _folder(folder: str, cache: Path) -> Path:
    place = Path(_require_folder(folder)).expanduser()
    if not _is_zip(folder):
        return place
    _look_into(place)
    # by content: the same zip under another name is not unpacked twice, another of the same name is
    return archives.unpack(place, cache / f"{place.stem}-{archives.contents(place)}")


def _look_into(archive: Path) -> None:
    folder_layout.check_names(archives.names(archive), archive.name)


def _require_folder(folder: str) -> str:
    if not folder:
        raise SourceError("data.folder must name the folder of the radiographs, got nothing")
    return folder


def _is_zip(folder: str) -> bool:
    place = Path(folder).expanduser()
    return place.is_file() and (folder.lower().endswith(".zip") or zipfile.is_zipfile(place))


def _kaggle() -> Path:
    import kagglehub  # imported here: the other sources work without it, and it is slow
    from kagglehub.config import get_cache_folder

    try:
        with alone(Path(get_cache_folder()) / "datasets" / "chest-xray-pneumonia"):  # kagglehub itself has no lock
            return Path(kagglehub.dataset_download(KAGGLE))
    except Exception as error:  # of a dozen kinds: requests, kagglehub, zipfile, disk
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"Kaggle set {KAGGLE} must be reachable, got {reason}: connect to the internet, "
            "or download it by hand and name the zip in data.folder, with data.source: folder"
        ) from error


def _mendeley(folder: str, cache: Path) -> Path:
    unpacked = cache / _MENDELEY_FOLDER
    with cache_folder.reserve_space(cache, 0), alone(cache / "mendeley"):  # whoever waits finds the set, not the zip
        if cache_folder.is_whole(unpacked):
            return unpacked
        given = _file(folder, MENDELEY_ZIP) if folder else None
        check = {"size": MENDELEY_BYTES, "sha256": MENDELEY_SHA256}
        if given:
            downloads.check(given, name=given.name, **check)
        archive = given or downloads.fetch(MENDELEY_URL, cache / MENDELEY_ZIP, **check)
        archives.unpack(archive, unpacked)
        if not given:
            archive.unlink()  # our own copy: 1.2 GB that can be had again
    return unpacked


def _file(given: str, pattern: str) -> Path:
    """The file named by `given`, or the only one that fits `pattern` in the folder `given`."""
    if not given:
        raise SourceError(f"data.folder must name a file {pattern} or the folder that holds one, got nothing")
    place = Path(given).expanduser()
    if place.is_file():
        if pattern == _MEDMNIST and not fnmatch(
            place.name.casefold(), pattern
        ):  # other sets of it have two classes, too
            raise SourceError(f"data.folder must name a file {pattern}, as MedMNIST calls it, got {place.name!r}")
        return place
    found = sorted(place.glob(pattern)) if place.is_dir() else []
    if len(found) != 1:
        got = f"{len(found)} such files in {given!r}" if place.is_dir() else f"{given!r}, which is not there"
        raise SourceError(f"data.folder must name a file {pattern} or the folder that holds one, got {got}")
    return found[0]


def _phantom(cache: Path, patients: int, seed: int, shortcut: bool) -> Path:
    from pneumo_utils.datasets.phantom import folder as phantom_folder  # imported here: real data need no drawing

    # a folder for each setting: two studies that share a cache must not redraw each other's pictures
    folder = cache / f"phantom-{patients}-{seed}{'-shortcut' if shortcut else ''}"
    with cache_folder.reserve_space(cache, 0), alone(folder):
        return phantom_folder.write(folder, patients=patients, seed=seed, shortcut=shortcut)
