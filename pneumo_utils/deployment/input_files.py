"""Which files are scored: files, folders, patterns, and a list on the standard input."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pneumo_utils.datasets import folder_contents
from pneumo_utils.deployment.answers import recognition

STANDARD_INPUT = "-"
# Ends of lines, those of `str.splitlines`, other control characters, and what turns the direction of writing.
_UNPRINTED = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class InputError(ValueError):
    """Something that was named is not there."""


@dataclass(frozen=True)
class InputFiles:
    """What was found."""

    paths: tuple[str, ...]  # each once, in the order given; within a folder by name
    hidden: int  # files that were passed over, as hidden or left behind by an operating system, or in such a folder
    answers: int  # files and folders that were passed over, since they are answers, or the table
    repeated: int  # paths that were named more than once
    errors: tuple[tuple[str, str], ...]  # folders that cannot be listed, and why
    below: tuple[str, ...] = ()  # each path from the folder on that named it, or below what a pattern begins with


def find(given: Iterable[str], lines: Iterable[str] = (), answers: Iterable[Path] = ()) -> InputFiles:
    """List the files to be scored: every file of a folder, whatever it is called, at any depth.

    Args:
        given: files, folders or patterns with `*`, `?` or `[`; `STANDARD_INPUT` stands for `lines`.
        lines: paths, one a line; empty ones are passed over.
        answers: files and folders that answers go to. The table is passed over, with what lies beside it while it
            grows. So is whatever is an answer, of this run or another, wherever it lies: an overlay would be scored in
            the next. A radiograph that lies among answers is none. An answer is scored where it is named itself.

    Raises:
        InputError: a file is not there, or a pattern fits nothing.
    """
    found: dict[str, tuple[str, str]] = {}  # by where a file lies, however it is spelled: its path, and its name below
    hidden, repeated, own = 0, 0, 0
    tables = frozenset(os.path.realpath(place) for place in answers if not place.is_dir())
    errors: list[tuple[str, str]] = []
    entered: set[tuple[str, str]] = set()  # by patterns: where a file truly lies, and its name
    for path, base in _expand(given, lines):
        if _is_of_table(_real(path), tables) or (base is not None and recognition.is_answer(path)):
            own += 1
            continue
        if base is not None and not _is_met_first(path, entered):  # `**` goes round where a link leads back
            repeated += 1
            continue
        is_folder = os.path.isdir(path)  # noqa: PTH112 - never raises
        if base is not None and is_folder and _leads_above(path, base):
            continue
        for one in _walk(path, errors, tables) if is_folder else [path]:
            if one is None:
                hidden += 1
            elif not one:
                own += 1
            elif (place := _absolute(one)) in found:
                repeated += 1
            else:
                found[place] = one, _below(one, path, base)
    paths, below = (tuple(one[side] for one in found.values()) for side in (0, 1))
    return InputFiles(paths, hidden, own, repeated, tuple(errors), below)


def _below(path: str, named: str, base: str | None) -> str:
    """`path` as it can be told from others whatever is named besides: see `InputFiles.below`."""
    if base is not None:
        return os.path.relpath(path, base or os.curdir)
    if path == named:
        return os.path.normpath(path)
    return os.path.join(os.path.basename(_absolute(named)), os.path.relpath(path, named))  # noqa: PTH118, PTH119


def name_safely(path: str) -> str:
    """`path` as text that fits a line of UTF-8: what does not is an escape, and a backslash is two, so none is both."""
    text = os.fsencode(path.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
    return _UNPRINTED.sub(lambda one: one[0].encode("unicode_escape").decode(), text)


def _leads_above(path: str, base: str) -> bool:
    """Whether a folder that a pattern found is a link to where the pattern begins, or above: that is not meant."""
    linked = os.path.islink(path.rstrip(os.sep))  # noqa: PTH114 - never raises
    return linked and _lies_in(_real(base or os.curdir), _real(path))


def _is_of_table(place: str, tables: frozenset[str]) -> bool:
    """Whether a file is a table that is written, or what a killed run left of it, as `scores.csv.part`."""
    return place in tables or re.sub(r"(\.shard-[0-9]+-of-[0-9]+|\.before)*(\.part)+$", "", place) in tables


def _is_met_first(path: str, entered: set[tuple[str, str]]) -> bool:
    place = _real(os.path.dirname(path)), os.path.basename(path)  # noqa: PTH119, PTH120 - never raises
    new = place not in entered
    entered.add(place)
    return new


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)  # noqa: PTH100 - links stay
    except ValueError:  # no name that a file can have
        return path


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # no name that a file can have
        return path


def _expand(given: Iterable[str], lines: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Every path that is meant, and the folder that the pattern which found it begins in, if one did."""
    for one in given:
        if one == STANDARD_INPUT:
            yield from ((line.rstrip("\r\n"), None) for line in lines if line.strip())
        elif os.path.lexists(one):
            yield one, None
        elif glob.has_magic(one) and (fitting := glob.glob(one, recursive=True)):  # noqa: PTH207 - keeps `./`
            shortest = sorted(fitting, key=lambda path: (path.count(os.sep), path))
            base = os.path.dirname(re.split(r"[*?[]", one, maxsplit=1)[0])  # noqa: PTH120 - never raises
            yield from ((path, base) for path in shortest)
        else:
            rule = "a pattern must fit a file" if glob.has_magic(one) else "path must be a file or folder that is there"
            raise InputError(f"{rule}, got {one}{_blame_permission(one)}")


def _blame_permission(path: str) -> str:
    """What to add to a path that is not found where a folder above it may not be looked into."""
    for folder in reversed(Path(os.path.abspath(path.split("*")[0].split("?")[0].split("[")[0])).parents):  # noqa: PTH100
        if os.path.isdir(folder) and not os.access(folder, os.X_OK | os.R_OK):  # noqa: PTH112 - never raises
            return f": the folder {folder} may not be looked into"
    return ""


def _walk(folder: str, errors: list[tuple[str, str]], tables: frozenset[str]) -> Iterator[str | None]:
    """Every file below `folder`; None for each that is hidden, and nothing for each answer, or folder of them.

    A linked folder is looked into, too, but no folder twice, and none below a hidden one. One that lies below `folder`
    is seen where it lies, and one that `folder` lies in is not meant.
    """

    def note(error: OSError) -> None:
        errors.append((str(error.filename), error.strerror or "cannot be listed"))

    root = os.path.realpath(folder)
    seen = {_identity(folder)}
    for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
        folders.sort()
        at = os.path.realpath(place)
        inside = [(name, f"{at}{os.sep}{name}") for name in (*folders, *names)]
        own = [name for name, one in inside if _is_of_table(one, tables) or recognition.is_answer(one)]
        if own:
            yield from [""] * len(own)
            folders[:], names = (sorted(set(some) - set(own)) for some in (folders, names))
        parts = Path(os.path.relpath(place, folder)).parts
        secret = any(part != ".." and folder_contents.is_litter(part) for part in parts)
        folders[:] = [name for name in folders if _is_new(os.path.join(place, name), root, secret, seen)]  # noqa: PTH118
        for name in sorted(names):
            hidden = secret or folder_contents.is_litter(name)
            yield None if hidden else os.path.join(place, name)  # noqa: PTH118 - as it was given


def _is_new(folder: str, root: str, secret: bool, seen: set[tuple[int, int] | None]) -> bool:
    """Whether `folder` is to be walked, as `_walk` says; it then counts as seen."""
    if os.path.islink(folder):  # noqa: PTH114 - paths stay as they were given
        target = os.path.realpath(folder)
        if secret or folder_contents.is_litter(Path(folder).name) or _lies_in(target, root) or _lies_in(root, target):
            return False
    identity = _identity(folder)
    new = identity is None or identity not in seen
    seen.add(identity)
    return new


def _lies_in(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip(os.sep) + os.sep)


def _identity(folder: str) -> tuple[int, int] | None:
    """Device and number of a folder, however it is reached; None where it cannot be asked: walking it tells why."""
    try:
        found = os.stat(folder)  # noqa: PTH116 - as above
    except OSError:
        return None
    return found.st_dev, found.st_ino
