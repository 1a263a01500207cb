"""Zips: looked into before they are unpacked, and unpacked whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from pneumo_utils.datasets import cache_folder
from pneumo_utils.datasets.cache_folder import CacheError
from pneumo_utils.records.atomic import alone, atomic_folder

_LARGEST = 50e9  # bytes that an archive may unpack to: 40 times the published set
_OF_A_NAME = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip into `folder` without the litter of macOS, whole or not at all, by one process at a time.

    A folder that holds its files already is used again. What its user has added stays.

    Raises:
        CacheError: not a zip, damaged, encrypted, larger than 50 GB when unpacked, a name in it leads out of
            `folder`, stands there twice or cannot be a file's, or the disk is full.
    """
    with _opened(archive) as opened:
        members = _wanted(opened, archive.name)
        sums = {_path(one).as_posix(): (one.file_size, one.CRC) for one in members}
        if len(sums) < len(members):
            got = f"{len(members) - len(sums):,} that are there twice"
            raise CacheError(f"{archive.name} must name each file once, got {got}")
        need = sum(member.file_size for member in members)
        if need > _LARGEST:
            got = f"{need / 1e9:,.0f} GB"
            raise CacheError(f"{archive.name} must unpack to at most {_LARGEST / 1e9:.0f} GB, got {got}")
        with cache_folder.reserve_space(folder.parent, 0), alone(folder):
            if not cache_folder.is_whole(folder, sums):
                with cache_folder.reserve_space(folder.parent, need), atomic_folder(folder) as anew:
                    _extract(opened, members, anew)
                    cache_folder.carry_over(folder, anew)
                cache_folder.mark_whole(folder, sums)
    return folder


def contents(archive: Path) -> str:
    """Name what a zip holds: 12 hex digits of a hash over names, sizes and checksums of its files.

    Raises:
        CacheError: not a zip.
    """
    with _opened(archive) as opened:
        rows = [f"{one.filename}\0{one.file_size}\0{one.CRC}" for one in opened.infolist()]
    return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def names(archive: Path) -> list[str]:
    """Paths of the files in a zip, with forward slashes, without the litter of operating systems.

    Raises:
        CacheError: not a zip, or a name in it leads out of its folder.
    """
    with _opened(archive) as opened:
        return [_path(one).as_posix() for one in _wanted(opened, archive.name)]


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The zip, and what is wrong with it in one sentence."""
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise CacheError(f"{archive.name} must be a whole zip file, got: {error}") from error
    try:
        with opened:
            yield opened
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error, lzma.LZMAError) as error:
        raise CacheError(f"{archive.name} must be a whole zip file, got: {error}") from error
    except RuntimeError as error:  # zipfile's, about a password
        raise CacheError(f"{archive.name} must be a zip file without a password, got: {error}") from error


def _extract(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    archive = Path(opened.filename).name
    for member in tqdm(members, desc=f"unpacking {archive}", unit="file", disable=None):
        member.filename = member.filename.replace("\\", "/")  # as some tools of Windows write it
        try:
            opened.extract(member, folder)
        except OSError as error:
            if error.errno is None:  # of bz2, about what is packed
                raise zipfile.BadZipFile(str(error)) from error
            if error.errno not in _OF_A_NAME:
                raise  # it is about the disk
            named = f"{archive} must hold names of files, got {member.filename[:80]!r}"
            raise CacheError(f"{named}: {error.strerror}") from error


def _wanted(opened: zipfile.ZipFile, archive: str) -> list[zipfile.ZipInfo]:
    return [one for one in opened.infolist() if _is_wanted(one, archive)]


def _is_wanted(member: zipfile.ZipInfo, archive: str) -> bool:
    path = _path(member)
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        raise CacheError(f"names in {archive} must stay inside its folder, got {member.filename!r}")
    is_file = not member.is_dir() and not member.filename.endswith("\\")
    return is_file and "__MACOSX" not in path.parts and cache_folder.is_kept(path)


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename.replace("\\", "/"))
