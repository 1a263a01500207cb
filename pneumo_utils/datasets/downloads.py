"""Large files from the network: resumed where they broke off, checked, unpacked whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import logging
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath

import requests
from tqdm import tqdm

from pneumo_utils.datasets import folder_layout
from pneumo_utils.imaging import image_files
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import alone, atomic_write

_CHUNK = 1 << 16  # bytes read at a time; what of a chunk has come when the connection breaks is lost
_ATTEMPTS = 3  # tries in a row without a byte of progress before giving up
_PAUSE = 3  # seconds between such tries
_TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte
_LARGEST = 50e9  # bytes that an archive may unpack to: 40 times the published set
_BY_HAND = "run again later to go on, or download it by hand and use DATA=<file>"
_log = logging.getLogger(__name__)


class DownloadError(ValueError):
    """A file could not be fetched, checked, stored or unpacked; the message says what to do."""


def fetch(url: str, target: Path, *, size: int, sha256: str) -> Path:
    """Download `url` to `target`, going on from `target.part` where an earlier try broke off; one process at a time.

    Args:
        url: http or https.
        target: file to write; left alone and returned where it is there already with the right size.
        size: of the whole file in bytes.
        sha256: of the whole file, 64 hex digits.

    Raises:
        DownloadError: no connection, the server refuses, the content is another, or the disk is full.
    """
    with reserve_space(target.parent, 0), alone(target):
        if target.is_file() and target.stat().st_size == size:
            return target
        part = target.with_name(target.name + ".part")
        with reserve_space(target.parent, size - _size(part)):
            _complete_download(url, part, size)
        check(part, size=size, sha256=sha256, name=target.name, delete=True)
        return part.replace(target)


def check(path: Path, *, size: int, sha256: str, name: str, delete: bool = False) -> None:
    """Check a file's size and SHA-256, and with `delete` remove it where they differ.

    Raises:
        DownloadError: another size or another digest.
    """
    got = _size(path)
    problem = f"must have {size:,} bytes, got {got:,}" if got != size else ""
    if not problem:
        digest = fingerprint.of_file(path)
        problem = f"must have SHA-256 {sha256}, got {digest}" if digest != sha256 else ""
    if problem:
        if delete:
            path.unlink(missing_ok=True)
        raise DownloadError(f"{name} {problem}: " + ("run again" if delete else "download it again"))


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip into `folder` without the litter of macOS, whole or not at all, by one process at a time.

    A folder that is there already with the same files, by name and size, is used again.

    Raises:
        DownloadError: not a zip, damaged, encrypted, larger than 50 GB when unpacked, a name in it leads out of
            `folder`, stands there twice or cannot be a file's, or the disk is full.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [one for one in opened.infolist() if _is_wanted(one)]
            sizes = {PurePosixPath(one.filename.replace("\\", "/")).as_posix(): one.file_size for one in members}
            if len(sizes) < len(members):
                got = f"{len(members) - len(sizes):,} that are there twice"
                raise DownloadError(f"{archive.name} must name each file once, got {got}")
            need = sum(member.file_size for member in members)
            if need > _LARGEST:
                got = f"{need / 1e9:,.0f} GB"
                raise DownloadError(f"{archive.name} must unpack to at most {_LARGEST / 1e9:.0f} GB, got {got}")
            with reserve_space(folder.parent, 0), alone(folder):
                if _sizes(folder) != sizes:
                    with reserve_space(folder.parent, need):
                        _extract(opened, members, folder)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise DownloadError(f"{archive.name} must be a whole zip file, got: {error}") from error
    except RuntimeError as error:  # zipfile's, about a password
        raise DownloadError(f"{archive.name} must be a zip file without a password, got: {error}") from error
    return folder


def _extract(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    part = folder.with_name(folder.name + ".part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    try:
        for member in tqdm(members, desc=f"unpacking {Path(archive.filename).name}", unit="file", disable=None):
            member.filename = member.filename.replace("\\", "/")  # as some tools of Windows write it
            try:
                archive.extract(member, part)
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL):
                    raise  # it is about the disk
                named = f"{Path(archive.filename).name} must hold names of files, got {member.filename[:80]!r}"
                raise DownloadError(f"{named}: {error.strerror}") from error
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def contents(archive: Path) -> str:
    """Name what a zip holds: 12 hex digits of a hash over names, sizes and checksums of its files.

    Raises:
        DownloadError: not a zip.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            rows = [f"{one.filename}\0{one.file_size}\0{one.CRC}" for one in opened.infolist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise DownloadError(f"{archive.name} must be a whole zip file, got: {error}") from error
    return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def mark_whole(folder: Path) -> None:
    """Note what lies below `folder` once it is whole, in a hidden file beside it, for `is_whole`."""
    with atomic_write(_mark(folder)) as part:
        part.write_text(fingerprint.of(_sizes(folder)), encoding="utf-8")


def is_whole(folder: Path) -> bool:
    """Whether `folder` holds every file, by name and size, that it held when `mark_whole` was called."""
    mark = _mark(folder)
    return mark.is_file() and mark.read_text(encoding="utf-8") == fingerprint.of(_sizes(folder))


def is_marked(folder: Path) -> bool:
    """Whether `mark_whole` was ever called for `folder`."""
    return _mark(folder).is_file()


def count_files(folder: Path) -> int:
    """How many files lie below `folder`, litter aside; 0 where it is not there."""
    return len(_sizes(folder))


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.whole")


@contextmanager
def reserve_space(folder: Path, need: int) -> Iterator[None]:
    """Make `folder`, see that `need` bytes are free, and put what fails in the block into one sentence.

    Raises:
        DownloadError: the folder cannot be written or has too little space.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < need:
            got = f"{free / 1e9:.2f} GB in {str(folder)!r}"
            raise DownloadError(f"cache folder must have {need / 1e9:.2f} GB of free space, got {got}")
        yield
    except requests.RequestException:
        raise  # an OSError too, but not about the disk
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        rule = "have space left" if full else "be a folder that can be written"
        reason = error.strerror or error
        raise DownloadError(f"cache folder must {rule}, got {str(folder)!r}: {reason}") from error


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file below `folder`, by its path with forward slashes, without the litter of operating systems."""
    files = (path for path in folder.rglob("*") if path.is_file() and _is_kept(path.relative_to(folder)))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        raise DownloadError(f"names in a zip must stay inside its folder, got {member.filename!r}")
    return not member.is_dir() and "__MACOSX" not in path.parts and _is_kept(path)


def _is_kept(path: PurePath) -> bool:
    """Whether a file is unpacked: hidden pictures are, to be named as left out."""
    return image_files.is_image(path.name) or not any(folder_layout.is_litter(name) for name in path.parts)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _complete_download(url: str, part: Path, size: int) -> None:
    failures = 0
    while (have := _size(part)) < size:
        try:
            _append(url, part, have, size)
        except requests.HTTPError as error:
            raise DownloadError(f"download must be answered with the file, got {error}: {_BY_HAND}") from error
        except requests.RequestException as error:
            _log.warning("connection lost after %d bytes: %s", _size(part), error)
        failures = 0 if _size(part) > have else failures + 1
        if failures == _ATTEMPTS:
            got = f"no further than {_size(part):,} of {size:,} bytes in {_ATTEMPTS} tries"
            raise DownloadError(f"download must be reachable at {url}, got {got}: {_BY_HAND}")
        time.sleep(_PAUSE * bool(failures))


def _append(url: str, part: Path, have: int, size: int) -> None:
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        answer.raise_for_status()
        # 200 means that the server sends the whole file again, whatever was asked for
        resumed = answer.status_code == 206 and f"bytes {have}-" in answer.headers.get("Content-Range", "")
        length = int(answer.headers.get("Content-Length", size))
        if not resumed and length != size:  # a page of the site in place of the file
            kind = answer.headers.get("Content-Type", "unknown type")
            raise DownloadError(f"download must have {size:,} bytes, got {length:,} ({kind}): {_BY_HAND}")
        with part.open("ab" if resumed else "wb") as file, _bar(part.stem, have * resumed, size) as bar:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def _bar(name: str, have: int, size: int) -> tqdm:
    on_terminal_only = {"disable": None}
    return tqdm(desc=name, initial=have, total=size, unit="B", unit_scale=True, **on_terminal_only)
