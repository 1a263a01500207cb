"""What is in the data folder: one row a readable radiograph, one row a file that had to be left out."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from pneumo_utils.datasets import acquisition_properties, filenames, folder_layout
from pneumo_utils.imaging import decoding
from pneumo_utils.records import progress, tables
from pneumo_utils.records.vocabulary import LABELS

# Kermany 2018 as Kaggle packs it; the Mendeley zip has the 16 of val in train
PUBLISHED = {
    ("train", "NORMAL"): 1341,
    ("train", "PNEUMONIA"): 3875,
    ("val", "NORMAL"): 8,
    ("val", "PNEUMONIA"): 8,
    ("test", "NORMAL"): 234,
    ("test", "PNEUMONIA"): 390,
}
_CLASS = {label: name for name, label in LABELS.items()}


class ManifestError(ValueError):
    """The data folder holds no usable study."""


def build(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read every file under the class folders once: digest, size, whether it decodes, how it was taken and saved.

    Args:
        root: a folder as `folder_layout.locate` accepts it.

    Returns:
        contracts `manifest`, `exclusions` and `acquisition` (the rows of `manifest`), sorted by `path`, which is
        relative to `folder_layout.locate(root)`.

    Raises:
        ValueError: a `folder_layout.LayoutError` where the folder is not in the published layout, a `ManifestError`
            where no image of a class is readable.
    """
    root = folder_layout.locate(root)
    paths = folder_layout.list_files(root)
    with ThreadPoolExecutor() as pool:  # OpenCV and hashlib let go of the interpreter while they work
        read = pool.map(lambda path: _row(root, path), paths)
        rows = list(progress.track(read, "reading radiographs", len(paths)))
    kept = [row for row in rows if "reason" not in row]
    bad = [row for row in rows if "reason" in row]
    _check_every_class(kept, bad)
    return _table("manifest", kept), _table("exclusions", bad), _table("acquisition", kept)


def _table(name: str, rows: list[dict]) -> pd.DataFrame:
    return tables.check(name, pd.DataFrame(rows, columns=list(tables.CONTRACTS[name])))


def _row(root: Path, path: str) -> dict:
    part, folder = path.split("/")[:2]
    if not filenames.is_image(path):
        return {"path": path, "reason": f"its ending is none of {', '.join(filenames.ENDINGS)}"}
    try:
        data = (root / path).read_bytes()
        pixels = decoding.decode(data)
        mode = decoding.stored_mode(data)
    except decoding.ImageError as error:
        return {"path": path, "reason": str(error)}
    except OSError as error:
        return {"path": path, "reason": f"cannot be read: {error.strerror}"}
    name = filenames.parse(path, folder)
    return {
        "path": path,
        "patient": name.patient,
        "label": LABELS[folder],
        "etiology": name.etiology,
        "part": part,
        "series": name.series,
        "number": name.number,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "mode": mode,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    } | acquisition_properties.measure(data, pixels)


def _check_every_class(kept: list[dict], bad: list[dict]) -> None:
    readable = {_folder(row["path"]) for row in kept}
    for row in bad:
        folder = _folder(row["path"])
        if folder not in readable:
            count = sum(_folder(other["path"]) == folder for other in bad)
            first = f"{row['path'].rpartition('/')[2]}: {row['reason']}"
            raise ManifestError(f"{folder} must hold a readable image, got {count} unusable files ({first})")


def _folder(path: str) -> str:
    return "/".join(path.split("/")[:2])


def has_patients(manifest: pd.DataFrame) -> bool:
    """Whether file names tell patients apart; if not (MedMNIST), every picture is its own patient."""
    return bool((manifest["series"] != filenames.UNKNOWN).any())


def patient_ids(manifest: pd.DataFrame) -> pd.DataFrame:
    """Name every picture's patient by each of `filenames.READINGS`.

    Args:
        manifest: contract `manifest`; any number of rows.

    Returns:
        one row a row of `manifest`, one text column a reading; a picture without a number is its own patient.
    """
    unnumbered = manifest["number"].isna()
    ids = {}
    for reading, columns in filenames.READINGS.items():
        joined = manifest[columns[0]].astype("str")
        for column in columns[1:]:
            joined = joined + "-" + manifest[column].astype("str")
        ids[reading] = joined.mask(unnumbered, manifest["path"])
    return manifest[[]].assign(**ids)


def overlap(manifest: pd.DataFrame, first: str = "train", second: str = "test") -> pd.DataFrame:
    """Count the patients that stand in two parts at once, by each of `filenames.READINGS`.

    Args:
        manifest: contract `manifest`.
        first: a value of its column `part`.
        second: another one.

    Returns:
        one row a reading: `reading`, `patients` (in all parts), `shared` (patients in both) and `images`
        (pictures of `second` that belong to a shared patient).
    """
    rows, ids = [], patient_ids(manifest)
    for reading in filenames.READINGS:
        one, other = (ids.loc[manifest["part"] == part, reading] for part in (first, second))
        shared = set(one) & set(other)
        rows.append((reading, ids[reading].nunique(), len(shared), int(other.isin(shared).sum())))
    return pd.DataFrame(rows, columns=["reading", "patients", "shared", "images"])


def published_counts(manifest: pd.DataFrame) -> list[str]:
    """Compare with the published set: one sentence a part and class that differs, or one that all is there.

    Args:
        manifest: contract `manifest`; without any row of `val`, the 16 of `val` are expected in `train`.
    """
    expected, note = dict(PUBLISHED), ""
    if "val" not in set(manifest["part"]):
        for name in folder_layout.CLASSES:
            expected["train", name] += expected.pop(("val", name))
        note = " (the 16 of val are in train, as in the Mendeley zip)"
    found = manifest.groupby(["part", manifest["label"].map(_CLASS)]).size().to_dict()
    differing = [_difference(place, found.get(place, 0), count) for place, count in expected.items()]
    sentences = [sentence for sentence in differing if sentence]
    return sentences or [f"all {sum(PUBLISHED.values()):,} published images are there{note}"]


def _difference(place: tuple[str, str], found: int, expected: int) -> str:
    if found == expected:
        return ""
    difference = f"{abs(found - expected):,} {'more' if found > expected else 'fewer'}"
    return f"{'/'.join(place)} has {found:,} images, {difference} than the {expected:,} published"


def duplicate_groups(manifest: pd.DataFrame) -> pd.DataFrame:
    """Group byte-identical files.

    Args:
        manifest: contract `manifest`.

    Returns:
        one row a group of two or more: `sha256`, `n`, `parts` and `classes` (comma-separated), `patients`
        (how many), `crosses_part`, `crosses_class`; largest first, empty where every file is unique.
    """
    copies = manifest[manifest.duplicated("sha256", keep=False)].assign(name=manifest["label"].map(_CLASS))
    groups = copies.groupby("sha256")
    table = pd.DataFrame(
        {
            "n": groups.size(),
            "parts": groups["part"].agg(_join_names),
            "classes": groups["name"].agg(_join_names),
            "patients": groups["patient"].nunique(),
            "crosses_part": groups["part"].nunique() > 1,
            "crosses_class": groups["name"].nunique() > 1,
        }
    )
    return table.reset_index().sort_values(["n", "sha256"], ascending=[False, True], ignore_index=True)


def _join_names(values: pd.Series) -> str:
    return ", ".join(sorted(set(values)))
