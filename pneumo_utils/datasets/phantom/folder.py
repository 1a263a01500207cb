"""Writes synthetic radiographs as a folder laid out and named like the published set, with the truth beside.

`<folder>/chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg` are the radiographs, `<folder>/truth/lungs`
and `<folder>/truth/lesion` mirror their paths with masks (`.png`), `<folder>/phantom.json` has the settings.
The quirks of the published set are drawn on purpose: counters of bacteria and virus that run independently,
two series of normals, a `val` made of the last training patients, copies under other names, and, if asked
for, its acquisition shortcut.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from pneumo_utils.datasets import cache_folder
from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.records.atomic import atomic_folder, restore

_SETTINGS = "phantom.json"
_LABELS = {"normal": "NORMAL", "bacterial": "PNEUMONIA", "viral": "PNEUMONIA"}
_WORDS = {"bacterial": "bacteria", "viral": "virus"}  # as the published file names say it
_PATIENTS = {"normal": 0.43, "bacterial": 0.33, "viral": 0.24}  # share of the patients
_VIEWS = {  # probability of 1, 2, … images a patient
    "normal": (0.93, 0.05, 0.02),
    "bacterial": (0.5, 0.25, 0.15, 0.1),
    "viral": (0.6, 0.25, 0.1, 0.05),
}
_TEST, _VAL = 0.17, 0.02  # share of the patients of an etiology; val holds no viral ones, as published
_COPIES = 100  # one image in so many is a copy under another name
_FIRST = {("IM", "test"): 1, ("NORMAL2-IM", "test"): 7, ("IM", "train"): 115, ("NORMAL2-IM", "train"): 383}


@dataclass(frozen=True)
class _View:
    """One picture to draw; the same view under two names becomes two byte-identical files."""

    patient_seed: int
    view_seed: int
    height: int
    width: int
    quality: int  # of the JPEG, 0 to 100


@dataclass
class _Patient:
    etiology: str
    part: str
    views: list[_View] = field(default_factory=list)


def write(folder: Path, *, patients: int, seed: int, shortcut: bool) -> Path:
    """Write the data set, whole or not at all; a whole one with the same settings is used again.

    A folder that this function wrote with other settings, or with an older drawing, is replaced.

    Args:
        folder: where to write; its parent is made if need be. `<folder>.part` and `<folder>.old` beside it
            are used meanwhile.
        patients: number of patients, at least 8; about 1.5 images each.
        seed: at least 0; everything random follows from it.
        shortcut: save NORMAL at JPEG quality 95 and PNEUMONIA at 75 in train and val, and all at 75 in test,
            as published; otherwise quality is drawn alike for all.

    Returns:
        `folder / "chest_xray"`.

    Raises:
        ValueError: an argument breaks its rule, or `folder` holds something that this function did not write.
    """
    for name, value, least in (("patients", patients, 8), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    settings = {"patients": int(patients), "seed": int(seed), "shortcut": bool(shortcut)}
    settings["version"] = radiograph.VERSION
    restore(folder)  # what a user has laid into it must be found
    pictures, stored = _plan(np.random.default_rng(seed), patients, shortcut), _stored(folder)
    drawn = all(stored.get(name) == value for name, value in settings.items())  # by this very function
    if drawn and stored.get("sha256") == _digest(folder, pictures):
        return folder / "chest_xray"
    if folder.exists() and not (folder / _SETTINGS).is_file() and (folder.is_file() or any(folder.iterdir())):
        raise ValueError(f"folder must be new, empty or written by the phantom, got {folder}")
    with atomic_folder(folder) as part:
        _save_all(part, pictures)
        (part / _SETTINGS).write_text(json.dumps(settings | {"sha256": _digest(part, pictures)}, indent=1) + "\n")
        if drawn:
            cache_folder.carry_over(folder, part)
    return folder / "chest_xray"


def truth(folder: Path, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Read what was drawn in a radiograph.

    Args:
        folder: as given to `write`.
        path: of the radiograph relative to `folder / "chest_xray"`, e.g. `train/NORMAL/IM-0115-0001.jpeg`.

    Returns:
        Lung fields and lesion, bool, shape (height, width) of the radiograph.

    Raises:
        FileNotFoundError: no truth is stored for that radiograph.
    """
    masks = []
    for kind in ("lungs", "lesion"):
        file = (folder / "truth" / kind / path).with_suffix(".png")
        if not file.is_file():
            raise FileNotFoundError(f"path must be a radiograph of the phantom in {folder}, got {path!r}")
        masks.append(cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE) > 0)
    return masks[0], masks[1]


def is_drawn(folder: Path) -> bool:
    """Whether `folder`, as given to `write`, was written by the phantom."""
    return (folder / _SETTINGS).is_file()


def lesions(folder: Path, paths: Iterable[str], size: int) -> list[np.ndarray] | None:
    """The true lesions of several radiographs, squashed to squares as the networks see them.

    Args:
        folder: as given to `write`; any other folder holds no truth.
        paths: of the radiographs, as for `truth`.
        size: side of the square in pixels.

    Returns:
        bool (size, size) each; None where `folder` was not written by the phantom.
    """
    if not is_drawn(folder):
        return None
    masks = [truth(folder, path)[1].view(np.uint8) for path in paths]
    return [cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST) > 0 for mask in masks]


def _stored(folder: Path) -> dict:
    """What the folder says of itself; empty where it says nothing."""
    try:
        found = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(folder: Path, pictures: Iterable[str]) -> str:
    """SHA-256 over name and content of every picture and truth, so that a lost, cut or flipped one is noticed; empty
    where one is not there. What else lies in the folder is its user's.
    """
    found = hashlib.sha256()
    files = [Path("chest_xray", path) for path in pictures]
    files += [Path("truth", kind, path).with_suffix(".png") for kind in ("lungs", "lesion") for path in pictures]
    for path in sorted(files):
        try:
            content = (folder / path).read_bytes()
        except OSError:
            return ""
        found.update(path.as_posix().encode() + b"\0" + hashlib.sha256(content).digest())
    return found.hexdigest()


def _save_all(folder: Path, pictures: dict[str, tuple[str, _View]]) -> None:
    for kind in ("chest_xray", "truth/lungs", "truth/lesion"):
        for place in {Path(path).parent for path in pictures}:
            (folder / kind / place).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda item: _save(folder, *item), pictures.items()))


def _save(folder: Path, path: str, picture: tuple[str, _View]) -> None:
    etiology, view = picture
    seeds = (view.patient_seed, view.view_seed)
    drawn = radiograph.draw(etiology, *seeds, height=view.height, width=view.width)
    encoded = cv2.imencode(".jpeg", drawn.pixels, [cv2.IMWRITE_JPEG_QUALITY, view.quality])[1]
    (folder / "chest_xray" / path).write_bytes(encoded.tobytes())
    for kind, mask in (("lungs", drawn.lungs), ("lesion", drawn.lesion)):
        encoded = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
        (folder / "truth" / kind / path).with_suffix(".png").write_bytes(encoded.tobytes())


def _plan(rng: np.random.Generator, patients: int, shortcut: bool) -> dict[str, tuple[str, _View]]:
    """Path below `chest_xray` -> etiology and view of every picture of the set."""
    pictures = {}
    counts = {etiology: round(share * patients) for etiology, share in _PATIENTS.items()}
    counts["viral"] += patients - sum(counts.values())
    for etiology, count in counts.items():
        cohort = [_patient(rng, etiology, part) for part in _parts(etiology, count)]
        _copy_some(rng, cohort)
        names = _normal_names(rng, cohort) if etiology == "normal" else _person_names(rng, cohort)
        views = [(patient.part, view) for patient in cohort for view in patient.views]
        for name, (part, view) in zip(names, views, strict=True):
            if shortcut:
                quality = 95 if etiology == "normal" and part != "test" else 75
                view = _View(**(asdict(view) | {"quality": quality}))
            pictures[f"{part}/{_LABELS[etiology]}/{name}.jpeg"] = (etiology, view)
    return pictures


def _parts(etiology: str, count: int) -> list[str]:
    """The part of each patient in the order of numbering: test early, val the last of train."""
    test = max(1, round(_TEST * count))
    val = 0 if etiology == "viral" else max(1, round(_VAL * count))
    train = count - test - val
    before = min(train, 1 + train // 8) if etiology == "bacterial" else 0
    return ["train"] * before + ["test"] * test + ["train"] * (train - before) + ["val"] * val


def _patient(rng: np.random.Generator, etiology: str, part: str) -> _Patient:
    patient, patient_seed = _Patient(etiology, part), int(rng.integers(2**62))
    for _ in range(1 + rng.choice(len(_VIEWS[etiology]), p=_VIEWS[etiology])):
        # size, shape and quality are drawn alike for all etiologies, so that they tell nothing
        width, aspect = rng.integers(240, 481), rng.uniform(1.0, 1.6)
        height, quality = round(width / aspect), int(rng.integers(75, 96))
        patient.views.append(_View(patient_seed, int(rng.integers(2**62)), height, int(width), quality))
    return patient


def _copy_some(rng: np.random.Generator, cohort: list[_Patient]) -> None:
    """Give some images a second name, in turn with the same patient and with a neighbour in the same part."""
    for turn in range(max(1, round(sum(len(patient.views) for patient in cohort) / _COPIES))):
        at = int(rng.integers(len(cohort)))
        near = cohort[min(at + turn % 2, len(cohort) - 1)]
        heir = near if near.part == cohort[at].part else cohort[at]
        heir.views.append(cohort[at].views[0])


def _person_names(rng: np.random.Generator, cohort: list[_Patient]) -> list[str]:
    """`person<N>_<word>_<K>`: N counts patients with gaps, K images."""
    names, number = [], 0
    for patient in cohort:
        number += 1 if not names or rng.random() < 0.9 else 2
        start = len(names) + 1
        names += [f"person{number}_{_WORDS[patient.etiology]}_{start + k}" for k in range(len(patient.views))]
    return names


def _normal_names(rng: np.random.Generator, cohort: list[_Patient]) -> list[str]:
    """`IM-<N>-0001` and `NORMAL2-IM-<N>-0001`, with `-0001`, `-0002`, … where a patient has several."""
    names, following = [], dict(_FIRST)
    for turn, patient in enumerate(cohort):
        series = "IM" if turn % 2 and patient.part != "val" else "NORMAL2-IM"
        block = (series, "test" if patient.part == "test" else "train")
        number = following[block]
        following[block] = number + (1 if rng.random() < 0.7 else 2)
        stem, several = f"{series}-{number:04d}-0001", len(patient.views) > 1
        names += [f"{stem}-{k:04d}" if several else stem for k in range(1, len(patient.views) + 1)]
    return names
