"""Rows of activations on disk, found by the content they were computed from: nothing is computed twice.

    trunk       what computed the rows, as a hash; another trunk starts an empty folder
    rows.u16c   the rows, one after another, each in 65,535 steps from its lowest to its highest value
    keys.bin    20 bytes a row: hash of what it was computed from, and checksum of hash and row; written last

A run that is cut off leaves whole rows behind, and the next one goes on from there, as it does from the first row whose
checksum is wrong. Steps take the room of float16 and are, where the lowest value is 0, 32 to 64 times as fine near the
highest: what is computed from them stays closer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

_KEY, _ENTRY = 16, 20  # bytes of a key, and of a key with its checksum
_COPIED = 1024  # rows at once
_STEPS = 2**16 - 1  # between the lowest and the highest value of a row
_FORMAT = "u16c"  # rows in another format count as those of another trunk


class DiskError(OSError):
    """There is no room for the activations."""


def digest(row: np.ndarray) -> bytes:
    """Key of the row that is computed from `row`: 16 bytes of BLAKE2b over its values."""
    return hashlib.blake2b(np.ascontiguousarray(row), digest_size=_KEY).digest()


def _checksum(key: bytes, row: bytes) -> bytes:
    return zlib.crc32(row, zlib.crc32(key)).to_bytes(4, "little")


class Rows:
    """Rows mapped from disk, not to be written; indexing gives float32 (..., *shape).

    Args:
        packed: structured (n,), as `ActivationCache` lays a row out.
    """

    def __init__(self, packed: np.ndarray):
        self.packed = packed

    def __len__(self) -> int:
        """How many there are."""
        return len(self.packed)

    def __getitem__(self, places: int | slice | np.ndarray) -> np.ndarray:
        """The rows at `places`."""
        found = self.packed[places]
        row_wise = (..., *(None,) * self.packed.dtype["steps"].ndim)
        return found["steps"].astype(np.float32) * found["step"][row_wise] + found["lowest"][row_wise]


class ActivationCache:
    """The rows of one trunk.

    Args:
        folder: of these rows alone; made if need be, emptied where it holds those of another trunk.
        trunk: identifies what computes the rows.
        shape: of one row.
        read_only: change nothing on disk, where a training may be writing; without rows of this trunk there are none.
    """

    def __init__(self, folder: Path, trunk: str, shape: Sequence[int], *, read_only: bool = False):
        self.folder, self.shape = folder, tuple(shape)
        self._rows, self._keys = folder / f"rows.{_FORMAT}", folder / "keys.bin"
        self._layout = np.dtype([("lowest", "<f4"), ("step", "<f4"), ("steps", "<u2", self.shape)])
        self._row_bytes = self._layout.itemsize
        named, trunk = folder / "trunk", f"{trunk} {_FORMAT}"
        if named.is_file() and named.read_text(encoding="ascii") == trunk:
            self._open(read_only)
        elif read_only:
            self._place, self.count = {}, 0
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            named.write_text(trunk, encoding="ascii")
            self._open()

    def _open(self, read_only: bool = False) -> None:
        if not read_only:
            for file in (self._rows, self._keys):
                file.touch()
        entries = self._sound_entries()
        whole = len(entries)
        if not read_only:
            os.truncate(self._rows, whole * self._row_bytes)  # what a cut left half-written, or a disk damaged
            os.truncate(self._keys, whole * _ENTRY)
        self._place = {entry[:_KEY]: at for at, entry in enumerate(entries)}
        self.count = whole  # rows on disk

    def _sound_entries(self) -> list[bytes]:
        """Entries of all rows before the first that is not whole, or not as it was written."""
        held, sound = self._keys.read_bytes(), []
        with self._rows.open("rb") as rows:
            for start in range(0, len(held) - _ENTRY + 1, _ENTRY):
                entry, row = held[start : start + _ENTRY], rows.read(self._row_bytes)
                if len(row) < self._row_bytes or _checksum(entry[:_KEY], row) != entry[_KEY:]:
                    break
                sound.append(entry)
        return sound

    def __contains__(self, key: bytes) -> bool:
        return key in self._place

    def check_disk(self, wanted: int) -> None:
        """Find out before hours of work whether `wanted` rows in all will have room.

        Raises:
            DiskError: they will not.
        """
        needed, free = max(wanted - self.count, 0) * self._row_bytes, shutil.disk_usage(self.folder).free
        if needed > free:
            raise DiskError(
                f"disk must have {needed / 2**30:.1f} GiB free for activations, got {free / 2**30:.1f} in {self.folder}"
            )

    def append(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Keep `rows`, finite (k, *shape), under `keys`, none of which is there yet."""
        packed = self._pack(rows)
        with self._rows.open("ab") as file:
            file.write(packed.data)
        with self._keys.open("ab") as file:  # last: a row without its key counts as not written
            file.write(b"".join(key + _checksum(key, row.tobytes()) for key, row in zip(keys, packed, strict=True)))
        self._place.update({key: self.count + i for i, key in enumerate(keys)})
        self.count += len(keys)

    def _pack(self, rows: np.ndarray) -> np.ndarray:
        packed, inner = np.empty(len(rows), self._layout), tuple(range(1, 1 + len(self.shape)))
        lowest = rows.min(axis=inner, keepdims=True)
        step = (rows.max(axis=inner, keepdims=True) - lowest) / np.float32(_STEPS)
        packed["lowest"], packed["step"] = lowest.ravel(), step.ravel()
        packed["steps"] = np.rint((rows - lowest) / np.where(step == 0, 1, step))
        return packed

    def rows(self) -> Rows:
        """All rows, in the order in which they were kept."""
        return Rows(np.memmap(self._rows, dtype=self._layout, mode="r", shape=(self.count,)))

    def places(self, keys: Iterable[bytes]) -> np.ndarray:
        """Where the rows of `keys` stand in `rows`, int (k,)."""
        return np.array([self._place[key] for key in keys], dtype=int)

    def keep_only(self, keys: Iterable[bytes]) -> None:
        """Drop the rows that nobody asks for, once they are more than those of `keys`."""
        asked = list(dict.fromkeys(keys))
        if self.count <= 2 * len(asked):
            return
        held = self._keys.read_bytes()
        entries = [held[at * _ENTRY : (at + 1) * _ENTRY] for at in self.places(asked)]
        packed, places, fresh = self.rows().packed, self.places(asked), self._rows.with_suffix(".part")
        with fresh.open("wb") as file:
            for start in range(0, len(places), _COPIED):
                file.write(np.ascontiguousarray(packed[places[start : start + _COPIED]]).data)
        del packed
        self._keys.write_bytes(b"")  # a cut between here and the end costs the rows, never mixes them up
        fresh.replace(self._rows)
        self._keys.write_bytes(b"".join(entries))
        self._open()
