"""A notebook as text: what is read of it, and what is wrong with it in one sentence that names notebook and cell."""

from __future__ import annotations

import json

import pytest

from pneumo_utils.pipeline import notebook_source
from pneumo_utils.pipeline.notebook_source import NotebookSourceError
from pneumo_utils.records import fingerprint

SETUP = "%matplotlib inline\nfrom pneumo_utils.evaluation import metrics\n!ls\nimport pneumo_utils.records.tables"
PYTHON = {"kernelspec": {"language": "python"}}


def cell(source, kind="code", tags=(), **more):
    return {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": {"tags": list(tags)}} | more


TAGGED = cell("side: int = 96", tags=["parameters"])


@pytest.fixture
def notebook(tmp_path):
    def write(*cells, **more):
        path = tmp_path / "notebook.ipynb"
        path.write_text(json.dumps({"cells": list(cells), "metadata": PYTHON} | more), encoding="utf-8")
        return path

    return write


def test_a_changed_cell_or_tag_changes_the_cells_and_outputs_do_not(notebook):
    def hashed(*args, **more):
        return fingerprint.of(notebook_source.cells(notebook(cell("# Title", "markdown"), cell(*args, **more))))

    plain = hashed("x = 1")
    assert hashed("x = 1", outputs=[{"text": "1"}], execution_count=7) == plain
    assert hashed("x = 2") != plain
    assert hashed("x = 1", tags=["parameters"]) != plain
    assert hashed("x = 1", "markdown") != plain


def test_code_is_the_python_alone_and_finds_all_imports(notebook):
    timed = "\n%%time\nfrom pneumo_utils.imaging import colour"
    path = notebook(cell("# Title", "markdown"), cell(SETUP), cell("rest = (7\n% 4)"), cell(timed))
    found = notebook_source.code(path)
    assert fingerprint.imports(found) == {"evaluation.metrics", "records.tables", "imaging.colour"}
    assert "rest = (7\n% 4)" in found and "Title" not in found


def test_parameters_are_read_from_the_tagged_cell_alone(notebook):
    tagged = cell("side: int = 96  # pixels\nrate: float = 1e-4\nnetworks = ['cnn']\n", tags=["parameters"])
    assert notebook_source.parameters(notebook(cell("other: int = 1"), tagged)) == {
        "side": 96,
        "rate": 1e-4,
        "networks": ["cnn"],
    }


@pytest.mark.parametrize(
    "source",
    ["files = !ls", "radiographs?", "%%bash\nls | head (", "%matplotlib inline", "await one", "  x = 1", "# x"],
)
def test_what_runs_in_jupyter_is_lawful(notebook, source):
    notebook_source.check(notebook(TAGGED, cell(source)))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\ny = (x", "cell 3 must be Python, got '(' was never closed in its line 2"),
        ("return 1", "cell 3 must be Python, got 'return' outside function in its line 1"),
        ("x = \x00", "cell 3 must be Python, got source code"),
    ],
)
def test_a_cell_that_is_no_python_is_named(notebook, source, said):
    with pytest.raises(NotebookSourceError) as told:
        notebook_source.check(notebook(cell("# Title", "markdown"), TAGGED, cell(source)))
    assert str(told.value).startswith(f"notebook.ipynb, {said}")


@pytest.mark.parametrize(
    ("source", "got"),
    [("more: int = 2 * 3", "2 * 3"), ("more: int", "none"), ("more = side", "side"), ("more = {[]: 1}", "{[]: 1}")],
)
def test_a_parameter_without_a_plain_value_is_named(notebook, source, got):
    with pytest.raises(NotebookSourceError) as told:
        notebook_source.check(notebook(cell(source, tags=["parameters"])))
    rule = "notebook.ipynb, cell 1: more must have a plain value, such as 2 or 'a', got "
    assert str(told.value) == rule + got


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", " must be a notebook, JSON in UTF-8, got an empty file"),
        (b'{"cells": [', " must be a notebook, JSON in UTF-8, got Expecting value"),
        (b'{"cells": ["caf\xe9"]}', " must be a notebook, JSON in UTF-8, got 'utf-8' codec"),
        (b"[" * 9999, " must be a notebook, JSON in UTF-8, got "),
        (b"[]", " must be a notebook, got list"),
        (b"{}", " must name its language in metadata.kernelspec, got none"),
    ],
)
def test_a_file_that_is_no_notebook_is_named(tmp_path, content, said):
    (tmp_path / "notebook.ipynb").write_bytes(content)
    with pytest.raises(NotebookSourceError) as told:
        notebook_source.check(tmp_path / "notebook.ipynb")
    assert str(told.value).startswith(f"notebook.ipynb{said}")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], " must hold cells, as notebooks of format 4 do, got none"),
        ([cell("side: int = 96")], " must have a cell tagged 'parameters', got none"),
        (
            [TAGGED, {"cell_type": "code", "source": []}],
            ", cell 2 must have cell_type, source and metadata, got cell_type",
        ),
        ([TAGGED, 7], ", cell 2 must have cell_type, source and metadata, got int"),
    ],
)
def test_a_notebook_that_lacks_something_is_told_what(notebook, cells, said):
    with pytest.raises(NotebookSourceError) as told:
        notebook_source.check(notebook(*cells))
    assert str(told.value).startswith(f"notebook.ipynb{said}")
