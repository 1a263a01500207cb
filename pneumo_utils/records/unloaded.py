"""Packages that stay out while others are loaded which could do without them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def unloaded(*packages: str) -> Iterator[None]:
    """Whoever imports one of `packages` within takes it for not installed; afterwards, or where it is loaded, it is."""
    barred = [name for name in packages if name not in sys.modules]
    sys.modules |= dict.fromkeys(barred)
    try:
        yield
    finally:
        for name in barred:
            del sys.modules[name]
