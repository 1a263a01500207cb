"""What is in the data folder: one row per readable radiograph, one row per file that had to be left out."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pandas as pd

from pneumo_utils.datasets import filenames, folder_layout, passed_over, patient_table, radiograph_rows
from pneumo_utils.datasets.folder_contents import CLASSES
from pneumo_utils.imaging import image_files
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
_log = logging.getLogger(__name__)
_CLASS = {label: name for name, label in LABELS.items()}
_LOOKED_AT = 48  # files of each folder, evenly spaced, of which most must be pictures before anything is trained


class ManifestError(ValueError):
    """The data folder holds no usable study."""


def build(
    folder: Path, *, patients: str | Path = "", smallest_side: int = 1, least_grey_range: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read every file under the class folders once: digest, size, whether it decodes, how it was taken and saved.

    Args:
        folder: as `folder_layout.locate` accepts it.
        patients: CSV file for `patient_table.read_table`, whose word goes before that of file names; "" for none.
        smallest_side: pictures with a side below it are left out; pixels.
        least_grey_range: pictures whose grey levels from the 1st to the 99th percentile span less are left out.

    Returns:
        contracts `manifest`, `exclusions` (with all else that lies in `folder`) and `acquisition` (the rows of
        `manifest`), sorted by `path`, which is relative to `folder_layout.locate(folder)`.

    Raises:
        ValueError: a `folder_layout.LayoutError` where the folder is not in the published layout, a
            `patient_table.PatientTableError`, or a `ManifestError` where no image of a class is readable.
        OSError: the disk, not a file, cannot be read, or too many files are open; so is a `MemoryError`: no fault of a
            radiograph, which is not left out for it.
    """
    folder = Path(folder).expanduser()
    root = folder_layout.locate(folder)
    paths = folder_layout.list_files(root)
    given = _read_patients(patients, paths)
    with ThreadPoolExecutor() as pool:  # OpenCV and hashlib let go of the interpreter while they work
        read = pool.map(lambda path: radiograph_rows.read(root, path, smallest_side, least_grey_range), paths)
        rows = list(progress.track(read, "reading radiographs", len(paths)))
    kept = _tell_apart([row for row in rows if "reason" not in row])
    kept = [row | {"patient": given.get(row["path"], row["patient"])} for row in kept]
    bad = [row for row in rows if "reason" in row]
    _check_every_class(kept, bad)
    left_out = [{"files": 1} | row for row in bad]
    for one in passed_over.find(folder, root):
        left_out.append(one._asdict() | {"path": radiograph_rows.printable(one.path)})
    left_out.sort(key=lambda row: row["path"])
    return _table("manifest", kept), _table("exclusions", left_out), _table("acquisition", kept)


def check(folder: Path, *, patients: str | Path = "", smallest_side: int = 1, least_grey_range: int = 0) -> None:
    """Tell in seconds what `build`, or the split after it, would refuse after minutes.

    Args:
        folder: as for `build`, and so are the others.
        patients: likewise.
        smallest_side: likewise.
        least_grey_range: likewise.

    Raises:
        ValueError: as `build`, or most pictures of a folder cannot be read, as where a copy was broken off, or a class
            has fewer than two patients outside test.
    """
    root = folder_layout.locate(folder)
    paths = folder_layout.list_files(root)
    given = _read_patients(patients, paths)
    patient_table.warn_of_many(given, len(paths), Path(patients).name)
    for _, inside in groupby(paths, _folder):
        read = []
        for path in inside:
            read.append(radiograph_rows.read(root, path, smallest_side, least_grey_range))
            if "reason" not in read[-1]:
                break
        else:
            _check_every_class([], read)
    for folder, inside in groupby(paths, _folder):
        _check_most(root, folder, [path for path in inside if image_files.is_image(path)])
    named = _patients_by_name(paths) | given
    for name in CLASSES:
        mine = [path for path in paths if path.split("/")[1] == name and not path.startswith("test/")]
        if len({named.get(path, path) for path in mine}) < 2:
            raise ManifestError(f"each class must have at least 2 patients outside test, got 1 that is {name}")


def _check_most(root: Path, folder: str, paths: list[str]) -> None:
    """See that a folder is no ruin: a study of the few pictures that are left would be trained for hours."""
    some = paths[:: -(-len(paths) // _LOOKED_AT) or 1]
    bad = [(path, reason) for path in some if (reason := radiograph_rows.why_unreadable(root, path))]
    if not bad:
        return
    first = f"{bad[0][0].rpartition('/')[2]}: {bad[0][1]}"
    if 2 * len(bad) > len(some):
        got = f"{len(bad)} of {len(some)} looked at that cannot be ({first})"
        raise ManifestError(f"most pictures of {folder} must be readable, got {got}")
    _log.warning("%s of %s pictures looked at in %s cannot be read (%s)", len(bad), len(some), folder, first)


def _read_patients(table: str | Path, paths: list[str]) -> dict[str, str]:
    if not table:
        return {}
    given = patient_table.read_table(Path(table))
    patient_table.check_paths(given, paths, Path(table).name)
    patient_table.check_names(given, _patients_by_name(paths), Path(table).name)
    return given


def _patients_by_name(paths: list[str]) -> dict[str, str]:
    """The patient of each path whose name tells one; names that lie in two folders may stand for two."""
    times = Counter(_counted_in(path) for path in paths)
    names = {path: filenames.parse(path, path.split("/")[1]) for path in paths}
    alike = {names[path].patient for path in paths if times[_counted_in(path)] > 1}
    return {path: name.patient for path, name in names.items() if name.number is not None and name.patient not in alike}


def _tell_apart(rows: list[dict]) -> list[dict]:
    """Patients that a name stands for in two folders with other contents are unknown.

    So export programs write them: a folder per child, or per class, and in each the same names, `IM-0001-0001.jpeg`
    first.
    """
    contents = defaultdict(set)
    for row in rows:
        contents[_counted_in(row["path"])].add(row["sha256"])
    alike = {row["patient"] for row in rows if len(contents[_counted_in(row["path"])]) > 1}
    return [row | {"patient": row["path"], "number": None} if row["patient"] in alike else row for row in rows]


def _counted_in(path: str) -> tuple[str, str]:
    """A file name and where it may stand once; other names than those of export programs are the publishers' own, and
    one that stands in two parts or classes is a copy that was saved again.
    """
    name = path.rpartition("/")[2]
    return "" if filenames.parse(name, "").series == filenames.EXPORTED else _folder(path), name


def _table(name: str, rows: list[dict]) -> pd.DataFrame:
    return tables.check(name, pd.DataFrame(rows, columns=list(tables.CONTRACTS[name])))


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


def published_counts(manifest: pd.DataFrame) -> list[str]:
    """Compare with the published counts: one sentence per part and class that differs, or one that none does.

    Args:
        manifest: contract `manifest`; without any row of `val`, the 16 of `val` are expected in `train`.
    """
    expected, note = dict(PUBLISHED), ""
    if "val" not in set(manifest["part"]):
        for name in CLASSES:
            expected["train", name] += expected.pop(("val", name))
        note = " (the 16 of val are in train, as in the Mendeley zip)"
    found = manifest.groupby(["part", manifest["label"].map(_CLASS)]).size().to_dict()
    differing = [_difference(place, found.get(place, 0), count) for place, count in expected.items()]
    sentences = [sentence for sentence in differing if sentence]
    return sentences or [f"there are as many images as were published, {sum(PUBLISHED.values()):,}{note}"]


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
        one row per group of two or more: `sha256`, `n`, `parts` and `classes` (comma-separated), `patients`
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
