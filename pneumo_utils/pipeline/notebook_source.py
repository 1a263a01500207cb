"""A notebook as text: its cells, its Python and its parameters; each fault a sentence that names notebook and cell.

Cells count from 1, those of prose included, as in what is said of a cell that fails.
"""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path

from pneumo_utils.records import fingerprint


class NotebookSourceError(ValueError):
    """A notebook cannot be run as it is written."""


def check(notebook: Path) -> None:
    """Whether all of a notebook can be read.

    Raises:
        NotebookSourceError: it is no notebook, names no language, or has a cell that is no Python, or no parameters.
    """
    metadata = _mapping(_content(notebook).get("metadata"))
    places = (("kernelspec", "language"), ("language_info", "name"))
    if not any(_mapping(metadata.get(key)).get(word) for key, word in places):  # papermill asks for it
        raise NotebookSourceError(f"{notebook.name} must name its language in metadata.kernelspec, got none")
    code(notebook)
    parameters(notebook)


def cells(notebook: Path) -> list[tuple[str, str, list[str]]]:
    """Kind, source and tags of every cell of a notebook.

    Raises:
        NotebookSourceError: it is no notebook.
    """
    listed = _content(notebook).get("cells")
    if not isinstance(listed, list) or not listed:
        raise NotebookSourceError(f"{notebook.name} must hold cells, as notebooks of format 4 do, got none")
    return [_cell(cell, f"{notebook.name}, cell {number}") for number, cell in enumerate(listed, 1)]


def _content(notebook: Path) -> dict:
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # bytes that are no text, too
        got = str(error) if notebook.stat().st_size else "an empty file"
        raise NotebookSourceError(f"{notebook.name} must be a notebook, JSON in UTF-8, got {got}") from error
    if not isinstance(content, dict):
        raise NotebookSourceError(f"{notebook.name} must be a notebook, got {type(content).__name__}")
    return content


def _mapping(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _cell(cell: object, place: str) -> tuple[str, str, list[str]]:
    held = _mapping(cell)
    kind, source, metadata = (held.get(key) for key in ("cell_type", "source", "metadata"))
    lines = [source] if isinstance(source, str) else source
    if not (isinstance(kind, str) and isinstance(metadata, dict) and isinstance(lines, list)):
        got = f"{', '.join(held)} alone" if held else type(cell).__name__
        raise NotebookSourceError(f"{place} must have cell_type, source and metadata, got {got}")
    return kind, "".join(map(str, lines)), metadata.get("tags", [])


def code(notebook: Path) -> str:
    """All Python of a notebook; what is written in IPython's own way stands in it as the calls that it means.

    Raises:
        NotebookSourceError: it is no notebook, or a cell is neither Python nor IPython.
    """
    return "\n".join(source for _, source, _ in _code_cells(notebook))


def _code_cells(notebook: Path) -> list[tuple[str, str, list[str]]]:
    """Place, Python and tags of every cell of code."""
    found = []
    for number, (kind, source, tags) in enumerate(cells(notebook), 1):
        place = f"{notebook.name}, cell {number}"
        if kind == "code":
            try:
                found.append((place, _python(source), tags))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # null bytes and nests without end
                got = getattr(error, "msg", error)
                line = f" in its line {error.lineno}" if getattr(error, "lineno", None) else ""
                raise NotebookSourceError(f"{place} must be Python, got {got}{line}") from error
    return found


def _python(source: str) -> str:
    text = source.lstrip()
    if text.startswith("%%"):  # what `%%time` is put before is Python, and of `%%bash` it is none
        try:
            return _python(text.partition("\n")[2])
        except SyntaxError:
            return ""
    try:
        return _compiled(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager  # imported here: seldom needed, half a second

        return _compiled(TransformerManager().transform_cell(source))


def _compiled(source: str) -> str:
    """`source`, once it compiles: `return` outside a function parses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are told where the cell runs
        compile(fingerprint.parse(source), "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return source


def parameters(notebook: Path) -> dict[str, object]:
    """Names and default values in the cell tagged `parameters`.

    Raises:
        NotebookSourceError: there is no such cell, or a default is no plain value; or as `code`.
    """
    tagged = [(place, source) for place, source, tags in _code_cells(notebook) if "parameters" in tags]
    if not tagged:
        raise NotebookSourceError(f"{notebook.name} must have a cell tagged 'parameters', got none")
    found = {}
    for place, source in tagged:
        for statement in fingerprint.parse(source).body:
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(targets[0], ast.Name):
                found[targets[0].id] = _default(statement.value, f"{place}: {targets[0].id}")
    return found


def _default(value: ast.expr | None, named: str) -> object:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        got = "none" if value is None else ast.unparse(value)
        raise NotebookSourceError(f"{named} must have a plain value, such as 2 or 'a', got {got}") from error
