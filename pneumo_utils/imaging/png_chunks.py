"""What a PNG says in its chunks: how many rows it holds, how many of its bits mean something, what is transparent."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_PIECE = 1 << 20  # bytes that are inflated at a time
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
# of an interlaced one: first row and column, and steps


class PNGError(ValueError):
    """A PNG holds other rows than its header says."""


def check_rows(data: bytes) -> None:
    """Find a PNG that holds fewer or more rows than its header says, interlaced or not.

    Args:
        data: the bytes of the whole file, whose header can be read.

    Raises:
        PNGError: it does, or what is packed in it is damaged.
    """
    wanted = _row_bytes(data)
    try:
        held = _count_inflated(_pieces(data, b"IDAT"), wanted)
    except zlib.error as error:
        raise PNGError(f"damaged PNG: {error}") from error
    if held < wanted:
        raise PNGError(f"truncated: the PNG holds {held / wanted:.0%} of its rows")
    if held > wanted:
        raise PNGError("damaged PNG: it holds more than its rows")


def significant_bits(data: bytes) -> int:
    """How many bits of the first channel its chunk `sBIT` calls significant, 1 to 16; 0 where it does not say.

    Args:
        data: the bytes of the whole file.
    """
    said = next(_pieces(data, b"sBIT"), b"")
    return said[0] if said else 0


def transparent_grey(data: bytes) -> int:
    """Which grey level its chunk `tRNS` calls transparent, as it is once fewer than 8 bits are stretched to 8.

    Args:
        data: the bytes of the whole file: grey without an alpha channel, and with that chunk.
    """
    depth = data[24]
    largest = (1 << depth) - 1
    level = int.from_bytes(next(_pieces(data, b"tRNS"))[:2], "big") & largest
    return level * max(largest, 255) // largest


def _row_bytes(data: bytes) -> int:
    """Bytes of all rows, each with the one that names its filter."""
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    bits = _CHANNELS[data[25]] * data[24]
    sizes = [(width, height)]
    if data[28]:
        sizes = [(-(-(width - left) // right), -(-(height - top) // down)) for top, left, down, right in _PASSES]
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)


def _pieces(data: bytes, wanted: bytes) -> Iterator[bytes]:
    """What every chunk called `wanted` holds, in order."""
    at = 8
    while at + 8 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name == wanted:
            yield data[at + 8 : at + 8 + size]
        at += 12 + size


def _count_inflated(chunks: Iterator[bytes], enough: int) -> int:
    """How many bytes a stream of zlib holds; counted in pieces and little further than `enough`, since a small file
    may hold gigabytes of noughts.
    """
    inflating, held = zlib.decompressobj(), 0
    for chunk in chunks:
        while chunk and held <= enough:
            held += len(inflating.decompress(chunk, _PIECE))
            chunk = inflating.unconsumed_tail
    return held + (len(inflating.flush()) if held <= enough else 0)
