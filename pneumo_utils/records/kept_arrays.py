"""Arrays kept with the key of what they were made of: another key, a cut or a damage counts as nothing kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pneumo_utils.records.atomic import atomic_write


def read(file: Path, key: str) -> dict[str, np.ndarray] | None:
    """What `file` holds, by name; None where it is not there, of another key, or not whole."""
    try:
        with np.load(file) as there:
            found = dict(there)
        return found if found.pop("key") == key else None
    except Exception:  # of a damaged file numpy, zipfile and zlib raise a dozen kinds
        return None


def write(file: Path, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Keep `arrays`, of numbers or of text, whole or not at all."""
    with atomic_write(file) as part, part.open("wb") as stream:
        np.savez_compressed(stream, key=np.array(key), **arrays)
