"""What the header of a DICOM file says: whether it is a radiograph of a chest, and how old the patient was.

Values are quoted in sentences only where they are terms that the standard defines. Free text may hold anything, a name
too.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import TYPE_CHECKING

from pneumo_utils.imaging.image_files import ImageError

if TYPE_CHECKING:
    from pydicom import Dataset

_RADIOGRAPHY = ("CR", "DX", "DR", "RF", "RG")
_MODALITIES = {  # PS3.3 C.7.3.1.1.1
    "CT": "computed tomography", "MR": "magnetic resonance", "US": "ultrasound", "NM": "nuclear medicine",
    "PT": "positron emission tomography", "MG": "mammography", "XA": "angiography", "IO": "intra-oral radiography",
    "PX": "panoramic radiography", "OT": "other", "XC": "photography", "GM": "general microscopy",
    "SM": "slide microscopy", "ES": "endoscopy", "OP": "ophthalmic photography", "ECG": "electrocardiography",
    "HD": "haemodynamics", "BMD": "bone densitometry", "IVUS": "intravascular ultrasound", "SEG": "segmentation",
    "REG": "registration", "DOC": "document", "SR": "structured report", "PR": "presentation state",
    "KO": "key object selection", "RTIMAGE": "radiotherapy image", "RTDOSE": "radiotherapy dose",
    "RTSTRUCT": "radiotherapy structures", "RTPLAN": "radiotherapy plan",
}  # fmt: skip
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SECONDARY_CAPTURE = _STORAGE + "7"
_NO_RADIOGRAPHS = {  # how SOP class UIDs begin, PS3.4 B.5
    "1.2.840.10008.1.3.10": "a DICOMDIR, the index of a medium",
    _STORAGE + "88.": "a structured report",
    _STORAGE + "104.1": "an encapsulated PDF",
    _STORAGE + "104.": "an encapsulated document",
    _STORAGE + "11.": "a presentation state",
    _STORAGE + "9.": "a waveform",
    _STORAGE + "66.": "a segmentation or registration",
    "1.2.840.10008.5.1.4.39.": "a colour palette",
    "1.2.840.10008.5.1.4.38.": "a hanging protocol",
}
_OTHER_IMAGES = {  # pictures that are none, whatever their modality is said to be
    _STORAGE + "2": "computed tomography", _STORAGE + "4": "magnetic resonance", _STORAGE + "6": "ultrasound",
    _STORAGE + "3": "ultrasound", _STORAGE + "20": "nuclear medicine", _STORAGE + "128": "positron emission tomography",
    _STORAGE + "1.2": "mammography", _STORAGE + "1.3": "intra-oral radiography", _STORAGE + "77.1": "visible light",
    _STORAGE + "481": "radiotherapy",
}  # fmt: skip
_CHEST = ("CHEST", "THORAX", "TORAX", "TORACE", "CXR", "LUNG")
_CHEST_CODES = ("816094009", "51185008", "302551006", "39607008", "181216001", "T-D3000", "T-28000")
_BODY_PARTS = (  # terms of PS3.16 annex L that radiographs have
    "ABDOMEN", "ABDOMENPELVIS", "ANKLE", "ARM", "BREAST", "CALCANEUS", "CALF", "CLAVICLE", "COCCYX", "CSPINE",
    "CTSPINE", "ELBOW", "EXTREMITY", "EYE", "FACE", "FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HEADNECK",
    "HEEL", "HIP", "HUMERUS", "JAW", "KNEE", "LEG", "LLEG", "LSPINE", "LSSPINE", "MANDIBLE", "MAXILLA", "NECK", "NOSE",
    "ORBIT", "PATELLA", "PELVIS", "RADIUS", "RIB", "SCAPULA", "SHOULDER", "SINUS", "SKULL", "SPINE", "SSPINE",
    "STERNUM", "THIGH", "THUMB", "TIBIA", "TLSPINE", "TMJ", "TOE", "TSPINE", "ULEG", "ULNA", "WHOLEBODY", "WRIST",
    "ZYGOMA",
)  # fmt: skip
_APART = 1.5  # years between an age and the dates beside it, which a birthday and a typing error explain
_OLDEST = 130  # years that a life lasts, at most
_GROWN = 18  # years from which on the year of birth alone tells that a patient is no child
_DAYS = {"D": 1, "W": 7, "M": 365.25 / 12, "Y": 365.25}
# As the standard has it, 003Y, and in words that people and devices write for it: 45 Y, 45YR, 45 years, 45J (German).
_AGE = re.compile(r"0*(\d{1,3})\s*(D|W|M|Y)(?:AYS?|EEKS?|ONTHS?|EARS?|RS?|O)?|0*(\d{1,3})\s*(?:J|JAHRE)")


def text(dataset: Dataset, keyword: str) -> str:
    """The first value of an attribute, in capitals and without spaces around; empty where there is none."""
    value = first(dataset, keyword)
    return "" if value is None else str(value).strip(" \0").upper()


def first(dataset: Dataset, keyword: str) -> object:
    """The first value of an attribute; None where there is none."""
    value = dataset.get(keyword)
    if are_several(value):
        return value[0] if len(value) else None
    return value


def are_several(value: object) -> bool:
    """Whether an attribute has a list of values."""
    return isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue"


def uid(dataset: Dataset, keyword: str) -> str:
    """A UID; empty where there is none, or what is there is none by the standard."""
    from pydicom.uid import UID

    try:
        found = text(dataset, keyword)
    except Exception:  # pydicom raises what it likes over an attribute that is of another kind
        return ""
    return found if UID(found).is_valid else ""


def check_kind(dataset: Dataset) -> tuple[str, ...]:
    """Let pass what may be a radiograph of a chest.

    Args:
        dataset: the whole file.

    Returns:
        remarks.

    Raises:
        ImageError: no image, another modality, or another part of the body.
    """
    said = text(dataset, "SOPClassUID") or text(getattr(dataset, "file_meta", {}), "MediaStorageSOPClassUID")
    for beginning, words in _NO_RADIOGRAPHS.items():
        if said.startswith(beginning):
            raise ImageError(f"a DICOM file must be a radiograph, got {words}")
    modality = _check_modality(text(dataset, "Modality"))
    for one, words in _OTHER_IMAGES.items():
        if said == one or said.startswith(one + "."):
            raise ImageError(f"a DICOM file must be a radiograph, got {words} (SOP class)")
    remarks = [modality, _check_body_part(dataset)]
    if said == _SECONDARY_CAPTURE:
        remarks.append("secondary capture: the grey levels may not be those of the detector")
    if text(dataset, "PresentationIntentType") == "FOR PROCESSING":
        remarks.append("presentation intent is FOR PROCESSING: the grey levels are not meant to be looked at")
    if has_burned_in_text(dataset):
        remarks.append("text is burned into the picture")
    return tuple(remark for remark in remarks if remark)


def _check_modality(said: str) -> str:
    if said in _RADIOGRAPHY:
        return "modality is RF, fluoroscopy" if said == "RF" else ""
    if not said:
        return "modality is not stated"
    got = f"{said} ({_MODALITIES[said]})" if said in _MODALITIES else "another"
    raise ImageError(f"modality must be radiography ({', '.join(_RADIOGRAPHY)}), got {got}")


def _check_body_part(dataset: Dataset) -> str:
    said = text(dataset, "BodyPartExamined")
    if said and not any(word in said for word in _CHEST):
        raise ImageError(f"body part must be the chest, got {said if said in _BODY_PARTS else 'another'}")
    if not said:
        regions = dataset.get("AnatomicRegionSequence") or []
        if not len(regions):
            return "body part is not stated"
        if text(regions[0], "CodeValue") not in _CHEST_CODES:
            raise ImageError("body part must be the chest, got another (anatomic region)")
    return "body part is more than the chest" if re.search("ABD|PELVIS|NECK|SPINE", said) else ""


def has_burned_in_text(dataset: Dataset) -> bool:
    """Whether the file says that text which may tell who the patient is stands in the picture (PS3.3 C.7.6.1)."""
    return text(dataset, "BurnedInAnnotation") == "YES"


def age_of(dataset: Dataset) -> float | None:
    """Age in years when the picture was taken, from Patient's Age, or else from the dates of birth and of the study.

    Returns:
        at least 0 and at most `_OLDEST`; NaN where something is stated that does not tell it; None where nothing is.
    """
    said = text(dataset, "PatientAge")
    years = _stated_age(said)
    if years:
        return years
    of_dates = _age_of_dates(dataset)
    if of_dates is not None or years is not None:  # devices write 000Y or 000D where nobody has typed an age
        return of_dates or 0.0
    return math.nan if said or text(dataset, "PatientBirthDate") else None


def check_dates(dataset: Dataset) -> tuple[str, ...]:
    """A remark where Patient's Age and the dates of birth and of the study are years apart."""
    years, of_dates = _stated_age(text(dataset, "PatientAge")), _age_of_dates(dataset)
    apart = years and of_dates is not None and abs(years - of_dates) > _APART
    return ("age and date of birth contradict each other",) if apart else ()


def _stated_age(said: str) -> float | None:
    """Years of Patient's Age, 0 where nobody has typed one; None where it is not understood, or none, as 999Y."""
    stated = _AGE.fullmatch(said)
    years = _years(int(stated[1] or stated[3]), stated[2] or "Y") if stated else None
    return years if years is None or years <= _OLDEST else None


def _years(count: int, unit: str) -> float:
    """Age in years. So many completed days or weeks may be nearly one more, and a birthday that may have been counts:
    365 days and 52 weeks are a year.
    """
    years = count * _DAYS[unit] / 365.25
    return max(years, (count + 1) * _DAYS[unit] // 365.25) if unit in "DW" else years


def _age_of_dates(dataset: Dataset) -> float | None:
    """By the first date of the study that a life allows: some devices write 19000101 where they know none."""
    born, whole = _date(dataset, "PatientBirthDate"), True
    if born is None:
        born, whole = _latest_birth(text(dataset, "PatientBirthDate")), False
    if born is None:
        return None
    for keyword in ("AcquisitionDate", "AcquisitionDateTime", "ContentDate", "SeriesDate", "StudyDate"):
        taken = _date(dataset, keyword)
        if taken is not None and 0 <= (years := _age_at(born, taken)) <= _OLDEST:
            return years if whole or years >= _GROWN else None
    return None


def _latest_birth(said: str) -> date | None:
    """The last day of the year of a date without its day, as 1950 and 19500000: enough to tell an adult."""
    year = re.match(r"(?:19|20)\d\d(?=[./-]|\d\d\b|\d{4}\b|$)", said)
    return date(int(year[0]), 12, 31) if year else None


def _age_at(born: date, taken: date) -> float:
    completed = taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
    return min(max((taken - born).days / 365.25, completed), completed + 0.999)  # leap days move no birthday


def _date(dataset: Dataset, keyword: str) -> date | None:
    said = text(dataset, keyword)
    found = re.match(r"(\d{4})[./-]?(\d\d)[./-]?(\d\d)", said)
    day_first = re.fullmatch(r"(\d\d)[./](\d\d)[./](\d{4})", said)
    try:
        if day_first:  # or the month first: a year tells an adult either way
            return date(int(day_first[3]), *sorted(map(int, day_first.groups()[:2])))
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def check_age(age_years: float | None, least: float, largest: float, any_age: bool) -> str:
    """Ask whether a patient is as old as the children whom the networks were trained on.

    Args:
        age_years: as `age_of` returns it.
        least: age in completed years.
        largest: likewise.
        any_age: remark on other ages instead of refusing them.

    Returns:
        a remark, empty where there is nothing to say.

    Raises:
        ImageError: of another age.
    """
    if age_years is None:
        return "age is not stated"
    if math.isnan(age_years):
        return "an age or a date of birth is stated, but the age cannot be told from it"
    if least <= age_years < largest + 1:
        return ""
    months, years = int(age_years * 12 + 1e-6), int(age_years)
    # ages above 89 can identify (45 CFR 164.514), so they are not told apart
    got = f"{months} months" if years < 1 else "90 or more" if years >= 90 else f"{years}"
    sentence = f"age must be {least:g} to {largest:g} years, got {got}"
    if not any_age:
        raise ImageError(sentence)
    return sentence
