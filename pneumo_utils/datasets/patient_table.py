"""A table that says whose radiographs are whose, where file names do not."""

from __future__ import annotations

import codecs
import csv
import io
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from pathlib import Path

_log = logging.getLogger(__name__)
_COLUMNS = ("path", "patient")
_UNKNOWN = {  # what people and programs write where they do not know, letters alone
    "na", "nan", "nat", "nil", "none", "null", "undefined", "blank", "empty", "missing", "tba", "tbd", "x", "xx", "xxx",
    "notapplicable", "notavailable", "notgiven", "notknown", "notrecorded", "notstated", "unk", "unknown",
    "unknownpatient", "noid", "noname", "nopatient", "anon", "anonymous", "anonymouspatient", "anonymized",
    "anonymised", "nn", "unbekannt", "inconnu", "desconocido", "sconosciuto", "onbekend",
}  # fmt: skip
_FAILED = re.compile(r"#\s*[^\s0-9]")  # how a spreadsheet's errors begin; `#12` may be a child
_MANY, _ENOUGH = 1 / 20, 200  # share of pictures that is odd for one child, where there are so many
_SEPARATOR = re.compile(r'"?sep=([,;|\t])"?\r?\n', re.IGNORECASE)  # Excel's first line
_ROUNDED = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?e[-+][0-9]+", re.IGNORECASE)  # as spreadsheets show long numbers


class PatientTableError(ValueError):
    """The table does not say whose radiographs are whose; the message names the row."""


def read_table(table: Path) -> dict[str, str]:
    """Read a CSV file with the columns `path` and `patient`; others are allowed.

    Cells may be divided by semicolons or tabs, too, as a line `sep=;` before all others may say, and the two columns
    called in any case. Patients come in one spelling: of their blanks and of letters that Unicode writes in several
    ways, one each is left.

    Args:
        table: paths in it are relative to the folder that holds `train` and `test`, with forward slashes.

    Returns:
        patient by path.

    Raises:
        PatientTableError: no such file, neither UTF-8 nor marked as UTF-16, a quote that does not close, a column is
            missing or there twice, no row, a row with more or fewer cells, an empty cell, a path with two patients, a
            patient who is called unknown or by a rounded number, or one in two spellings.
    """
    try:
        found = _read_rows(_decode(table.read_bytes()), table.name)
    except OSError as error:
        raise PatientTableError(f"patients must name a CSV file, got {str(table)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        got = f"byte 0x{error.object[error.start]:02x} in line {line}, which is none of it"
        raise PatientTableError(f"{table.name} must be a CSV file in UTF-8, got: {got}") from error
    except csv.Error as error:
        raise PatientTableError(f"{table.name} must be a CSV file in UTF-8, got: {error}") from error
    if not found:
        raise PatientTableError(f"{table.name} must name a patient for at least one path, got none")
    _check_spellings(found, table.name)
    return found


def _decode(data: bytes) -> str:
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as Excel saves "Unicode text"
    return data.decode("utf-16" if marked else "utf-8-sig")


def _divide(text: str, divided_by: str) -> csv.reader:
    return csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=divided_by, skipinitialspace=True)


def _read_head(rows: csv.reader) -> list[str]:
    return [name.strip().casefold() for name in next(filter(None, rows), [])]


def _count_found(text: str, divided_by: str) -> int:
    """How many of the two columns there are in the head, divided like this."""
    try:
        columns = _read_head(_divide(text, divided_by))
    except csv.Error:  # of `"path";"patient"` divided by commas, say
        return 0
    return sum(columns.count(name) == 1 for name in _COLUMNS)


def _read_rows(text: str, table: str) -> dict[str, str]:
    said = _SEPARATOR.match(text)
    if said:
        text = "\n" + text[said.end() :]  # lines keep their numbers
    rows = _divide(text, said[1] if said else max(",;\t", key=lambda one: _count_found(text, one)))
    columns = _read_head(rows)
    for name in _COLUMNS:
        if (count := columns.count(name)) != 1:
            got = f"{count} called {name}" if count else f"no {name}"
            raise PatientTableError(f"{table} must have the columns path and patient once, got {got}")
    places = [columns.index(name) for name in _COLUMNS]
    found: dict[str, str] = {}
    for row in filter(None, rows):
        here = f"{table}, line {rows.line_num}:"
        if len(row) != len(columns):  # a comma in a name, say
            rule = f"a row must have {len(columns)} cells, as the first has"
            raise PatientTableError(f"{here} {rule}; quote cells with commas")
        path, patient = _clean_path(row[places[0]]), row[places[1]].strip()
        if any(end in path + patient for end in "\r\n"):  # a quote that closes far below
            raise PatientTableError(f"{here} no cell may hold an end of line")
        patient = _one_spelling(patient)
        if not path or not patient:
            raise PatientTableError(f"{here} path and patient must not be empty")
        _check_names_one(patient, here)
        if found.setdefault(path, patient) != patient:
            raise PatientTableError(f"{table} must name one patient per path, got two for {path!r}")
    return found


def _clean_path(cell: str) -> str:
    path = cell.strip()
    if "/" not in path:  # as Windows writes it; no file of the data lies in no folder
        path = path.replace("\\", "/")
    return path.removeprefix("./")


def _one_spelling(patient: str) -> str:
    """Without invisible signs, with single blanks, and of equal letters the same."""
    normal = unicodedata.normalize("NFKC", patient)
    return " ".join("".join(sign for sign in normal if unicodedata.category(sign) != "Cf").split())


def _check_names_one(patient: str, here: str) -> None:
    letters = re.sub(r"[\W_]", "", patient.casefold())
    if not letters or letters in _UNKNOWN or _FAILED.match(patient):
        rule = "patient must name one child (leave out the rows of unknown ones)"
        raise PatientTableError(f"{here} {rule}, got {patient!r}")
    if _ROUNDED.fullmatch(patient):
        rule = "patient must be written in full (a spreadsheet has rounded it: format the column as text)"
        raise PatientTableError(f"{here} {rule}, got {patient!r}")


def _check_spellings(found: dict[str, str], table: str) -> None:
    spelled: dict[str, str] = {}
    for patient in found.values():
        first = spelled.setdefault(_sound(patient), patient)
        if first != patient:
            raise PatientTableError(f"{table} must spell each patient in one way, got {first!r} and {patient!r}")


def _sound(patient: str) -> str:
    """What two spellings of one patient share: capitals, blanks but between digits, noughts before a number, and `.0`
    behind one, do not count.
    """
    whole = re.sub(r"^([0-9]+)[.,]0+$", r"\1", patient.casefold())
    close = re.sub(r"(?<![0-9]) | (?![0-9])", "", whole)
    return re.sub(r"(?<![0-9])(?<![0-9][.,])0+(?=[0-9])", "", close)  # 1.01 is not 1.1


def check_paths(patients: dict[str, str], paths: Collection[str], table: str) -> None:
    """See that every path of the table is there, and no patient is called by one.

    A misspelt path would leave its patient unknown. A picture of an unknown patient is that of a patient who is called
    by its path: the table would make both one child.

    Args:
        patients: as `read_table` returns them.
        paths: every file of the data folder.
        table: name of the table's file.

    Raises:
        PatientTableError: some are not, or one is.
    """
    there, named = set(paths), {*paths, *patients}
    if called := next((patient for patient in patients.values() if patient in named), ""):
        raise PatientTableError(f"{table} must not call a patient by the path of a picture, got {called!r}")
    gone = sorted(set(patients) - there)
    if gone:
        rule = f"paths in {table} must be files of the data folder, as train/NORMAL/a.jpeg"
        meant = next((path for path in paths if _letters(path) == _letters(gone[0])), "")
        hint = f"; {ascii(meant)} is there, which differs in capitals or accents" if meant else ""
        raise PatientTableError(f"{rule}, got {len(gone):,} that are not there: {gone[0]!r}{hint}")


def _letters(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


def warn_of_many(patients: dict[str, str], pictures: int, table: str) -> None:
    """Name in the log a patient who has so many pictures that it may be a word for children nobody knows.

    The published set has thirty of one child at most, one in two hundred.

    Args:
        patients: as `read_table` returns them.
        pictures: how many the data folder holds; below 200 nothing is said.
        table: name of the table's file.
    """
    for patient, count in Counter(patients.values()).most_common():
        if pictures >= _ENOUGH and count > _MANY * pictures:
            told = "%s calls %s of %s pictures those of %r: if that is not one child, leave out its rows"
            _log.warning(told, table, f"{count:,}", f"{pictures:,}", patient)


def check_names(patients: dict[str, str], named: dict[str, str], table: str) -> None:
    """See that no child is two, one by the table and one by the names of files.

    Args:
        patients: as `read_table` returns them.
        named: patient by path, of those files whose names tell one, in the table or not.
        table: name of the table's file.

    Raises:
        PatientTableError: the table spells a patient otherwise than the names of files do that it leaves out, or it
            names another patient for some pictures of a child and leaves out others.
    """
    left = {patient: path for path, patient in named.items() if path not in patients}
    spelled = {_sound(patient): patient for patient in left}
    for path, patient in patients.items():
        meant = spelled.get(_sound(patient), patient)
        if meant != patient:
            rule = f"{table} must call the patient of {left[meant]} {meant!r}, as that name does"
            raise PatientTableError(f"{rule}, or have a row for it, got {patient!r} for {path}")
        other = named.get(path, patient)
        if other != patient and other in left:
            rule = f"{table} must have a row for every picture of a child"
            raise PatientTableError(f"{rule}, got {path} and not {left[other]}, by their names of one child")
