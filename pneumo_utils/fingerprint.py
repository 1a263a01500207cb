"""Content hashes that tell whether a step has to run again. Reads source as text; imports none of it."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from pathlib import Path

import numpy as np

PACKAGE = "pneumo_utils"


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
    """Hash over path, size and time of change of every file under `root`: fast enough for every start."""
    rows = []
    for folder, _, names in os.walk(root):
        for name in names:
            state = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118 - pathlib is 5 times slower here
            rows.append((os.path.relpath(os.path.join(folder, name), root), state.st_size, state.st_mtime_ns))  # noqa: PTH118
    return of(sorted(rows))


def cells(notebook: Path) -> list[tuple[str, str, list[str]]]:
    """Kind, source and tags of every cell of a notebook."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [(c["cell_type"], "".join(c["source"]), c["metadata"].get("tags", [])) for c in content["cells"]]


def code(notebook: Path) -> str:
    """All Python of a notebook, without IPython's magics."""
    lines = "\n".join(source for kind, source, _ in cells(notebook) if kind == "code").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def parameters(notebook: Path) -> dict[str, object]:
    """Names and default values in the cell tagged `parameters`; empty where there is none."""
    tagged = [source for kind, source, tags in cells(notebook) if kind == "code" and "parameters" in tags]
    found = {}
    for statement in ast.parse("\n".join(tagged)).body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = ast.literal_eval(statement.value)
    return found


def imports(source: str) -> set[str]:
    """Rooms of the package that Python `source` imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith(f"{PACKAGE}.")}
    return found


def rooms(source: str, package: Path) -> list[str]:
    """Rooms that `source` needs, those its rooms need included, sorted."""
    found, open_ = set(), imports(source)
    while open_:
        room = open_.pop()
        path = package / f"{room}.py"
        if room not in found and path.is_file():
            found.add(room)
            open_ |= imports(path.read_text(encoding="utf-8"))
    return sorted(found)


def of_rooms(source: str, package: Path) -> str:
    """Hash over every room that `source` needs: its text, and the weights that lie beside it."""
    needed = rooms(source, package)
    return of([(room, *(of_file(package / f"{room}{end}") for end in (".py", ".npz"))) for room in needed])
