"""PneumoniaMNIST as picture files: the same radiographs, shrunk, without file names, patients or etiology."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np

from pneumo_utils.datasets import cache_folder, folder_layout
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import alone, atomic_folder

_LARGEST = 4e9  # bytes of an array: sixteen times the largest that is published


class MedMNISTError(ValueError):
    """The file is not a PneumoniaMNIST .npz."""


def write(archive: Path, cache: Path) -> Path:
    """Write the pictures of `pneumoniamnist*.npz` once, as PNG files in the published layout.

    Args:
        archive: holds `{train,val,test}_images`, uint8 (n, height, width), and `…_labels`, 1 = pneumonia.
        cache: folder for the pictures; a set written before from the same file is used again, unless pictures of it
            are gone or have another size.

    Returns:
        the folder that holds `train`, `val` and `test`, with names such as `train-00012.png`.

    Raises:
        MedMNISTError: not such a file.
        ValueError: the cache cannot be written.
    """
    folder = cache / f"{archive.stem}-{fingerprint.of_file(archive)[:12]}"
    parts = _read(archive)
    need = sum(images.nbytes for images, _ in parts.values())
    with cache_folder.reserve_space(cache, 0), alone(folder):
        if cache_folder.is_whole(folder):
            return folder
        with cache_folder.reserve_space(cache, need), atomic_folder(folder) as unfinished:
            for part, (images, labels) in parts.items():
                _write_part(unfinished / part, images, labels)
            written = cache_folder.sums(unfinished)
            cache_folder.carry_over(folder, unfinished)
        cache_folder.mark_whole(folder, written)
    return folder


def _read(archive: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    try:
        with archive.open("rb") as file, np.load(file) as held:
            for part in folder_layout.PARTS:
                _check_size(held, f"{part}_images")
                _check_size(held, f"{part}_labels")
            parts = {part: (held[f"{part}_images"], held[f"{part}_labels"].ravel()) for part in folder_layout.PARTS}
    except KeyError as error:
        raise MedMNISTError(f"{archive.name} must hold {{train,val,test}}_{{images,labels}}: {error}") from error
    except (
        OSError,
        ValueError,
        EOFError,
        AttributeError,
        TypeError,
        RuntimeError,
        zlib.error,
        zipfile.BadZipFile,
    ) as error:
        raise MedMNISTError(f"{archive.name} must be a .npz file of PneumoniaMNIST, got: {error}") from error
    for part, (images, labels) in parts.items():
        flat = images.ndim != 3 or not all(images.shape[1:])
        if flat or images.dtype != np.uint8 or len(images) != len(labels):
            got = f"{images.dtype} {images.shape} with {len(labels)} labels"
            raise MedMNISTError(f"{part}_images must be uint8 (n, height, width) with n labels, got {got}")
        if not np.isin(labels, (0, 1)).all():
            raise MedMNISTError(f"{part}_labels must be 0 or 1, got {np.unique(labels)[:5].tolist()}")
    return {part: (images, labels.astype(np.uint8)) for part, (images, labels) in parts.items()}


def _check_size(held: np.lib.npyio.NpzFile, name: str) -> None:
    """See from its header that an array may be read: one of a few bytes may claim to be larger than any memory."""
    member = held.zip.getinfo(f"{name}.npy")
    with held.zip.open(member) as file:
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise ValueError(f"{name} of version {version}")
        shape, _, kind = readers[version](file)
    if (size := math.prod(shape) * kind.itemsize) > min(member.file_size, _LARGEST):
        raise ValueError(f"{name} of {size:,} bytes")


def _write_part(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    for name in folder_layout.CLASSES:
        (folder / name).mkdir(parents=True)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        encoded = cv2.imencode(".png", image)[1]
        (folder / folder_layout.CLASSES[label] / f"{folder.name}-{number:05}.png").write_bytes(encoded.tobytes())
