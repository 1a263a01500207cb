"""Lossless JPEG and JPEG of 12 bits, decoded by GDCM in a process of its own: damaged data end it without an exception.

Run as a program, it reads compressed data from its input and writes values to its output.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

_LONGEST = 60  # seconds that one picture may take
_GREY, _RGB = "MONOCHROME2", "RGB"


class GdcmError(ValueError):
    """Data that GDCM could not decode."""


class GdcmTimeoutError(GdcmError):
    """Data that GDCM did not decode in time, on this machine."""


def is_installed() -> bool:
    """Whether GDCM is there."""
    return find_spec("gdcm") is not None


def decode(stream: bytes, syntax: str, shape: tuple[int, int, int], bits: tuple[int, int], signed: bool) -> bytes:
    """Decode one frame.

    Args:
        stream: JPEG.
        syntax: UID of its transfer syntax.
        shape: rows, columns and samples of a pixel.
        bits: allocated and stored, of a sample.
        signed: whether samples are.

    Returns:
        samples pixel by pixel, little endian, `bits` allocated.

    Raises:
        GdcmTimeoutError: it took too long.
        GdcmError: damaged.
    """
    numbers = [str(number) for number in (*shape, *bits, int(signed))]
    command = [sys.executable, "-P", __file__, syntax, *numbers]
    try:
        done = subprocess.run(command, input=stream, capture_output=True, timeout=_LONGEST)
    except subprocess.TimeoutExpired as error:
        raise GdcmTimeoutError(f"a picture must be decoded within {_LONGEST} seconds") from error
    rows, columns, samples = shape
    if done.returncode or len(done.stdout) != rows * columns * samples * bits[0] // 8:
        raise GdcmError(f"GDCM ended with {done.returncode}")
    return done.stdout


def _decode_here(stream: bytes, syntax: str, shape: tuple[int, int, int], bits: tuple[int, int], signed: int) -> bytes:
    import gdcm

    rows, columns, samples = shape
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(stream)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    picture = gdcm.Image()
    picture.SetNumberOfDimensions(2)
    picture.SetDimensions((columns, rows, 1))
    picture.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(_GREY if samples == 1 else _RGB)
    picture.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    picture.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    if samples > 1:
        picture.SetPlanarConfiguration(0)
    picture.SetPixelFormat(gdcm.PixelFormat(samples, bits[0], bits[1], bits[1] - 1, signed))
    return picture.GetBuffer().encode("utf-8", "surrogateescape")


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[2:]]
    decoded = _decode_here(sys.stdin.buffer.read(), sys.argv[1], tuple(given[:3]), tuple(given[3:5]), given[5])
    sys.stdout.buffer.write(decoded)
