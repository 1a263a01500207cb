"""Which of the files that pydicom ships are shown as radiographs, and why the others are not."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from pneumo_utils.imaging import dicom_files
from pneumo_utils.imaging.image_files import ImageError

FILES = {path.name: path for path in (Path(pydicom.__file__).parent / "data").rglob("*") if path.is_file()}
SHOWN = {
    "GDCMJ2K_TextGBR.dcm": (400, 400),
    "JPEGLSNearLossless_08.dcm": (45, 10),
    "JPEGLSNearLossless_16.dcm": (50, 10),
    "SC_jpeg_no_color_transform.dcm": (256, 256),
    "SC_jpeg_no_color_transform_2.dcm": (256, 256),
    "SC_rgb_jls_lossy_line.dcm": (100, 100),
    "SC_rgb_jls_lossy_sample.dcm": (100, 100),
    "SC_rgb_jpeg_app14_dcmd.dcm": (256, 256),
}


@pytest.mark.parametrize("name", SHOWN)
def test_secondary_captures_are_shown_in_grey_at_their_size(name):
    assert dicom_files.read(FILES[name].read_bytes()).pixels.shape == SHOWN[name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("README.md", "not a DICOM file"),
        ("CT_small.dcm", "modality must be radiography (CR, DX, DR, RF, RG), got CT (computed tomography)"),
        ("examples_overlay.dcm", "modality must be radiography (CR, DX, DR, RF, RG), got MR (magnetic resonance)"),
        ("rtdose.dcm", "modality must be radiography (CR, DX, DR, RF, RG), got RTDOSE (radiotherapy dose)"),
        ("hotiron.dcm", "a DICOM file must be a radiograph, got a colour palette"),
        ("liver_1frame.dcm", "a DICOM file must be a radiograph, got a segmentation or registration"),
        ("reportsi.dcm", "a DICOM file must be a radiograph, got a structured report"),
        ("waveform_ecg.dcm", "a DICOM file must be a radiograph, got a waveform"),
        ("priv_SQ.dcm", "a DICOM file must be a radiograph, got magnetic resonance (SOP class)"),
    ],
)
def test_what_is_no_radiograph_is_refused_by_what_it_is(name, said):
    with pytest.raises(ImageError) as refused:
        dicom_files.read(FILES[name].read_bytes())
    assert str(refused.value).startswith(said)
