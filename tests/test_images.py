import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_utils import images
from pneumo_utils.images import ImageError

GREY = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8), (0, 0), 4)
GREY = cv2.normalize(GREY, None, 0, 255, cv2.NORM_MINMAX)
PICTURE = Image.fromarray(GREY)
COLOUR = Image.merge("RGB", [PICTURE] * 3)


def packed(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def deep(channels=1):
    wide = GREY.astype(np.uint16) * 257
    return cv2.imencode(".png", np.dstack([wide] * channels) if channels > 1 else wide)[1].tobytes()


def transparent(alpha):
    return packed(Image.merge("RGBA", [PICTURE] * 3 + [Image.fromarray(alpha)]))


OPAQUE = np.full_like(GREY, 255)
STORED = {
    "grey": packed(PICTURE, "PNG"),
    "grey JPEG": packed(PICTURE, "JPEG", quality=98),
    "progressive": packed(PICTURE, "JPEG", quality=98, progressive=True),
    "RGB": packed(COLOUR, "PNG"),
    "RGB JPEG": packed(COLOUR, "JPEG", quality=98),
    "RGBA": transparent(OPAQUE),
    "grey+alpha": packed(Image.merge("LA", [PICTURE, Image.fromarray(OPAQUE)])),
    "palette": packed(PICTURE.convert("P")),
    "CMYK": packed(COLOUR.convert("CMYK"), "JPEG", quality=98),
    "grey16": deep(),
    "RGB16": deep(3),
    "RGBA16": cv2.imencode(".png", np.dstack([GREY.astype(np.uint16) * 257] * 3 + [OPAQUE * np.uint16(257)]))[
        1
    ].tobytes(),
}


@pytest.mark.parametrize("name", STORED)
def test_every_stored_mode_decodes_to_the_same_grey(name):
    decoded = images.decode(STORED[name])
    assert decoded.dtype == np.uint8
    assert decoded.shape == GREY.shape
    lossy = "JPEG" in name or name in ("progressive", "CMYK")
    assert np.abs(decoded.astype(int) - GREY).max() <= (12 if lossy else 1)
    assert np.abs(decoded.astype(int) - GREY).mean() < (2 if lossy else 0.5)


@pytest.mark.parametrize("name", [name for name in STORED if " " not in name and name != "progressive"])
def test_the_stored_mode_is_named(name):
    assert images.stored_mode(STORED[name]) == name


def test_the_stored_mode_of_a_jpeg_is_its_number_of_channels():
    assert images.stored_mode(STORED["grey JPEG"]) == images.stored_mode(STORED["progressive"]) == "grey"
    assert images.stored_mode(STORED["RGB JPEG"]) == "RGB"


def test_sixteen_bits_keep_their_full_range():
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(4, axis=0)
    decoded = images.decode(cv2.imencode(".png", ramp)[1].tobytes())
    assert (decoded[0] == np.arange(256)).all()


def test_a_transparent_picture_is_laid_over_black():
    half = OPAQUE.copy()
    half[:, :40] = 0
    half[:, 40:] = 128
    decoded = images.decode(transparent(half))
    assert (decoded[:, :40] == 0).all()
    assert np.abs(decoded[:, 40:] - GREY[:, 40:] * (128 / 255)).max() <= 1


def test_an_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert images.decode(packed(PICTURE, "JPEG", exif=exif)).shape == (80, 60)


@pytest.mark.parametrize("name", ["grey JPEG", "progressive", "RGB JPEG", "CMYK"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9, 0.99])
def test_a_truncated_jpeg_is_refused(name, share, capfd):
    data = STORED[name]
    with pytest.raises(ImageError, match="truncated"):
        images.decode(data[: int(len(data) * share)])
    assert capfd.readouterr().err == ""


def test_a_truncated_jpeg_that_was_filled_up_with_zeros_is_refused():
    data = STORED["grey JPEG"]
    with pytest.raises(ImageError, match="^truncated: the JPEG ends early$"):
        images.decode(data[: len(data) // 2] + bytes(len(data)))


def test_the_end_of_a_thumbnail_is_not_taken_for_the_end_of_the_picture():
    thumbnail = packed(PICTURE.resize((16, 12)), "JPEG")
    comment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = STORED["grey JPEG"]
    whole = whole[:2] + comment + whole[2:]
    assert images.decode(whole).shape == GREY.shape
    with pytest.raises(ImageError, match="truncated"):
        images.decode(whole[:-200])


@pytest.mark.parametrize("name", ["grey", "RGB", "palette", "grey16", "RGBA"])
def test_a_truncated_png_is_refused(name, capfd):
    for share in (0.4, 0.9):
        with pytest.raises(ImageError, match="truncated: the PNG ends early"):
            images.decode(STORED[name][: int(len(STORED[name]) * share)])
    assert capfd.readouterr().err == ""


def test_a_damaged_png_is_refused(capfd):
    data = bytearray(STORED["grey"])
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="damaged PNG"):
        images.decode(bytes(data))
    assert capfd.readouterr().err == ""


def test_bytes_after_the_end_do_no_harm():
    for name in ("grey", "grey JPEG"):
        assert (images.decode(STORED[name] + b"trailing\0\0") == images.decode(STORED[name])).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"<html>not found</html>", r"not an image \(neither JPEG nor PNG\)"),
        (packed(PICTURE, "BMP"), "not an image"),
        (packed(PICTURE, "JPEG")[:40], "truncated or damaged JPEG: its header cannot be read"),
        (packed(PICTURE)[:12], "truncated or damaged PNG: its header cannot be read"),
    ],
)
def test_the_reason_is_one_a_user_understands(data, reason):
    for function in (images.decode, images.stored_mode):
        with pytest.raises(ImageError, match=f"^{reason}"):
            function(data)


def test_a_picture_larger_than_any_radiograph_is_refused():
    head = STORED["grey"]
    size = (40_000).to_bytes(4, "big") * 2
    ihdr = b"IHDR" + size + head[24:29]
    huge = head[:12] + ihdr + zlib.crc32(ihdr).to_bytes(4, "big") + head[33:]
    with pytest.raises(ImageError, match="unsupported image"):
        images.decode(huge)


@pytest.mark.parametrize("shape", [(60, 80), (8, 8), (10, 300), (300, 10), (1, 1), (32, 32)])
def test_any_shape_becomes_a_square(shape):
    pixels = np.full(shape, 77, np.uint8)
    square = images.resize(pixels, 32)
    assert square.shape == (32, 32)
    assert square.dtype == np.uint8
    assert (square == 77).all()


def test_shrinking_averages_and_enlarging_stays_in_range():
    checks = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 255
    assert np.abs(images.resize(checks, 16).astype(int) - 127.5).max() <= 1
    edge = np.zeros((4, 4), np.uint8)
    edge[:, 2:] = 255
    wide = images.resize(edge, 64)
    assert wide[0, 0] == 0
    assert wide[0, -1] == 255


@pytest.mark.parametrize("column", range(4))
def test_where_one_side_shrinks_and_the_other_grows_nothing_falls_between_the_samples(column):
    line = np.zeros((8, 64), np.uint8)
    line[:, column] = 255
    assert (images.resize(line, 16)[:, 0] == 64).all()  # a quarter of 255, whichever of the four columns it was


def test_a_size_below_one_is_refused():
    with pytest.raises(ImageError, match="size must be at least 1, got 0"):
        images.resize(GREY, 0)


def test_reading_a_file_names_it_when_it_is_unusable(tmp_path):
    (tmp_path / "good.png").write_bytes(STORED["grey"])
    (tmp_path / "bad.jpeg").write_bytes(b"")
    assert images.read(tmp_path / "good.png", 16).shape == (16, 16)
    with pytest.raises(ImageError, match=r"^bad.jpeg: empty file \(0 bytes\)$"):
        images.read(tmp_path / "bad.jpeg", 16)
