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
_ENDS_OF_LINES = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")  # those of `str.splitlines`


class InputError(ValueError):
    """Something that was named is not there."""


@dataclass(frozen=True)
class InputFiles:
    """What was found."""

    paths: tuple[str, ...]  # each once, in the order given; within a folder by name
    hidden: int  # files that were passed over, as hidden or left behind by an operating system, or in such a folder
    answers: int  # files and folders that were passed over, since answers are written there
    repeated: int  # paths that were named more than once
    errors: tuple[tuple[str, str], ...]  # folders that cannot be listed, and why
    below: tuple[str, ...] = ()  # each path below the folder that was named, or that those which were named share


def find(given: Iterable[str], lines: Iterable[str] = (), answers: Iterable[Path] = ()) -> InputFiles:
    """List the files to be scored: every file of a folder, whatever it is called, at any depth.

    Args:
        given: files, folders or patterns with `*`, `?` or `[`; `STANDARD_INPUT` stands for `lines`.
        lines: paths, one a line; empty ones are passed over.
        answers: files and folders that answers go to. They are passed over, with what lies beside a
            table while it grows, and so are answers of other runs: an overlay would be scored in the next. One of
            their files is scored where it is named itself, not by a pattern.

    Raises:
        InputError: a file is not there, or a pattern fits nothing.
    """
    found: dict[str, None] = {}
    bases: dict[str, None] = {}  # folders that are named, or that a file which is named lies in
    hidden, repeated, own = 0, 0, 0
    places = frozenset(os.path.realpath(place) for place in answers)
    errors: list[tuple[str, str]] = []
    entered: set[tuple[str, str]] = set()  # by patterns: where a file truly lies, and its name
    for path, fitted in _expand(given, lines):
        if (places and _is_answer(_real(path), places)) or (fitted and _lies_among_answers(path, places)):
            own += 1
            continue
        if fitted and not _is_met_first(path, entered):  # `**` goes round where a link leads back
            repeated += 1
            continue
        bases[path if os.path.isdir(path) else os.path.dirname(path)] = None  # noqa: PTH112, PTH120 - never raises
        for one in _walk(path, errors, places) if os.path.isdir(path) else [path]:  # noqa: PTH112 - never raises
            if one is None:
                hidden += 1
            elif not one:
                own += 1
            elif one in found:
                repeated += 1
            else:
                found[one] = None
    below = _below(found, bases)
    return InputFiles(tuple(found), hidden, own, repeated, tuple(errors), below)


def _below(paths: Iterable[str], folders: Iterable[str]) -> tuple[str, ...]:
    """Paths below the folder that all named ones share; as they are where there is none."""
    try:
        shared = os.path.commonpath([os.path.normpath(one or os.curdir) for one in folders])
    except ValueError:  # some are absolute, some are not
        return tuple(map(os.path.normpath, paths))
    return tuple(os.path.relpath(one, shared or os.curdir) for one in paths)


def name_safely(path: str) -> str:
    """`path` as text that fits a line of UTF-8: what does not is an escape, and a backslash is two, so none is both."""
    text = os.fsencode(path.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
    return _ENDS_OF_LINES.sub(lambda one: one[0].encode("unicode_escape").decode(), text)


def _is_answer(place: str, answers: frozenset[str]) -> bool:
    """Whether answers go to a file or folder, or it is what a killed run left of their table, as `scores.csv.part`."""
    table = re.sub(r"(\.shard-[0-9]+-of-[0-9]+|\.before)*(\.part)+$", "", place)
    return place in answers or table in answers


def _lies_among_answers(path: str, places: frozenset[str]) -> bool:
    return recognition.is_answer(path) or any(str(above) in places for above in Path(_real(path)).parents)


def _is_met_first(path: str, entered: set[tuple[str, str]]) -> bool:
    place = _real(os.path.dirname(path)), os.path.basename(path)  # noqa: PTH119, PTH120 - never raises
    new = place not in entered
    entered.add(place)
    return new


def _is_any_answer(folder: str, name: str, answers: frozenset[str]) -> bool:
    path = f"{folder}{os.sep}{name}"
    return (bool(answers) and _is_answer(path, answers)) or recognition.is_answer(path)


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # no name that a file can have
        return path


def _expand(given: Iterable[str], lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Every path that is meant, and whether a pattern found it."""
    for one in given:
        if one == STANDARD_INPUT:
            yield from ((line.rstrip("\r\n"), False) for line in lines if line.strip())
        elif os.path.lexists(one):
            yield one, False
        elif glob.has_magic(one) and (fitting := glob.glob(one, recursive=True)):  # noqa: PTH207 - keeps `./`
            shortest = sorted(fitting, key=lambda path: (path.count(os.sep), path))
            yield from ((path, True) for path in shortest)
        else:
            rule = "a pattern must fit a file" if glob.has_magic(one) else "path must be a file or folder that is there"
            raise InputError(f"{rule}, got {one}")


def _walk(folder: str, errors: list[tuple[str, str]], answers: frozenset[str]) -> Iterator[str | None]:
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
        own = [name for name in (*folders, *names) if _is_any_answer(at, name, answers)]
        if own:
            yield from [""] * len(own)
            folders[:], names = (sorted(set(some) - set(own)) for some in (folders, names))
        inside = os.path.relpath(place, folder)
        secret = any(part != ".." and folder_contents.is_litter(part) for part in Path(inside).parts)
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
