"""DICOM files of every kind, made from a drawn picture; the patient in them is invented."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

GREY = cv2.GaussianBlur(np.random.default_rng(5).random((64, 80)), (0, 0), 5)
GREY = cv2.normalize(GREY, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
UID = "1.2.826.0.1.3680043.10.9999."
DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
SYNTAXES = {
    "implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1", "deflated": "1.2.840.10008.1.2.1.99",
    "big endian": "1.2.840.10008.1.2.2", "RLE": "1.2.840.10008.1.2.5", "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90", "JPEG baseline": "1.2.840.10008.1.2.4.50",
    "JPEG extended": "1.2.840.10008.1.2.4.51", "JPEG lossless": "1.2.840.10008.1.2.4.57",
    "JPEG lossless SV1": "1.2.840.10008.1.2.4.70",
}  # fmt: skip
PATIENT = {
    "PatientName": "Geheim^Kind", "PatientID": "KENNUNG-4711", "PatientBirthDate": "20170305", "PatientSex": "F",
    "PatientAge": "003Y", "InstitutionName": "Spital Verborgen", "InstitutionAddress": "Weg 99 Nirgendwo",
    "ReferringPhysicianName": "Arzt^Verschwiegen", "AccessionNumber": "ZUGANG-0815", "StudyID": "STUDIE-7",
    "StudyDate": "20200306", "StudyTime": "101112", "StudyDescription": "Thorax von Geheim",
    "OperatorsName": "Bediener^Unbekannt", "StationName": "RAUM-XIII",
}  # fmt: skip
SECRETS = (
    "Geheim", "4711", "20170305", "2017", "Verborgen", "Nirgendwo", "Verschwiegen", "0815", "STUDIE", "Unbekannt",
    "XIII",
)  # fmt: skip
BY_GDCM = ("JPEG extended", "JPEG lossless", "JPEG lossless SV1")


def stored(grey: np.ndarray = GREY, bits: int = 12, signed: bool = False) -> np.ndarray:
    """A picture of 8 bits stretched to others."""
    values = np.rint(grey.astype(float) * ((1 << bits) - 1) / 255).astype(np.int32)
    values -= (1 << (bits - 1)) * signed
    return values.astype({(True, True): np.int8, (True, False): np.uint8, (False, True): np.int16}.get(
        (bits <= 8, signed), np.uint16))  # fmt: skip


def dataset(values: np.ndarray | None = None, bits: int = 12, kind: str = "MONOCHROME2", **changed):
    """A digital radiograph of a chest; attributes in `changed` are set, or left out where they are None."""
    from pydicom import Dataset

    values = stored(bits=bits) if values is None else values
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = DX_FOR_PRESENTATION, UID + "3"
    made.StudyInstanceUID, made.SeriesInstanceUID = UID + "1", UID + "2"
    made.Modality, made.BodyPartExamined, made.ViewPosition = "DX", "CHEST", "AP"
    made.SpecificCharacterSet, made.SeriesNumber, made.InstanceNumber = "ISO_IR 192", 1, 1
    made.Manufacturer = "Works"
    made.Rows, made.Columns = values.shape[:2]
    made.SamplesPerPixel, made.PhotometricInterpretation = (3 if values.ndim == 3 else 1), kind
    if values.ndim == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = values.dtype.itemsize * 8
    made.BitsStored, made.HighBit = bits, bits - 1
    made.PixelRepresentation = int(values.dtype.kind == "i")
    data = values.tobytes()
    made.PixelData = data + bytes(len(data) % 2)
    made["PixelData"].VR = "OW" if made.BitsAllocated > 8 else "OB"
    for keyword, value in (PATIENT | changed).items():
        if value is not None:
            setattr(made, keyword, value)
        elif keyword in made:
            delattr(made, keyword)
    return made


def saved(made, syntax: str = "explicit", preamble: bool = True) -> bytes:
    """The bytes of a file."""
    from pydicom.dataset import FileMetaDataset

    uid = SYNTAXES.get(syntax, syntax)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = SYNTAXES["explicit"]
    if syntax in ("RLE", "JPEG-LS", "JPEG 2000"):
        made.compress(uid, generate_instance_uid=False)
    elif syntax == "JPEG baseline":
        _compress_baseline(made)
    elif syntax in BY_GDCM:
        return _recoded(saved(made), syntax)
    if syntax == "big endian":
        values = np.frombuffer(made.PixelData, f"<u{made.BitsAllocated // 8}")
        made.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
    made.file_meta.TransferSyntaxUID = uid
    file = io.BytesIO()
    if not preamble:
        del made.file_meta
    implicit, little = uid == SYNTAXES["implicit"], syntax != "big endian"
    options = {"implicit_vr": implicit, "little_endian": little}
    if preamble:
        made.save_as(file, enforce_file_format=True, overwrite=True)
    else:
        made.save_as(file, **options)
    return file.getvalue()


def lut(values, first: int, bits: int, keyword: str):
    """An item of a sequence of tables of grey levels."""
    from pydicom import Dataset, Sequence

    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(values) % 65536, first, bits])
    item.add_new("LUTData", "US", [int(value) for value in values])
    if keyword == "ModalityLUTSequence":
        item.ModalityLUTType = "US"
    return Sequence([item])


def _compress_baseline(made) -> None:
    from pydicom.encaps import encapsulate

    shape = (made.Rows, made.Columns, made.SamplesPerPixel)
    pixels = np.frombuffer(made.PixelData, np.uint8)[: np.prod(shape)].reshape(shape).squeeze()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=97)
    made.PixelData = encapsulate([file.getvalue()])
    made["PixelData"].is_undefined_length = True
    if made.SamplesPerPixel == 3:
        made.PhotometricInterpretation = "YBR_FULL_422"


def _recoded(data: bytes, syntax: str) -> bytes:
    """Compressed by GDCM, which takes files alone."""
    import gdcm

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.dcm", Path(folder) / "after.dcm"
        before.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(before))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(SYNTAXES[syntax])))
        change.SetInput(reader.GetImage())
        if syntax == "JPEG extended":
            codec = gdcm.JPEGCodec()
            codec.SetLossless(False)
            codec.SetQuality(97)
            change.SetUserCodec(codec)
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return after.read_bytes()
