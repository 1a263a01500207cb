"""Every kind of picture becomes the same grey square, and what is damaged is refused in a sentence."""

import io
import os
import subprocess
import sys
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_utils.imaging import decoding, image_files
from pneumo_utils.imaging.image_files import ImageError

GREY = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8), (0, 0), 4)
GREY = cv2.normalize(GREY, None, 0, 255, cv2.NORM_MINMAX)
PICTURE = Image.fromarray(GREY)
COLOUR = Image.merge("RGB", [PICTURE] * 3)


def packed(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


LARGE = cv2.GaussianBlur(np.random.default_rng(1).random((769, 1001)), (0, 0), 12)  # one more than blocks of 8
LARGE = cv2.normalize(LARGE, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
LARGE_PICTURE = Image.fromarray(LARGE)
LARGE_COLOUR = Image.merge("RGB", [Image.fromarray(np.flip(LARGE, axes)) for axes in ((), (0,), (1,))])


@pytest.fixture
def flags(monkeypatch):
    """The flags of every decoding, in order."""
    seen, imdecode = [], cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: seen.append(flags) or imdecode(data, flags))
    return seen


def difference(one, other):
    return np.abs(one.astype(int) - other).mean()


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
    decoded = decoding.decode(STORED[name])
    assert decoded.dtype == np.uint8
    assert decoded.shape == GREY.shape
    lossy = "JPEG" in name or name in ("progressive", "CMYK")
    assert np.abs(decoded.astype(int) - GREY).max() <= (12 if lossy else 1)
    assert np.abs(decoded.astype(int) - GREY).mean() < (2 if lossy else 0.5)


@pytest.mark.parametrize("name", [name for name in STORED if " " not in name and name != "progressive"])
def test_the_stored_mode_is_named(name):
    assert decoding.decode_sound(STORED[name])[1] == name


def test_the_stored_mode_of_a_jpeg_is_its_number_of_channels():
    modes = [decoding.decode_sound(STORED[name])[1] for name in ("grey JPEG", "progressive", "RGB JPEG")]
    assert modes == ["grey", "grey", "RGB"]


def test_sixteen_bits_keep_their_full_range():
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(4, axis=0)
    decoded = decoding.decode(cv2.imencode(".png", ramp)[1].tobytes())
    assert (decoded[0] == np.arange(256)).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_sixteen_bits_that_use_only_some_come_out_as_bright_as_eight(bits):
    stretched = np.rint(GREY.astype(float) * ((1 << bits) - 1) / 255).astype(np.uint16)
    pixels, mode = decoding.decode_sound(cv2.imencode(".png", stretched)[1].tobytes())
    assert np.abs(pixels.astype(int) - GREY).max() <= 1
    assert mode == ("grey16" if bits == 16 else f"grey16, {bits} bits in use")


def test_bits_in_use_are_taken_from_the_file_where_it_says_them():
    dark = (GREY.astype(np.uint16) // 2) * 16  # 12 bits, of which the brightest pixel needs 11
    plain = cv2.imencode(".png", dark)[1].tobytes()
    said = b"sBIT" + bytes([11])
    chunk = (1).to_bytes(4, "big") + said + zlib.crc32(said).to_bytes(4, "big")
    pixels, mode = decoding.decode_sound(plain[:33] + chunk + plain[33:])
    assert mode == "grey16, 11 bits in use"
    assert np.abs(pixels - dark / 2047 * 255).max() <= 1
    assert decoding.decode_sound(plain)[1] == "grey16, 12 bits in use"


def chunk(name, body):
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def test_one_pixel_at_the_upper_end_makes_no_picture_dark():
    twelve = np.rint(GREY.astype(float) * 4095 / 255).astype(np.uint16)
    twelve[0, 0] = 65535
    pixels, mode = decoding.decode_sound(cv2.imencode(".png", twelve)[1].tobytes())
    assert mode == "grey16, 12 bits in use"
    assert np.abs(pixels.astype(int) - GREY)[1:].max() <= 1
    assert pixels[0, 0] == 255


def test_bits_in_use_are_not_taken_from_words_in_the_file():
    twelve = cv2.imencode(".png", np.rint(GREY.astype(float) * 4095 / 255).astype(np.uint16))[1].tobytes()
    data = twelve[:33] + chunk(b"tEXt", b"Comment\0see sBIT\x10") + twelve[33:]
    assert decoding.decode_sound(data)[1] == "grey16, 12 bits in use"


def interlaced(share=1.0):
    """`GREY` in the seven passes of a PNG that is shown while it loads, of which only `share` is there."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(b"\0" + row.tobytes() for top, left, down, right in passes for row in GREY[top::down, left::right])
    head = GREY.shape[1].to_bytes(4, "big") + GREY.shape[0].to_bytes(4, "big") + bytes((8, 0, 0, 0, 1))
    packed_rows = zlib.compress(rows[: int(len(rows) * share)])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed_rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_an_interlaced_png_is_read_whole_and_refused_where_it_is_cut_short(share, capfd):
    assert (decoding.decode_sound(interlaced())[0] == GREY).all()
    with pytest.raises(ImageError, match="^truncated: the PNG holds [0-9]+% of its rows$"):
        decoding.decode_sound(interlaced(share))
    assert capfd.readouterr() == ("", "")


def test_a_png_with_a_filter_that_is_none_is_refused_without_a_word_on_the_terminal(capfd):
    rows = b"\x09" + b"\0".join(row.tobytes() for row in GREY)
    whole = STORED["grey"]
    data = whole[:33] + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="^damaged PNG: "):
        decoding.decode_sound(data)
    assert capfd.readouterr() == ("", "")


def test_black_and_white_is_not_called_grey():
    assert decoding.decode_sound(packed(PICTURE.convert("1"), "PNG"))[1] == "black and white"


def test_a_second_picture_behind_a_jpeg_is_refused_and_a_thumbnail_before_it_is_not():
    whole, second = STORED["grey JPEG"], packed(Image.fromarray(255 - GREY), "JPEG")
    with pytest.raises(ImageError, match="^holds 2 pictures: a radiograph is one$"):
        decoding.decode_sound(whole + second)
    comment = b"\xff\xe1" + (len(second) + 2).to_bytes(2, "big") + second
    assert decoding.decode_sound(whole[:2] + comment + whole[2:])[0].shape == GREY.shape


def test_what_a_user_has_set_for_opencv_leaves_out_no_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(STORED["grey"])
    code = (
        "import sys; from pathlib import Path; from pneumo_utils.imaging import decoding; "
        "decoding.decode(Path(sys.argv[1]).read_bytes())"
    )
    odd = {f"OPENCV_IO_MAX_IMAGE_{name}": value for name, value in (("PIXELS", "9"), ("WIDTH", "abc"))}
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    assert subprocess.run(command, env=os.environ | odd).returncode == 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"tiffinfo": {262: 0}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_other_formats_give_the_same_grey(kind, options, mode):
    if "tiffinfo" in options and mode == "RGB":
        pytest.skip("only grey may have white at zero")
    data = packed(PICTURE.convert(mode), kind, **options)
    pixels, stored = decoding.decode_sound(data)
    assert np.abs(pixels.astype(int) - GREY).max() <= 1
    assert stored == {"L": "RGB" if kind == "WEBP" else "grey", "RGB": "RGB"}[mode]
    assert (decoding.decode_square(data, 32) == decoding.resize(pixels, 32)).all()


def test_a_tiff_of_sixteen_bits_in_which_white_is_zero_is_turned_round():
    wide = GREY.astype(np.uint16) * 257
    for stored, options in ((wide, {}), (65535 - wide, {"tiffinfo": {262: 0}})):
        assert (decoding.decode(packed(Image.fromarray(stored), "TIFF", **options)) == GREY).all()
    colour = cv2.imencode(".tiff", np.dstack([wide] * 3))[1].tobytes()
    pixels, mode = decoding.decode_sound(colour)
    assert mode == "RGB16"
    assert np.abs(pixels.astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.int16])
def test_grey_levels_that_are_no_unsigned_whole_numbers_of_8_or_16_bits_are_refused(kind):
    rule = "^unsupported TIFF: grey levels must be unsigned whole numbers of 8 or 16 bits, got [a-z]+[0-9]+$"
    with pytest.raises(ImageError, match=rule):
        decoding.decode(cv2.imencode(".tiff", GREY.astype(kind))[1].tobytes())


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_file_of_another_format_is_refused(kind, share, capfd):
    data = packed(PICTURE, kind)
    with pytest.raises(ImageError, match="truncated"):
        decoding.decode(data[: int(len(data) * share)])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_several_pictures_in_one_file_are_refused(kind):
    data = packed(PICTURE, kind, save_all=True, append_images=[Image.fromarray(255 - GREY)])
    with pytest.raises(ImageError, match="^holds 2 pictures: a radiograph is one$"):
        decoding.decode(data)


def _overwrite(data, start, count):
    data[start : start + count] = bytes(count)


def _flip(data, start, count):
    data[start : start + count] = bytes(byte ^ 0x55 for byte in data[start : start + count])


def _cut(data, start, count):
    del data[start : start + count]


@pytest.mark.parametrize("harm", [_overwrite, _flip, _cut])
@pytest.mark.parametrize("place", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_damaged_in_its_middle_is_refused_by_name_of_the_damage(harm, place, progressive, capfd):
    data = bytearray(packed(LARGE_PICTURE, "JPEG", quality=95, progressive=progressive))
    harm(data, int(len(data) * place), 200)
    with pytest.raises(ImageError, match="^damaged JPEG: "):
        decoding.decode_sound(bytes(data))
    assert capfd.readouterr().err == ""


def test_a_jpeg_whose_line_ends_were_turned_is_refused():
    data = packed(LARGE_PICTURE, "JPEG", quality=95).replace(b"\n", b"\r\n")
    with pytest.raises(ImageError):
        decoding.decode_sound(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_every_format_comes_out_upright(orientation, mode, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = packed(PICTURE.convert(mode), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    mirrored = {2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    upright = np.flip(GREY.T if orientation > 4 else GREY, mirrored)
    assert np.abs(decoding.decode(data).astype(int) - upright).max() <= 1


def test_a_transparent_picture_is_laid_over_black():
    half = OPAQUE.copy()
    half[:, :40] = 0
    half[:, 40:] = 128
    decoded = decoding.decode(transparent(half))
    assert (decoded[:, :40] == 0).all()
    assert np.abs(decoded[:, 40:] - GREY[:, 40:] * (128 / 255)).max() <= 1


@pytest.mark.parametrize(
    ("depth", "row", "shown"),
    [
        (1, [0b01010101], [0] * 8), (2, [0b00011011], [0, 0, 170, 255]), (4, [0x01, 0x2F], [0, 0, 34, 255]),
        (8, [0, 1, 2, 255], [0, 0, 2, 255]), (16, [0, 0, 128, 1, 255, 255], [0, 0, 255]),
    ],
)  # fmt: skip
def test_one_grey_level_that_is_transparent_is_laid_over_black_as_one_colour_is(depth, row, shown):
    size = len(shown).to_bytes(4, "big") + (1).to_bytes(4, "big")
    parts = {b"IHDR": size + bytes((depth, 0, 0, 0, 0)), b"tRNS": b"\x80\1", b"IDAT": zlib.compress(bytes([0, *row]))}
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in parts.items()) + chunk(b"IEND", b"")
    assert decoding.decode(data)[0].tolist() == shown


def test_a_bright_level_that_is_transparent_is_black_in_grey_and_in_colour():
    level = int(GREY[30, 40])
    for picture, transparency in ((PICTURE, level), (COLOUR, (level,) * 3)):
        decoded = decoding.decode(packed(picture, transparency=transparency))
        assert (decoded == np.where(level == GREY, 0, GREY)).all()


def test_a_cmyk_jpeg_that_does_not_tell_whether_it_is_a_negative_is_refused():
    whole = STORED["CMYK"]
    start = whole.index(b"\xff\xee")
    plain = whole[:start] + whole[start + 2 + int.from_bytes(whole[start + 2 : start + 4], "big") :]
    for read in (decoding.decode, decoding.decode_sound, lambda data: decoding.decode_square(data, 8)):
        with pytest.raises(ImageError, match="^a CMYK JPEG without Adobe's marker, which may be a negative: save it"):
            read(plain)


def test_an_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decoding.decode(packed(PICTURE, "JPEG", exif=exif)).shape == (80, 60)


@pytest.mark.parametrize("name", ["grey JPEG", "progressive", "RGB JPEG", "CMYK"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9, 0.99])
def test_a_truncated_jpeg_is_refused(name, share, capfd):
    data = STORED[name]
    with pytest.raises(ImageError, match="truncated"):
        decoding.decode(data[: int(len(data) * share)])
    assert capfd.readouterr().err == ""


def test_a_truncated_jpeg_that_was_filled_up_with_zeros_is_refused():
    data = STORED["grey JPEG"]
    with pytest.raises(ImageError, match="^truncated: the JPEG ends early$"):
        decoding.decode(data[: len(data) // 2] + bytes(len(data)))


def test_the_end_of_a_thumbnail_is_not_taken_for_the_end_of_the_picture():
    thumbnail = packed(PICTURE.resize((16, 12)), "JPEG")
    comment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = STORED["grey JPEG"]
    whole = whole[:2] + comment + whole[2:]
    assert decoding.decode(whole).shape == GREY.shape
    with pytest.raises(ImageError, match="truncated"):
        decoding.decode(whole[:-200])


@pytest.mark.parametrize("name", ["grey", "RGB", "palette", "grey16", "RGBA"])
def test_a_truncated_png_is_refused(name, capfd):
    for share in (0.4, 0.9):
        with pytest.raises(ImageError, match="truncated: the PNG ends early"):
            decoding.decode(STORED[name][: int(len(STORED[name]) * share)])
    assert capfd.readouterr().err == ""


def test_a_damaged_png_is_refused(capfd):
    data = bytearray(STORED["grey"])
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="damaged PNG"):
        decoding.decode(bytes(data))
    assert capfd.readouterr().err == ""


def test_bytes_after_the_end_do_no_harm():
    for name in ("grey", "grey JPEG", "progressive"):
        for film in (b"trailing\0\0", b"a film with what looks like the start of a scan: \xff\xda\0\0"):
            assert (decoding.decode_sound(STORED[name] + film)[0] == decoding.decode(STORED[name])).all()


def test_a_png_of_noughts_without_end_is_refused_and_takes_no_memory():
    header = STORED["grey"][8:33]
    packer = zlib.compressobj(9)
    stream = b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    body = b"IDAT" + stream
    bomb = STORED["grey"][:8] + header + len(stream).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    bomb += b"\0\0\0\0IEND\xaeB`\x82"
    tracemalloc.start()
    with pytest.raises(ImageError, match="damaged PNG: it holds more than its rows"):
        image_files.check_sound(image_files.read_header(bomb), bomb)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_too_little_memory_is_no_fault_of_the_file(kind, monkeypatch):
    def short(*_):
        error = cv2.error("Failed to allocate")
        error.code, error.err = cv2.Error.StsNoMem, "Failed to allocate"
        raise error

    monkeypatch.setattr(cv2, "imdecode", short)
    with pytest.raises(MemoryError):
        decoding.decode(packed(PICTURE, kind))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_transparent_tiff_is_refused_and_an_opaque_one_is_read(mode):
    def tiff(alpha):
        return packed(Image.merge(mode, [PICTURE] * (len(mode) - 1) + [Image.fromarray(alpha)]), "TIFF")

    with pytest.raises(ImageError, match="a TIFF with transparency: save it without"):
        decoding.decode(tiff(OPAQUE // 2))
    assert (decoding.decode(tiff(OPAQUE)) == GREY).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"<html>not found</html>", r"not an image \(none of JPEG, PNG, TIFF, BMP or WebP\)"),
        (packed(PICTURE, "GIF"), "a GIF, must be JPEG, PNG, TIFF, BMP or WebP"),
        (bytes(128) + b"DICM" + bytes(40), "a DICOM file, must be JPEG"),
        (b"%PDF-1.4 ...", "a PDF, must be JPEG"),
        (packed(PICTURE, "JPEG")[:40], "truncated, damaged or unsupported JPEG: its header cannot be read"),
        (packed(PICTURE)[:12], "truncated, damaged or unsupported PNG: its header cannot be read"),
        (packed(PICTURE, "TIFF")[:12], "truncated, damaged or unsupported TIFF: its header cannot be read"),
    ],
)
def test_the_reason_is_one_a_user_understands(data, reason):
    for function in (decoding.decode, decoding.decode_sound, image_files.read_header):
        with pytest.raises(ImageError, match=f"^{reason}"):
            function(data)


def test_a_picture_larger_than_any_radiograph_is_refused():
    head = STORED["grey"]
    size = (40_000).to_bytes(4, "big") * 2
    ihdr = b"IHDR" + size + head[24:29]
    huge = head[:12] + ihdr + zlib.crc32(ihdr).to_bytes(4, "big") + head[33:]
    with pytest.raises(ImageError, match="^too large: "):
        decoding.decode(huge)


@pytest.mark.parametrize("shape", [(60, 80), (8, 8), (10, 300), (300, 10), (1, 1), (32, 32)])
def test_any_shape_becomes_a_square(shape):
    pixels = np.full(shape, 77, np.uint8)
    square = decoding.resize(pixels, 32)
    assert square.shape == (32, 32)
    assert square.dtype == np.uint8
    assert (square == 77).all()


def test_shrinking_averages_and_enlarging_stays_in_range():
    checks = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 255
    assert np.abs(decoding.resize(checks, 16).astype(int) - 127.5).max() <= 1
    edge = np.zeros((4, 4), np.uint8)
    edge[:, 2:] = 255
    wide = decoding.resize(edge, 64)
    assert wide[0, 0] == 0
    assert wide[0, -1] == 255


@pytest.mark.parametrize("column", range(4))
def test_where_one_side_shrinks_and_the_other_grows_nothing_falls_between_the_samples(column):
    line = np.zeros((8, 64), np.uint8)
    line[:, column] = 255
    assert (decoding.resize(line, 16)[:, 0] == 64).all()  # a quarter of 255, whichever of the four columns it was


def test_a_size_below_one_is_refused():
    with pytest.raises(ImageError, match="size must be at least 1, got 0"):
        decoding.resize(GREY, 0)


def test_reading_a_file_names_it_when_it_is_unusable(tmp_path):
    (tmp_path / "good.png").write_bytes(STORED["grey"])
    (tmp_path / "bad.jpeg").write_bytes(b"")
    assert decoding.read(tmp_path / "good.png", 16).shape == (16, 16)
    with pytest.raises(ImageError, match=r"^bad.jpeg: empty file \(0 bytes\)$"):
        decoding.read(tmp_path / "bad.jpeg", 16)


FULL = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
SCALES = [
    (300, cv2.IMREAD_REDUCED_GRAYSCALE_2),
    (150, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    (96, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    (20, cv2.IMREAD_REDUCED_GRAYSCALE_8),
]


@pytest.mark.parametrize(("size", "reduced"), SCALES)
@pytest.mark.parametrize("name", ["grey", "progressive", "RGB", "RGB 4:4:4", "CMYK"])
def test_a_jpeg_far_larger_than_needed_is_decoded_at_reduced_scale_and_looks_the_same(size, reduced, name, flags):
    picture = LARGE_PICTURE if name in ("grey", "progressive") else LARGE_COLOUR.convert(name.split()[0])
    sampling = {"subsampling": 0} if "4:4:4" in name else {}
    data = packed(picture, "JPEG", quality=90, progressive=name == "progressive", **sampling)
    square = decoding.decode_square(data, size)
    assert flags == [reduced]
    assert square.shape == (size, size)
    assert square.dtype == np.uint8
    whole = decoding.resize(decoding.decode(data), size)
    assert difference(square, whole) < 1
    assert np.abs(square.astype(int) - whole).max() <= 5


@pytest.mark.parametrize("beyond", range(8))
def test_the_padding_of_a_jpeg_moves_nothing_whatever_its_sides(beyond):
    ramp = np.linspace(0, 255, 8 * 32 + beyond).round().astype(np.uint8)
    data = packed(Image.fromarray(np.minimum.outer(ramp, ramp)), "JPEG", quality=98)
    for size in (128, 64, 32):
        assert difference(decoding.decode_square(data, size), decoding.resize(decoding.decode(data), size)) < 0.6


def test_the_scale_is_reduced_as_far_as_both_sides_still_reach_the_size(flags):
    data = packed(LARGE_PICTURE.resize((1000, 400)), "JPEG")
    for size in (50, 51, 100, 101, 200, 201):
        decoding.decode_square(data, size)
    eighth, quarter, half = (reduced for _, reduced in SCALES[2::-1])
    assert flags == [eighth, quarter, quarter, half, half, FULL]


@pytest.mark.parametrize("name", STORED)
def test_a_small_picture_of_any_mode_is_decoded_in_full(name):
    for size in (31, 80):
        whole = decoding.resize(decoding.decode(STORED[name]), size)
        assert (decoding.decode_square(STORED[name], size) == whole).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "LA"])
def test_a_large_png_is_decoded_in_full(mode):
    data = packed(LARGE_PICTURE.convert(mode))
    assert (decoding.decode_square(data, 96) == decoding.resize(decoding.decode(data), 96)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_comes_out_upright(orientation, flags):
    exif = Image.Exif()
    exif[0x0112] = orientation
    square = decoding.decode_square(packed(LARGE_PICTURE, "JPEG", quality=95, exif=exif), 96)
    assert flags == [FULL if orientation > 1 else cv2.IMREAD_REDUCED_GRAYSCALE_8]
    mirrored = {2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    upright = np.flip(LARGE.T if orientation > 4 else LARGE, mirrored)
    assert difference(square, decoding.resize(np.ascontiguousarray(upright), 96)) < 1


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.filterwarnings("ignore")  # Pillow's, about the block
def test_a_large_jpeg_with_a_damaged_exif_block_comes_out_as_in_full(order, orientation):
    word = lambda number, size=2: number.to_bytes(size, order)  # noqa: E731
    mark = {"big": b"MM", "little": b"II"}[order] + word(42) + word(8, 4)
    good = [word(1), word(0x0112), word(3), word(1, 4), word(orientation), bytes(6)]
    for number, bad in ((0, word(99)), (2, word(77)), (3, word(2**31, 4)), (4, b""), (5, b"")):
        block = b"Exif\0\0" + mark + b"".join([*good[:number], bad, *good[number + 1 :]])
        data = packed(LARGE_PICTURE, "JPEG", quality=95, exif=block)
        assert difference(decoding.decode_square(data, 96), decoding.resize(decoding.decode(data), 96)) < 1


@pytest.mark.parametrize("share", [0.001, 0.4, 0.99])
def test_a_truncated_large_jpeg_is_refused_for_the_same_reason_as_in_full(share, capfd):
    data = packed(LARGE_PICTURE, "JPEG")
    data = data[: int(len(data) * share)]
    with pytest.raises(ImageError, match="^truncated") as full:
        decoding.decode(data)
    with pytest.raises(ImageError) as reduced:
        decoding.decode_square(data, 96)
    assert str(reduced.value) == str(full.value)
    assert capfd.readouterr().err == ""


def test_a_square_of_size_below_one_is_refused():
    with pytest.raises(ImageError, match="size must be at least 1, got 0"):
        decoding.decode_square(STORED["grey JPEG"], 0)


def test_many_files_are_read_in_their_order_at_reduced_scale(tmp_path, flags):
    paths = [f"{number}.jpeg" for number in range(5)]
    for number, path in enumerate(paths):
        data = packed(Image.new("L", (300, 200), 50 * number), "JPEG")
        (tmp_path / path).write_bytes(data)
    squares = list(decoding.read_all(tmp_path, paths, 25))
    assert [int(square.mean().round()) for square in squares] == [0, 50, 100, 150, 200]
    assert flags == [cv2.IMREAD_REDUCED_GRAYSCALE_8] * 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_transparent_picture_with_a_damaged_exif_block_is_shown_as_it_lies(kind):
    whole = packed(PICTURE.convert("RGBA"), kind, **({"lossless": True} if kind == "WEBP" else {}))
    damaged = packed(PICTURE.convert("RGBA"), kind, exif=b"garbage", **({"lossless": True} if kind == "WEBP" else {}))
    np.testing.assert_array_equal(decoding.decode(damaged), decoding.decode(whole))
