"""The networks of a bundle in the formats of other engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pneumo_utils.deployment.bundle_writing import file_name
from pneumo_utils.imaging.augmentation import TEST_VIEWS, test_view
from pneumo_utils.records import progress

CALIBRATION = 128  # training pictures by which the ranges of integers are set


def write(
    files: Mapping[tuple[str, int], Path],
    engines: Sequence[str],
    folder: Path,
    pictures: np.ndarray,
    test_views: int,
) -> dict[str, dict[tuple[str, int], Path]]:
    """Export networks for other engines.

    Args:
        files: `.keras` file of each (model, seed).
        engines: some of `vocabulary.ENGINES`; keras needs no export.
        folder: where the exports go.
        pictures: uint8 (n, stored size, stored size), of the training set, from which the ranges of integers are taken.
        test_views: how many views the networks are shown, a key of `augmentation.TEST_VIEWS`.

    Returns:
        by engine, keras first, the file of each (model, seed).

    Raises:
        networks.export.ExportError: a network cannot be exported, or an extra is not installed.
    """
    found = {"keras": dict(files)}
    with progress.stage(f"exporting for {', '.join(engines) or 'no'} engine", len(engines) * len(files)) as told:
        for engine in engines:
            found[engine] = {}
            for one, file in files.items():
                target = folder / Path(file_name(*one, engine)).name
                _export(file, engine, target, pictures[:CALIBRATION], test_views)
                found[engine][one] = target
                told.advance()
    return found


def _export(file: Path, engine: str, target: Path, pictures: np.ndarray, test_views: int) -> None:
    from pneumo_utils.networks import export, models  # imported here: TensorFlow takes seconds

    network = models.load(file)
    if engine == "onnx":
        export.to_onnx(network, target)
        return
    size, views = network.input.shape[1], TEST_VIEWS[test_views]
    shown = [test_view(one, views[number % len(views)], size) for number, one in enumerate(pictures)]
    export.to_litert(network, target, np.stack(shown) if engine == "litert-int8" else None)
