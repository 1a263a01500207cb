"""What a page without a server must know of a bundle: numbers as JSON, arrays as float32 in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pneumo_utils.deployment import score_rows
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.quality_control import picture_kinds
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.imaging.augmentation import TEST_VIEWS

ENGINE = "onnx-web"  # in the table's column
_ARRAYS = ("kinds.", "pictures.", "features.")  # how the names of what is large begin


def pack(gate: Gate, lungs: Path) -> tuple[dict[str, dict], bytes]:
    """The arrays of the gate and of the lung finder, whose weights lie in the file `lungs`.

    Returns:
        by name `start` (in bytes) and `shape`, and all numbers as float32, little endian.
    """
    learned = {name: array for name, array in gate.arrays().items() if name.startswith(_ARRAYS)}
    with np.load(lungs) as stored:
        learned |= {f"lungs.{name}": array for name, array in stored.items()}
    index, parts, start = {}, [], 0
    for name, array in learned.items():
        index[name] = {"start": start, "shape": list(np.shape(array))}
        parts.append(np.ascontiguousarray(array, "<f4").tobytes())
        start += len(parts[-1])
    return index, b"".join(parts)


def describe_gate(gate: Gate) -> dict:
    """What the gate knows besides its arrays."""
    return {
        "rarities": [one.row() for one in gate.rarities],
        "limits": gate.limits.tolist(),
        "usual": {name: np.asarray(value).tolist() for name, value in vars(gate.usual).items()},
        "advice": [picture_kinds.ADVICE[kind] for kind in sorted(picture_kinds.ADVICE)],
    }


def describe(bundle: Bundle, gate: Gate, networks: list[str], arrays: dict, integrity: Mapping[str, str]) -> dict:
    """All that `scorer.js` needs, JSON.

    Args:
        bundle: that answers.
        gate: of the bundle.
        networks: names of the files of its networks on the page.
        arrays: by `pack`.
        integrity: of the files that it loads, as browsers take it.
    """
    prepared, point = bundle.contents.preparation, bundle.contents.operating_point
    return {
        "networks": networks,
        "preparation": prepared.model_dump() | {"views": list(TEST_VIEWS[prepared.test_views])},
        "decision": point.model_dump(include={"threshold", "band", "slope", "intercept"}),
        "gate": describe_gate(gate),
        "arrays": arrays,
        "integrity": dict(integrity),
    }


def describe_table(bundle: Bundle) -> dict:
    """What the table of scores says besides the answers."""
    return {"columns": score_rows.COLUMNS, "digest": bundle.digest[: score_rows.DIGITS], "engine": ENGINE}
