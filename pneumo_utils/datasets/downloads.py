"""Large files from the network: resumed where they broke off, and checked."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import requests
from tqdm import tqdm

from pneumo_utils.datasets.cache_folder import CacheError, reserve_space
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import alone

_CHUNK = 1 << 16  # bytes read at a time; what of a chunk has come when the connection breaks is lost
_ATTEMPTS = 3  # tries in a row without a byte of progress before giving up
_PAUSE = 3  # seconds between such tries
_TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte
_BY_HAND = "run again later to go on, or download it by hand and name the file in data.folder"
_log = logging.getLogger(__name__)


def fetch(url: str, target: Path, *, size: int, sha256: str) -> Path:
    """Download `url` to `target`, going on from `target.part` where an earlier try broke off; one process at a time.

    Args:
        url: http or https.
        target: file to write; left alone and returned where it is there already with the right size.
        size: of the whole file in bytes.
        sha256: of the whole file, 64 hex digits.

    Raises:
        CacheError: no connection, the server refuses, the content is another, or the disk is full.
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
        CacheError: another size or another digest.
    """
    got = _size(path)
    problem = f"must have {size:,} bytes, got {got:,}" if got != size else ""
    if not problem:
        digest = fingerprint.of_file(path)
        problem = f"must have SHA-256 {sha256}, got {digest}" if digest != sha256 else ""
    if problem:
        if delete:
            path.unlink(missing_ok=True)
        raise CacheError(f"{name} {problem}: " + ("run again" if delete else "download it again"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _complete_download(url: str, part: Path, size: int) -> None:
    failures = 0
    while (have := _size(part)) < size:
        try:
            _append(url, part, have, size)
        except requests.HTTPError as error:
            raise CacheError(f"download must be answered with the file, got {error}: {_BY_HAND}") from error
        except requests.RequestException as error:
            _log.warning("connection lost after %d bytes: %s", _size(part), error)
        failures = 0 if _size(part) > have else failures + 1
        if failures == _ATTEMPTS:
            got = f"no further than {_size(part):,} of {size:,} bytes in {_ATTEMPTS} tries"
            raise CacheError(f"download must be reachable at {url}, got {got}: {_BY_HAND}")
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
            raise CacheError(f"download must have {size:,} bytes, got {length:,} ({kind}): {_BY_HAND}")
        with part.open("ab" if resumed else "wb") as file, _bar(part.stem, have * resumed, size) as bar:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def _bar(name: str, have: int, size: int) -> tqdm:
    on_terminal_only = {"disable": None}
    return tqdm(desc=name, initial=have, total=size, unit="B", unit_scale=True, **on_terminal_only)
