"""Content hashes that tell whether a step has to run again. Reads source as text; imports none of it."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np

from pneumo_utils.records.vocabulary import LABELS, PARTS

_FOLLOWED = {*PARTS, *LABELS}
_READS_DOCSTRINGS = ("__doc__", "model_json_schema")  # what a room says that hands its docstrings on
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
PACKAGE = Path(__file__).resolve().parents[1]


def of(*parts: object) -> str:
    """SHA-256 of JSON-like values, 64 hex digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def of_array(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values, 64 hex digits."""
    found = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    found.update(np.ascontiguousarray(array).view(np.uint8))
    return found.hexdigest()


def of_file(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits; empty where there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_folder(root: Path) -> str:
    """Hash over path, size and times of change of every file under `root`: fast enough for every start.

    Links are followed that stand for a part or a class of the published layout, as where radiographs are listed. The
    second of the times is the system's own: nobody can set it back.
    """
    rows, seen = [], set()
    for folder, folders, names in os.walk(root, followlinks=True):
        with suppress(OSError):  # gone meanwhile
            own = os.stat(folder)  # noqa: PTH116
            if (own.st_dev, own.st_ino) in seen:  # another way to it, or a link that leads back
                rows.append((os.path.relpath(folder, root), own.st_dev, own.st_ino, 0))
                folders.clear()
                continue
            seen.add((own.st_dev, own.st_ino))
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        folders[:] = sorted(set(folders) - set(links) | set(links) & _FOLLOWED)
        for name in (*names, *links):
            place = os.path.join(folder, name)  # noqa: PTH118 - pathlib is 5 times slower here
            try:
                state = os.lstat(place) if name in links else os.stat(place)  # noqa: PTH116
            except OSError:  # a link that leads nowhere, or round in a circle
                state = os.lstat(place)
            rows.append((os.path.relpath(place, root), state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    return of(sorted(rows))


def parse(source: str) -> ast.Module:
    """`ast.parse`, once more where another thread that parses has disturbed it (Python 3.11, gh-106905)."""
    for _ in range(9):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)


def imports(source: str) -> frozenset[str]:
    """What Python `source` imports of the package, anywhere in it: dotted names of rooms, or of what they hold."""
    return _read(source)[0]


@lru_cache(maxsize=1024)
def _read(source: str) -> tuple[frozenset[str], str]:
    """`imports`, and a hash of what `source` does.

    No network is trained anew for a comment, a line that is broken elsewhere, or a docstring that nobody reads.
    """
    tree, found = parse(source), set()
    unread = not any(word in source for word in _READS_DOCSTRINGS)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif unread and isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    inside = f"{PACKAGE.name}."
    names = frozenset(name.removeprefix(inside) for name in found if name.startswith(inside))
    return names, hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def rooms(source: str, package: Path = PACKAGE) -> list[str]:
    """Rooms that `source` needs, those its rooms need included, as `wing.room`, sorted."""
    found, open_ = set(), set(imports(source))
    while open_:
        room = _room(open_.pop(), package)
        if room and room not in found:
            found.add(room)
            open_ |= imports(_file(room, package).read_text(encoding="utf-8"))
    return sorted(found)


def of_rooms(source: str, package: Path = PACKAGE) -> str:
    """Hash over every room that `source` needs: what it does, and the weights that lie beside it."""
    files = [(room, _file(room, package)) for room in rooms(source, package)]
    return of([(room, _read(file.read_text("utf-8"))[1], of_file(file.with_suffix(".npz"))) for room, file in files])


def of_room(room: str, package: Path = PACKAGE) -> str:
    """The same over `room`, as `networks.training`, and every room that it needs."""
    return of_rooms(f"import {PACKAGE.name}.{room}", package)


def _room(name: str, package: Path) -> str:
    """The room that dotted `name` means, itself or something in it; empty where there is none."""
    while name and not _file(name, package).is_file():
        name = name.rpartition(".")[0]
    return name


def _file(room: str, package: Path) -> Path:
    place = package.joinpath(*room.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
