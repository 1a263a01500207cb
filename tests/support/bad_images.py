"""Files that lie among radiographs and are none, or that look odd and are one; and what must become of each."""

from __future__ import annotations

import io
import zlib
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

GREY = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (64, 80), np.uint8), (0, 0), 3)
GREY = cv2.normalize(GREY, None, 0, 255, cv2.NORM_MINMAX)
PICTURE = Image.fromarray(GREY)
USED = ""  # what is said of a file that is a radiograph


class Odd(NamedTuple):
    """One file."""

    name: str
    content: bytes
    said: str  # how the reason begins; `USED` where it is a radiograph


def saved(picture, kind="JPEG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _png(pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def _with_header(data: bytes, width: int, height: int) -> bytes:
    """A PNG that claims to be of another size."""
    ihdr = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[24:29]
    return data[:12] + ihdr + zlib.crc32(ihdr).to_bytes(4, "big") + data[33:]


def _frame_start(data: bytes) -> int:
    return data.index(b"\xff\xc0")


def _cut_at_every_marker(data: bytes) -> list[Odd]:
    found, at = [], 2
    while data[at + 1] != 0xDA:
        found.append(at)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    cuts = {place: "truncated" if place > 2 else "not an image" for place in (*found, at, at + 20, len(data) - 2)}
    return [Odd(f"cut at {place}.jpeg", data[:place], said) for place, said in cuts.items()]


def _damaged_jpegs(data: bytes) -> list[Odd]:
    middle, frame = len(data) // 2, _frame_start(data)
    harmed = {
        "zeros": data[:middle] + bytes(120) + data[middle + 120 :],
        "ones": data[:middle] + b"\xff" * 120 + data[middle + 120 :],
        "flipped": data[:middle] + bytes(b ^ 0x55 for b in data[middle : middle + 40]) + data[middle + 40 :],
        "hole": data[:middle] + data[middle + 120 :],
        "no tables": data.replace(b"\xff\xc4", b"\xff\xfe"),
        "line ends": data.replace(b"\n", b"\r\n"),
        "lossless": data[: frame + 1] + b"\xc3" + data[frame + 2 :],
        "arithmetic": data[: frame + 1] + b"\xc9" + data[frame + 2 :],
        "no height": data[: frame + 5] + b"\0\0" + data[frame + 7 :],
        "huge": data[: frame + 5] + b"\xff\xdc\xff\xdc" + data[frame + 9 :],
        "twelve bits": data[: frame + 4] + b"\x0c" + data[frame + 5 :],
    }
    other = {
        "no tables": USED,  # of Huffman: those of the standard are meant
        "no height": "truncated, damaged or unsupported JPEG: its header cannot be read",
        "twelve bits": "truncated, damaged or unsupported JPEG: its header cannot be read",
        "huge": "too large: it must have at most 89,478,485 pixels",
    }
    return [Odd(f"{name}.jpeg", content, other.get(name, "damaged JPEG: ")) for name, content in harmed.items()]


def _damaged_pngs(data: bytes) -> list[Odd]:
    end = data.index(b"IEND") - 4
    flipped = data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    unread = "truncated, damaged or unsupported PNG: its header cannot be read"
    large = "too large: it must have at most 89,478,485 pixels"
    return [
        Odd("no end.png", data[:end], "truncated: the PNG ends early"),
        Odd("flipped.png", flipped, "damaged PNG: "),
        Odd("half.png", data[: len(data) // 2], "truncated: the PNG ends early"),
        Odd("no width.png", _with_header(data, 0, 64), unread),
        Odd("taller.png", _with_header(data, 80, 6000), "truncated: the PNG holds 1% of its rows"),
        Odd("bomb.png", _with_header(data, 60_000, 60_000), large),
        Odd("a million wide.png", _with_header(data, 1_000_000, 1_000_000), large),
        Odd("header alone.png", data[:33], unread),
    ]


def _other_kinds() -> list[Odd]:
    two = {"save_all": True, "append_images": [Image.fromarray(255 - GREY)]}
    none_of = "not an image (none of JPEG, PNG, TIFF, BMP or WebP)"
    return [
        Odd("empty.jpeg", b"", "empty file (0 bytes)"),
        Odd("one byte.jpeg", b"\xff", none_of),
        Odd("text.jpeg", b"see attachment", none_of),
        Odd("page.jpeg", b"<!doctype html><title>404</title>", none_of),
        Odd("zeros.png", bytes(5000), none_of),
        Odd("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", none_of),
        Odd("pickle.jpeg", b"\x80\x04\x95", none_of),
        Odd("array.png", b"\x93NUMPY\x01\x00", none_of),
        Odd("sound.webp", b"RIFF\x10\0\0\0WAVEfmt ", "truncated, damaged or unsupported WebP"),
        Odd("still.jpeg", saved(PICTURE, "GIF"), "a GIF, must be JPEG"),
        Odd("moving.png", saved(PICTURE, "GIF", **two), "a GIF, must be JPEG"),
        Odd("report.jpeg", b"%PDF-1.7 ...", "a PDF, must be JPEG"),
        Odd("zip.jpeg", b"PK\x03\x04....", "a zip archive, must be JPEG"),
        Odd("gzip.png", b"\x1f\x8b\x08....", "a gzip archive, must be JPEG"),
        Odd("dicom.jpeg", bytes(128) + b"DICM" + bytes(99), "a DICOM file, must be JPEG"),
        Odd("moving.webp", saved(PICTURE, "WEBP", **two), "holds 2 pictures"),
        Odd("moving png.png", saved(PICTURE, "PNG", **two), "holds 2 pictures"),
        Odd("pages.tiff", saved(PICTURE, "TIFF", **two), "holds 2 pictures"),
        Odd("notes.txt", b"notes", "its ending is none of .jpeg"),
        Odd("no ending", saved(PICTURE), "its ending is none of .jpeg"),
        Odd("copy.jpeg.bak", saved(PICTURE), "its ending is none of .jpeg"),
        Odd("picture.gif", saved(PICTURE, "GIF"), "its ending is none of .jpeg"),
        Odd("picture.dcm", bytes(128) + b"DICM", "its ending is none of .jpeg"),
    ]


def _no_radiographs() -> list[Odd]:
    flat = [np.full((64, 80), level, np.uint8) for level in (0, 128, 255)]
    speck = flat[0].copy()
    speck[3, 3] = 255
    numbers = {"float": np.float32, "whole": np.int32}
    nan = GREY.astype(np.float32)
    nan[0, 0] = np.nan
    cut = {kind: f"truncated or damaged {kind}: " for kind in ("TIFF", "BMP")}
    cut["WEBP"] = "truncated, damaged or unsupported WebP: its header cannot be read"
    return [
        Odd("1 x 1.png", _png(np.full((1, 1), 9, np.uint8)), "too small: sides must be at least 24 pixels, got 1 x 1"),
        Odd(
            "wide.png", _png(np.tile(GREY[:1], (1, 250))), "too small: sides must be at least 24 pixels, got 20000 x 1"
        ),
        Odd("high.png", _png(np.tile(GREY[:, :1], (250, 1))), "too small: sides must be at least 24 pixels, got 1 x"),
        Odd("small.jpeg", saved(PICTURE.resize((40, 23))), "too small: sides must be at least 24 pixels, got 40 x 23"),
        *(Odd(f"flat {one[0, 0]}.png", _png(one), "blank: its grey levels must span") for one in flat),
        Odd("flat.jpeg", saved(Image.fromarray(flat[1])), "blank: its grey levels must span"),
        Odd("speck.png", _png(speck), "blank: its grey levels must span at least 8, got 0 of 256"),
        Odd("deep black.png", _png(np.zeros((64, 80), np.uint16)), "blank: its grey levels must span"),
        Odd("clear.png", saved(Image.new("RGBA", (80, 64), (200, 9, 9, 0)), "PNG"), "blank: its grey levels must span"),
        *(
            Odd(f"{name}.tiff", saved(Image.fromarray(GREY.astype(kind)), "TIFF"), "unsupported TIFF: grey levels must")
            for name, kind in numbers.items()
        ),
        Odd("nan.tiff", saved(Image.fromarray(nan), "TIFF"), "unsupported TIFF: grey levels must"),
        *(
            Odd(f"cut {share}.{kind.lower()}", (whole := saved(PICTURE, kind))[: int(len(whole) * share)], said)
            for kind, said in cut.items()
            for share in (0.2, 0.6, 0.95)
        ),
    ]


def _odd_and_good() -> list[Odd]:
    colour, deep = PICTURE.convert("RGB"), GREY.astype(np.uint16)
    exif = {}
    for orientation in range(1, 9):
        exif[orientation] = Image.Exif()
        exif[orientation][0x0112] = orientation
    return [
        *(Odd(f"turned {n}.jpeg", saved(PICTURE, exif=block), USED) for n, block in exif.items()),
        Odd("CAPITALS.JPEG", saved(PICTURE), USED),
        Odd("png.jpeg", saved(PICTURE, "PNG"), USED),
        Odd("progressive.jpg", saved(PICTURE, progressive=True), USED),
        Odd("colour.jpeg", saved(colour), USED),
        Odd("ink.jpeg", saved(colour.convert("CMYK")), USED),
        Odd("two colours.png", saved(PICTURE.convert("1"), "PNG"), USED),
        Odd("palette.png", saved(PICTURE.convert("P"), "PNG"), USED),
        Odd("clear palette.png", saved(PICTURE.convert("P"), "PNG", transparency=0), USED),
        Odd("alpha.png", saved(PICTURE.convert("RGBA"), "PNG"), USED),
        Odd("twelve bits.png", _png(deep * 16), USED),
        Odd("sixteen bits.png", _png(deep * 257), USED),
        Odd("tiff.tif", saved(PICTURE, "TIFF", compression="tiff_lzw"), USED),
        Odd("bitmap.bmp", saved(PICTURE, "BMP"), USED),
        Odd("webp.webp", saved(PICTURE, "WEBP", lossless=True), USED),
        Odd("trailing.jpeg", saved(PICTURE) + b"\0" * 999, USED),
        Odd("<img src=x onerror=alert(1)>.jpeg", saved(PICTURE), USED),
        Odd("{{ 7 * 7 }} {braces} %s $HOME.jpeg", saved(PICTURE), USED),
        Odd("quote ' and \" and, comma;.jpeg", saved(PICTURE), USED),
        Odd("two\nlines\tand a tab.jpeg", saved(PICTURE), USED),
        Odd("ärztin 胸部 🫁.jpeg", saved(PICTURE), USED),
        Odd("=HYPERLINK(1).jpeg", saved(PICTURE), USED),
        Odd("x" * 240 + ".jpeg", saved(PICTURE), USED),
    ]


def all_of_them() -> list[Odd]:
    """Every one once."""
    whole = saved(PICTURE, quality=92)
    return [
        *_cut_at_every_marker(whole), *_damaged_jpegs(whole), *_damaged_pngs(_png(GREY)), *_other_kinds(),
        *_no_radiographs(), *_odd_and_good(),
    ]  # fmt: skip
