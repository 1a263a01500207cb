"""How a drawn picture is made, whatever draws it: by kind and seed alone, as 8-bit grey of the size that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pneumo_utils.imaging import decoding

CANVAS = 256  # pixels, side of what is drawn before it is reduced
Kinds = Mapping[str, Callable[[np.random.Generator], np.ndarray]]  # by name: draws grey levels, (side, side)


def draw(
    kinds: Kinds,
    kind: str,
    seed: int,
    size: int,
    salt: tuple[int, ...] = (),
    finish: Callable[[np.ndarray, np.random.Generator], np.ndarray] = lambda drawn, _: drawn,
) -> np.ndarray:
    """Draw a picture of one kind; the same arguments draw the same picture.

    Args:
        kinds: that there are.
        kind: one of them.
        seed: at least 0.
        size: side in pixels, at least 1.
        salt: more seeds, which tell one set of kinds from another.
        finish: what is done to it before it is reduced.

    Returns:
        uint8 (size, size).

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    generator = np.random.default_rng([seed, list(kinds).index(kind), *salt])
    drawn = finish(kinds[kind](generator), generator)
    return decoding.resize(np.clip(drawn, 0, 255).astype(np.uint8), size)
