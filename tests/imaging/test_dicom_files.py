import logging
import math
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from support import dicom_samples
from support.dicom_samples import GREY, SECRETS, SYNTAXES, dataset, lut, saved, stored

from pneumo_utils.imaging import dicom_files, dicom_grey_scale, dicom_stored_values
from pneumo_utils.imaging.image_files import ImageError

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of the samples, while they are made
SHIPPED = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data").rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
)
CONVERTED = {"LINEAR": (2000.0, 1500.0), "LINEAR_EXACT": (1800.5, 901.0), "SIGMOID": (2100.0, 800.0)}


def difference(one, other):
    return np.abs(one.astype(int) - other).max()


def shown(made, syntax="explicit"):
    return dicom_files.read(saved(made, syntax))


def stretched(values):
    """The shades of an oracle's values, from 0 to 255."""
    values = np.asarray(values, float)
    return np.rint((values - values.min()) / (values.max() - values.min()) * 255)


CASES = [
    (syntax, bits, signed)
    for syntax in SYNTAXES
    for bits in (8, 10, 12, 16)
    for signed in (False, True)
    if not (syntax == "JPEG baseline" and (bits > 8 or signed)) and syntax != "JPEG extended"
]


@pytest.mark.parametrize(("syntax", "bits", "signed"), CASES)
def test_every_syntax_depth_and_sign_shows_the_same_picture(syntax, bits, signed, capfd):
    found = shown(dataset(stored(bits=bits, signed=signed), bits), syntax)
    assert found.pixels.dtype == np.uint8
    assert difference(found.pixels, GREY) <= (2 if syntax == "JPEG baseline" else 0)
    assert found.remarks == ()
    assert (found.age_years, found.view) == (3.0, "AP")
    assert capfd.readouterr() == ("", "")


def test_twelve_bits_of_jpeg_extended_are_shown_without_a_word_from_the_decoder(capfd):
    inner = stored(np.rint(GREY * 0.8 + 20).astype(np.uint8), 12)  # the encoder wraps what it overshoots
    made = dataset(inner, 12, WindowCenter=2047.5, WindowWidth=4095, VOILUTFunction="LINEAR_EXACT")
    found = shown(made, "JPEG extended")
    assert difference(found.pixels, np.rint(GREY * 0.8 + 20)) <= 2
    assert capfd.readouterr() == ("", "")


def test_twelve_bits_of_jpeg_extended_that_others_wrote_have_the_values_that_others_read():
    path = next(path for path in SHIPPED if path.name == "JPGExtended.dcm")
    values = dicom_stored_values.decode(pydicom.dcmread(path))
    assert (values[420, 140], values[230, 120]) == (244, 95)  # as pydicom's own tests have them, by another decoder


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big endian"])
def test_a_file_without_preamble_is_known_and_read(syntax):
    data = saved(dataset(), syntax, preamble=False)
    assert dicom_files.is_dicom(data)
    assert difference(dicom_files.read(data).pixels, GREY) == 0


def test_other_files_are_no_dicom():
    pictures = [cv2.imencode(ending, GREY)[1].tobytes() for ending in (".jpg", ".png", ".bmp", ".tiff", ".webp")]
    for data in (b"", b"\x08\0", bytes(200), b"%PDF-1.7" * 20, b"\x02\0" + b"x" * 300, *pictures):
        assert not dicom_files.is_dicom(data)
        with pytest.raises(ImageError, match="^(not a DICOM file|empty file)"):
            dicom_files.read(data)


@pytest.mark.parametrize("function", CONVERTED)
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2.5, -300), (-1, 4095)])
@pytest.mark.parametrize("signed", [False, True])
def test_windows_are_those_of_pydicom(function, slope, intercept, signed):
    center, width = CONVERTED[function]
    made = dataset(stored(signed=signed), VOILUTFunction=function, WindowCenter=[center, 1], WindowWidth=[width, 2],
                   RescaleSlope=slope, RescaleIntercept=intercept)  # fmt: skip
    meant = pydicom.pixels.apply_modality_lut(stored(signed=signed), made)
    want = pydicom.pixels.apply_voi_lut(meant, made)
    ends = sorted((np.array([0, 4095]) - 2048 * signed) * slope + intercept)
    want = np.rint((want - ends[0]) / (ends[1] - ends[0]) * 255)
    # with a negative slope pydicom brings what is above the window to the smallest value, PS3.3 to the largest
    assert difference(shown(made).pixels, want if slope > 0 else 255 - want) <= 1


@pytest.mark.parametrize(
    ("function", "shades"), [("LINEAR", [0, 1 / 3, 2 / 3, 1, 1]), ("LINEAR_EXACT", [0, 1 / 4, 1 / 2, 3 / 4, 1])]
)
def test_a_narrow_window_ends_where_the_standard_says(function, shades):
    levels = np.arange(8.0, 13.0)
    assert dicom_grey_scale.window(levels, 10, 4, function) == pytest.approx(shades)


@pytest.mark.parametrize("spot", [4095, 0])
@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_a_spot_far_from_all_other_grey_levels_darkens_or_lightens_nothing(spot, kind):
    values = np.rint(GREY * 0.8 + 1800).astype(np.uint16)
    values[30, 40] = spot
    found = shown(dataset(values, 12, kind))
    assert found.remarks == ("a few grey levels are far from all others: they were clipped",)
    shades = found.pixels if kind == "MONOCHROME2" else 255 - found.pixels
    assert shades[30, 40] == (255 if spot else 0)
    rest = np.ones(GREY.shape, bool)
    rest[30, 40] = False
    assert np.ptp(shades[rest]) == 255
    low, high = np.quantile(GREY, (0.005, 0.995))
    want = np.clip((GREY - low) / (high - low), 0, 1) * 255
    assert difference(shades[rest], np.rint(want[rest])) <= 3


def test_grey_levels_that_are_spread_out_are_shown_to_their_ends():
    values = stored(np.rint(GREY * 0.6).astype(np.uint8))
    values[30, 40] = 4095  # less than twice as far as the others
    found = shown(dataset(values))
    assert found.remarks == () and difference(found.pixels, stretched(values)) == 0


def test_a_table_that_begins_below_0_is_understood_where_its_number_is_written_without_a_sign():
    table = lut(np.linspace(0, 65535, 4096), 65536 - 1024, 16, "VOILUTSequence")
    assert table[0].LUTDescriptor[1] == 64512
    found = shown(dataset(RescaleIntercept=-1024, RescaleSlope=1, VOILUTSequence=table))
    assert difference(found.pixels, GREY) <= 1
    high = dataset(stored(bits=16), 16, VOILUTSequence=lut([0, 65535], 40000, 16, "VOILUTSequence"))
    assert set(np.unique(shown(high).pixels)) == {0, 255}, "a large number that pixels reach is none below 0"


def test_of_several_padding_values_the_first_is_taken():
    padded = stored(np.rint(GREY * 0.4 + 60).astype(np.uint8))
    padded[:10] = 4095
    assert (shown(dataset(padded, PixelPaddingValue=[4095, 0])).pixels[:10] == 0).all()


@pytest.mark.parametrize("first", [0, 300, -20])
@pytest.mark.parametrize("bits", [8, 10, 16])
def test_tables_of_grey_levels_are_those_of_pydicom(first, bits):
    table = np.rint(np.linspace(0, 1, 3000) ** 2 * ((1 << bits) - 1))
    signed = first < 0
    for keyword, apply in (("ModalityLUTSequence", pydicom.pixels.apply_modality_lut),
                           ("VOILUTSequence", pydicom.pixels.apply_voi_lut)):  # fmt: skip
        if bits == {"ModalityLUTSequence": 10, "VOILUTSequence": 8}[keyword]:
            continue  # pydicom knows no table of ten bits, and counts pixels in eight where a VOI LUT has eight
        made = dataset(stored(signed=signed), **{keyword: lut(table, first, bits, keyword)})
        want = apply(stored(signed=signed).astype(np.int32), made)
        want = stretched(want) if keyword.startswith("Mod") else np.rint(want / ((1 << bits) - 1) * 255)
        assert difference(shown(made).pixels, want) <= 1


def test_a_table_goes_before_a_window():
    table = lut(np.linspace(255, 0, 4096), 0, 8, "VOILUTSequence")
    made = dataset(VOILUTSequence=table, WindowCenter=100, WindowWidth=10)
    assert difference(shown(made).pixels, 255 - GREY.astype(int)) <= 1


def test_a_table_of_eight_bits_that_is_packed_in_words_is_unpacked():
    table = lut([0], 0, 8, "VOILUTSequence")
    table[0].LUTDescriptor = [256, 0, 8]
    table[0]["LUTData"].VR, table[0]["LUTData"].value = "OW", bytes(range(255, -1, -1))
    assert difference(shown(dataset(stored(bits=8), 8, VOILUTSequence=table)).pixels, 255 - GREY.astype(int)) == 0


def test_a_table_that_is_shorter_than_it_says_is_refused():
    table = lut(range(10), 0, 16, "VOILUTSequence")
    table[0].LUTDescriptor = [4096, 0, 16]
    with pytest.raises(ImageError, match="^table of grey levels must hold 4096 entries, got 10$"):
        shown(dataset(VOILUTSequence=table))


@pytest.mark.parametrize(
    ("kind", "shape", "inverse", "remarked"),
    [
        ("MONOCHROME2", None, False, False), ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME2", "IDENTITY", False, False), ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "IDENTITY", True, True),
    ],
)  # fmt: skip
def test_what_is_white_is_turned_round_once_whoever_says_so(kind, shape, inverse, remarked):
    found = shown(dataset(kind=kind, PresentationLUTShape=shape))
    assert difference(found.pixels, 255 - GREY.astype(int) if inverse else GREY) <= 1
    assert any("contradict" in remark for remark in found.remarks) == remarked


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("signed", "pad", "limit"), [(False, 4095, None), (False, 4000, 4095), (True, -2000, None),
                                                      (True, -2000, -1900)])  # fmt: skip
def test_padding_is_black_and_stretches_nothing(kind, signed, pad, limit):
    inner = stored(np.rint(GREY * 0.4 + 60).astype(np.uint8), 12, signed)
    padded = inner.copy()
    padded[:10], padded[10:20] = pad, pad if limit is None else (pad + limit) // 2
    made = dataset(padded, 12, kind, PixelPaddingValue=pad, PixelPaddingRangeLimit=limit)
    pixels = shown(made).pixels
    assert (pixels[:20] == 0).all()
    want = stretched(inner[20:])
    assert difference(pixels[20:], want if kind == "MONOCHROME2" else 255 - want) <= 1


def test_a_padding_value_that_no_pixel_can_have_blackens_nothing():
    bright = stored(bits=12)
    bright[:10] = 4095
    plain, found = shown(dataset(bright, 12)), shown(dataset(bright, 12, PixelPaddingValue=65535))
    assert difference(found.pixels, plain.pixels) == 0
    assert found.remarks == (*plain.remarks, "padding value is none that a pixel can have")


def test_padding_that_is_written_with_all_bits_of_its_cells_is_black():
    padded = stored(bits=12)
    padded[:10] = 65535
    assert (shown(dataset(padded, 12, PixelPaddingValue=65535)).pixels[:10] == 0).all()
    signed = stored(bits=12, signed=True)
    signed[:10] = -2000
    assert (shown(dataset(signed, 12, PixelPaddingValue=-2000)).pixels[:10] == 0).all()


def test_a_padding_range_that_goes_beyond_the_pixels_ends_with_them():
    padded = stored(np.rint(GREY * 0.4 + 60).astype(np.uint8), 12)
    padded[:10] = 4095
    made = dataset(padded, 12, PixelPaddingValue=4000, PixelPaddingRangeLimit=65535)
    assert (shown(made).pixels[:10] == 0).all() and shown(made).remarks == ()


def test_a_picture_of_padding_alone_is_refused():
    with pytest.raises(ImageError, match="^pixels must not all be padding$"):
        shown(dataset(np.full((64, 80), 7, np.uint16), PixelPaddingValue=7))


def test_bits_above_and_below_those_in_use_are_no_part_of_the_picture():
    overlay = (np.arange(64 * 80).reshape(64, 80) % 2).astype(np.uint16)
    assert difference(shown(dataset(stored() | overlay << 13)).pixels, GREY) == 0
    shifted = dataset((stored() << 4) | overlay, HighBit=15)
    assert difference(shown(shifted).pixels, GREY) == 0


def test_colour_becomes_grey_by_luma(capfd):
    colour = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=2)
    want = colour @ np.array([0.299, 0.587, 0.114])
    for kind in ("RGB", "YBR_FULL"):
        values = pydicom.pixels.convert_color_space(colour, "RGB", "YBR_FULL") if kind == "YBR_FULL" else colour
        found = shown(dataset(np.ascontiguousarray(values), 8, kind))
        assert difference(found.pixels, want) <= 2
        assert "stored in colour" in found.remarks
    assert np.abs(shown(dataset(colour, 8, "RGB"), "JPEG baseline").pixels - want).mean() < 2
    assert difference(shown(dataset(colour, 8, "RGB"), "RLE").pixels, want) <= 1


def test_a_palette_is_looked_up():
    made = dataset(stored(bits=8), 8, "PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        made.add_new(pydicom.datadict.tag_for_keyword(f"{colour}PaletteColorLookupTableDescriptor"), "US", [256, 0, 16])
        table = (np.arange(256)[::-1] * 257).astype("<u2").tobytes()
        setattr(made, f"{colour}PaletteColorLookupTableData", table)
    assert difference(shown(made).pixels, 255 - GREY.astype(int)) <= 1


@pytest.mark.parametrize(
    ("attribute", "sides", "shape"),
    [
        ("PixelAspectRatio", [2, 1], (128, 80)),
        ("PixelSpacing", [0.1, 0.2], (64, 160)),
        ("ImagerPixelSpacing", [0.2, 0.2], (64, 80)),
    ],
)
def test_pixels_that_are_not_square_are_resampled(attribute, sides, shape):
    found = shown(dataset(**{attribute: sides}))
    assert found.pixels.shape == shape
    assert any("resampled to squares" in remark for remark in found.remarks) == (shape != (64, 80))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"Modality": "CT"}, r"modality must be radiography \(CR, DX, DR, RF, RG\), got CT \(computed tomography\)"),
        ({"Modality": "MR"}, r"modality must be .*, got MR \(magnetic resonance\)"),
        ({"Modality": "GEHEIM"}, "modality must be .*, got another"),
        ({"BodyPartExamined": "HAND"}, "body part must be the chest, got HAND"),
        ({"BodyPartExamined": "Geheim"}, "body part must be the chest, got another"),
        ({"NumberOfFrames": 3}, "holds 3 frames: a radiograph is one"),
        ({"PixelData": None}, "pixel data must be there, got none"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.22"}, "a DICOM file must be .*, got a structured report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "a DICOM file must be .*, got an encapsulated PDF"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1"}, "a DICOM file must be .*, got a presentation state"),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "a DICOM file must be .*, got a DICOMDIR"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "grey levels must have 8 to 16 bits, got 32 of 32"),
        ({"Rows": 65}, "truncated: the file holds 98% of its pixel data"),
        ({"Rows": 60000, "Columns": 60000}, "too large: "),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "rescale slope must not be 0, got 0"),
    ],
)
def test_what_is_no_radiograph_of_a_chest_is_refused_in_one_sentence(changed, sentence):
    with pytest.raises(ImageError, match=f"^{sentence}"):
        shown(dataset(**changed))


def test_an_unsupported_syntax_is_named():
    data = saved(dataset(PixelData=pydicom.encaps.encapsulate([b"\0" * 8])), "1.2.840.10008.1.2.4.100")
    with pytest.raises(ImageError, match="got MPEG2 Main Profile"):
        dicom_files.read(data)


@pytest.mark.parametrize(
    ("changed", "age"),
    [
        ({"PatientAge": "003Y"}, 3), ({"PatientAge": "018M"}, 1.5), ({"PatientAge": "026W"}, 0.498),
        ({"PatientAge": "010D"}, 0.027), ({"PatientAge": None}, 3.001), ({"PatientAge": "unclear"}, 3.001),
        ({"PatientAge": None, "StudyDate": "20200304"}, 2.997), ({"PatientAge": None, "StudyDate": "20200305"}, 3),
        ({"PatientAge": None, "PatientBirthDate": ""}, None), ({"PatientAge": "", "StudyDate": None}, math.nan),
        ({"PatientAge": None, "PatientBirthDate": "20210101"}, math.nan),
        ({"PatientAge": "45", "PatientBirthDate": ""}, math.nan), ({"PatientAge": "200Y"}, 3.001),
        ({"PatientAge": "999Y", "PatientBirthDate": ""}, math.nan),
        ({"PatientAge": "999Y", "StudyDate": None}, math.nan),
        ({"PatientAge": "999Y", "PatientBirthDate": "19500306"}, 70),
        ({"PatientAge": "0045Y"}, 45), ({"PatientAge": "45 years"}, 45), ({"PatientAge": "45J"}, 45),
        ({"PatientAge": "18 months"}, 1.5), ({"PatientAge": None, "PatientBirthDate": "05.03.1950"}, 70.003),
        ({"PatientAge": "000Y"}, 3.001), ({"PatientAge": "000D"}, 3.001),
        ({"PatientAge": "000Y", "PatientBirthDate": ""}, 0), ({"PatientAge": "000M", "StudyDate": "20170310"}, 0.014),
    ],
)  # fmt: skip
def test_age_is_taken_from_the_file_or_from_its_dates(changed, age):
    assert shown(dataset(**changed)).age_years == (None if age is None else pytest.approx(age, abs=0.003, nan_ok=True))


def test_an_age_that_cannot_be_told_is_remarked_and_not_called_unstated():
    told = "an age or a date of birth is stated, but the age cannot be told from it"
    assert told in checked(PatientAge="45", PatientBirthDate="unclear")
    assert "age is not stated" in checked(PatientAge=None, PatientBirthDate="")


def test_an_age_and_dates_that_contradict_each_other_are_remarked():
    told = "age and date of birth contradict each other"
    assert told in checked(PatientAge="003Y", PatientBirthDate="19500101")
    assert told not in checked(PatientAge="004Y") and told not in checked(PatientAge="003Y", StudyDate=None)


@pytest.mark.parametrize(
    ("storage", "words"), [("2", "computed tomography"), ("1.2", "mammography"), ("6.1", "ultrasound")]
)
def test_a_class_of_other_images_is_refused_whatever_modality_it_claims(storage, words):
    with pytest.raises(ImageError, match=rf"a DICOM file must be a radiograph, got {words} \(SOP class\)"):
        shown(dataset(SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{storage}"))


def test_a_view_code_of_another_view_is_remarked():
    code = pydicom.Dataset()
    code.CodeValue = "399067008"
    told = "view position is AP, but the view code is that of another view"
    assert told in checked(ViewPosition="AP", ViewCodeSequence=[code])


def test_a_view_position_with_two_values_is_another_view():
    with pytest.raises(ImageError, match=r"view position must be frontal \(AP or PA\), got another"):
        checked(ViewPosition=["PA", "LL"])


def checked(any_age=False, **changed):
    return dicom_files.check_patient(shown(dataset(**changed)), any_age=any_age)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        ("034Y", "34"),
        ("006Y", "6"),
        ("011M", "11 months"),
        ("099Y", "90 or more"),
        ("364D", "11 months"),
        ("051W", "11 months"),
        ("313W", "6"),
    ],
)
def test_another_age_than_that_of_the_training_is_refused_or_remarked(age, said):
    sentence = f"age must be 1 to 5 years, got {said}"
    with pytest.raises(ImageError, match=f"^{sentence}$"):
        checked(PatientAge=age, PatientBirthDate=None)
    assert checked(any_age=True, PatientAge=age, PatientBirthDate=None) == (sentence,)


@pytest.mark.parametrize("age", ["012M", "001Y", "005Y", "071M", "365D", "052W", "312W"])
def test_the_ages_of_the_training_pass(age):
    assert checked(PatientAge=age, PatientBirthDate=None) == ()


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("LL", "LL"), ("lateral", "LATERAL"), ("LEFT LAT", "LATERAL"), ("PA AND LATERAL", "LATERAL"), ("RLD", "RLD"),
        ("Geheim", "another"), ("AP LORDOTIC", "another"), ("PA OBLIQUE", "another"), ("30", "another"),
    ],
)  # fmt: skip
def test_a_view_that_is_not_frontal_is_refused(view, said):
    with pytest.raises(ImageError, match=rf"^view position must be frontal \(AP or PA\), got {said}$"):
        checked(ViewPosition=view)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("AP SUPINE", "AP"), ("PA ERECT", "PA"), ("PORTABLE AP", "AP"), ("CHEST PA", "PA"), ("ap, semi-erect", "AP"),
        ("FRONTAL", "FRONTAL"), ("FRONTAL PA", "PA"), ("AP/PA", "FRONTAL"), ("A.P.", "AP"), ("anteroposterior", "AP"),
    ],
)  # fmt: skip
def test_a_view_in_other_words_than_the_standards_is_understood_and_remarked(said, taken):
    assert shown(dataset(ViewPosition=said)).view == taken
    assert checked(ViewPosition=said) == (f"view position is in other words than the standard's: taken as {taken}",)


@pytest.mark.parametrize("said", ["UNKNOWN", "unk", "NOT SPECIFIED", "NONE", "PORTABLE", "CHEST ERECT"])
def test_a_view_that_says_nothing_of_the_direction_is_not_stated(said):
    assert checked(ViewPosition=said) == ("view position is not stated",)
    assert shown(dataset(ViewPosition=said, ViewCodeSequence=[coded("272479007")])).view == "PA"


def coded(value):
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator = value, "SCT"
    return code


@pytest.mark.parametrize(
    ("code", "view"),
    [
        ("399348003", "AP"), ("272479007", "PA"), ("399067008", "LATERAL"), ("399173006", "LL"), ("399198007", "RL"),
        ("R-10206", "AP"), ("R-10214", "PA"), ("R-10236", "LL"), ("R-10232", "RL"), ("399260004", "OTHER"),
    ],
)  # fmt: skip
def test_a_view_may_be_coded(code, view):
    assert shown(dataset(ViewPosition=None, ViewCodeSequence=[coded(code)])).view == view
    assert shown(dataset(ViewPosition="PA", ViewCodeSequence=[coded(code)])).view == "PA"


@pytest.mark.parametrize(
    ("sides", "said"),
    [(["A", "F"], "LATERAL"), (["P", "F"], "LATERAL"), (["PL", "FA"], "LATERAL"), (["L", "P"], "another")],
)
def test_an_orientation_from_the_side_is_refused_where_no_view_is_stated(sides, said):
    with pytest.raises(ImageError, match=rf"^view position must be frontal \(AP or PA\), got {said}$"):
        checked(ViewPosition=None, PatientOrientation=sides)
    told = "view position is PA, but patient orientation is that of another view"
    assert checked(ViewPosition="PA", PatientOrientation=sides) == (told,)


MIRRORED, DOWN, ASIDE = (
    f"patient orientation says that the picture {what}"
    for what in ("is mirrored", "is upside down", "lies on its side")
)


@pytest.mark.parametrize(
    ("sides", "remarks"),
    [
        (["L", "F"], ()), (["LH", "FL"], ()), (["R", "F"], (MIRRORED,)), (["l", "h"], (DOWN, MIRRORED)),
        (["R", "H"], (DOWN,)), (["F", "L"], (ASIDE,)), (["H", "R"], (ASIDE,)), (["Geheim", "F"], ()), ("R", ()),
        (["R", "F", "L"], ()), (["", "H"], ()),
    ],
)  # fmt: skip
def test_which_way_round_a_picture_lies_is_remarked(sides, remarks):
    assert checked(PatientOrientation=sides) == remarks
    assert checked(ViewPosition=None, PatientOrientation=sides) == (*remarks, "view position is not stated")


ODD = {
    "text is burned into the picture": {"BurnedInAnnotation": "YES"},
    "presentation intent is FOR PROCESSING: the grey levels are not meant to be looked at": {
        "PresentationIntentType": "FOR PROCESSING"
    },
    "secondary capture: the grey levels may not be those of the detector": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "modality is RF, fluoroscopy": {"Modality": "RF"},
    "body part is more than the chest": {"BodyPartExamined": "CHESTABDOMEN"},
    "modality is not stated": {"Modality": None},
}


@pytest.mark.parametrize(("remark", "changed"), ODD.items())
def test_what_is_odd_about_a_radiograph_is_remarked(remark, changed):
    assert checked(**changed) == (remark,)


@pytest.mark.parametrize(
    "changed",
    [
        {"BurnedInAnnotation": "NO"}, {"PresentationIntentType": "FOR PRESENTATION"}, {"Modality": "CR"},
        {"BodyPartExamined": "THORAX"}, {"BodyPartExamined": "TORAX"}, {"BodyPartExamined": "Torace"},
        {"BodyPartExamined": "CXR"}, {"BodyPartExamined": "LUNG"},
    ],
)  # fmt: skip
def test_what_is_as_it_should_be_is_not_remarked(changed):
    assert checked(**changed) == ()


@pytest.mark.parametrize("stated", ["YES", "NO", None])
def test_whether_text_is_burned_in_is_known(stated):
    assert shown(dataset(BurnedInAnnotation=stated)).burned_in == (stated == "YES")


@pytest.mark.parametrize("code", ["816094009", "51185008", "302551006", "39607008", "181216001", "T-D3000", "T-28000"])
def test_the_chest_may_be_coded(code):
    assert checked(BodyPartExamined=None, AnatomicRegionSequence=[coded(code)]) == ()


def test_another_part_of_the_body_may_be_coded():
    with pytest.raises(ImageError, match=r"^body part must be the chest, got another \(anatomic region\)$"):
        checked(BodyPartExamined=None, AnatomicRegionSequence=[coded("85562004")])  # a hand


def test_what_is_not_stated_is_remarked():
    assert checked(ViewPosition=None, PatientAge=None, PatientBirthDate=None, Modality=None, BodyPartExamined=None) == (
        "modality is not stated", "body part is not stated", "view position is not stated", "age is not stated",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "taken"), [(dicom_samples.UID + "1", dicom_samples.UID + "1"), ("GEHEIM.KIND.4711", ""), ("", "")]
)
def test_the_study_is_known_by_its_uid_where_that_is_one(stated, taken):
    assert dicom_files.read(saved(dataset(StudyInstanceUID=stated))).study_uid == taken
    assert dicom_files.study_uid(saved(dataset(StudyInstanceUID=stated, Modality="CT"))) == taken


@pytest.mark.parametrize("data", [b"", b"Dear colleague,", saved(dataset())[:140]], ids=["empty", "letter", "cut"])
def test_what_cannot_be_read_has_no_study(data):
    assert dicom_files.study_uid(data) == ""


@pytest.mark.parametrize("kind", [b"FD", b"UL", b"ZZ"])
def test_a_uid_of_another_kind_stops_nothing(kind):
    data = saved(dataset())
    at = data.index(b"\x20\x00\x0d\x00UI")
    assert dicom_files.read(data[: at + 4] + kind + data[at + 6 :]).study_uid == ""


def test_what_pydicom_says_reaches_neither_terminal_nor_log_and_becomes_a_remark(caplog, capfd, recwarn):
    warnings.simplefilter("always")
    data = saved(dataset()).replace(b"ISO_IR 192", b"Geheim 192")
    with caplog.at_level(logging.DEBUG):
        found = dicom_files.read(data)
        dicom_files.read_dataset(data)
    said = [*caplog.messages, *(str(warning.message) for warning in recwarn), *capfd.readouterr()]
    assert not any("Geheim" in text for text in said)
    assert found.remarks == ("the file departs from the DICOM standard, and was read nevertheless",)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_file_that_pydicom_ships_gives_pixels_or_a_sentence(path, capfd):
    try:
        found = dicom_files.read(path.read_bytes())
        assert found.pixels.dtype == np.uint8 and found.pixels.ndim == 2
    except ImageError as error:
        assert str(error) and "\n" not in str(error)
    assert capfd.readouterr() == ("", "")


@pytest.mark.long
@pytest.mark.slow
def test_the_pictures_that_pydicom_ships_have_the_values_that_pydicom_reads():
    equal, refused = 0, 0
    for path in SHIPPED:
        data = path.read_bytes()
        if not dicom_files.is_dicom(data) or "PixelData" not in dicom_files.read_dataset(data):
            continue
        try:
            values = dicom_stored_values.decode(dicom_files.read_dataset(data))
            dicom_grey_scale.show(dicom_files.read_dataset(data))
        except (ImageError, ValueError):
            refused += 1
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.name not in ("JPGExtended.dcm", "JPEG-lossy.dcm"):  # twelve bits, which pydicom cannot read
                assert difference(values, pydicom.dcmread(path).pixel_array) == 0, path.name
                equal += 1
    assert equal >= 85 and refused <= 21


APART = pytest.mark.slow  # GDCM has a process for each picture
HARMED = [(syntax, share) for syntax in SYNTAXES for share in (0.02, 0.1, 0.5, 0.9, 0.99)]


@pytest.mark.parametrize(("syntax", "share"), HARMED)
def test_a_file_that_ends_early_is_refused_without_telling_who_the_patient_is(syntax, share, capfd):
    bits = 8 if syntax == "JPEG baseline" else 12
    data = saved(dataset(stored(bits=bits), bits), syntax)
    with pytest.raises(ImageError) as caught:
        dicom_files.read(data[: int(len(data) * share)])
    assert not any(secret in str(caught.value) for secret in SECRETS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.long
@pytest.mark.parametrize(
    "syntax", [pytest.param(name, marks=[APART] * (name in dicom_samples.BY_GDCM)) for name in SYNTAXES]
)
def test_flipped_bits_raise_nothing_but_a_sentence(syntax, capfd):
    bits = 8 if syntax == "JPEG baseline" else 12
    data = saved(dataset(stored(bits=bits), bits), syntax)
    draw = np.random.default_rng(len(data))
    for trial in range(12):
        harmed = bytearray(data)
        for place in draw.integers(132 * (trial % 2), len(data) if trial % 3 else 1400, 5):
            harmed[place] ^= 1 << draw.integers(8)
        try:
            found = dicom_files.read(bytes(harmed))
            said = found.remarks
        except ImageError as error:
            said = (str(error),)
        assert not any(secret in sentence for sentence in said for secret in SECRETS)
    assert capfd.readouterr() == ("", "")


def test_data_that_end_the_decoder_of_lossless_jpeg_end_nobody_else(monkeypatch):
    from pneumo_utils.imaging import gdcm_decoding

    killed = subprocess.CompletedProcess([], -6, b"", b"terminate called after throwing")
    monkeypatch.setattr(gdcm_decoding.subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(ImageError, match="^damaged pixel data: the JPEG Lossless"):
        shown(dataset(), "JPEG lossless SV1")


def test_a_deflated_file_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(dicom_files, "_INFLATED", 2000)
    with pytest.raises(ImageError, match="^too large: a deflated DICOM file must have at most 2,000 bytes$"):
        shown(dataset(), "deflated")


def test_pydicom_is_loaded_only_where_a_dicom_file_is_read():
    check = "import sys; from pneumo_utils.imaging import dicom_files; print('pydicom' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout.strip() == "False"
