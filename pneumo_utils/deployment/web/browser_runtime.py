"""What runs ONNX networks in a browser: two files of the package onnxruntime-web, fetched once and checked."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pneumo_utils.datasets import cache_folder, downloads

VERSION = "1.30.0"  # MIT License
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
# Of the archive whose integrity the registry gives as sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7sv
# Nc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==
SIZE, SHA256 = 33106585, "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
FILES: Mapping[str, str] = MappingProxyType(  # by the name they have on the page
    {
        "onnxruntime-web.js": "package/dist/ort.wasm.bundle.min.mjs",  # not every server knows what .mjs is
        "onnxruntime-web.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
    }
)


class RuntimeFileError(ValueError):
    """The package cannot be had, or it is another one."""


def find(cache: Path, given: Path | None = None) -> Path:
    """The archive of the package, downloaded where it is not there yet.

    Args:
        cache: folder that keeps what is downloaded; made if need be.
        given: archive to be used in its place.

    Raises:
        RuntimeFileError: no connection, no space, or another file.
    """
    if given is not None and not given.is_file():
        raise RuntimeFileError(f"runtime must be a file that is there, got {given}")
    target = cache / URL.rpartition("/")[2]
    try:
        if given is None:
            return downloads.fetch(URL, target, size=SIZE, sha256=SHA256)
        downloads.check(given, size=SIZE, sha256=SHA256, name=given.name)
        return given
    except cache_folder.CacheError as error:
        why = str(error).partition(": run again")[0].partition(": download it")[0]
        raise RuntimeFileError(
            f"onnxruntime-web {VERSION} must be there or be downloaded once, got: {why}; "
            f"download {URL} elsewhere and name it with --runtime"
        ) from error


def unpack(archive: Path) -> dict[str, bytes]:
    """The files that a page needs, by the name they have there.

    Args:
        archive: by `find`.

    Raises:
        RuntimeFileError: a file is missing, or it is no such archive.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            return {name: opened.extractfile(member).read() for name, member in FILES.items()}
    except (tarfile.TarError, OSError, EOFError, KeyError, AttributeError) as error:
        raise RuntimeFileError(f"runtime must be the whole archive {URL}, got {archive}: {error}") from error
