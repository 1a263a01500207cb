"""One notebook through papermill: what goes in is checked, what breaks leaves nothing that looks whole."""

from __future__ import annotations

import os
import sys

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pneumo_utils.pipeline import notebook_execution
from pneumo_utils.pipeline.notebook_execution import NotebookError
from pneumo_utils.records import progress
from pneumo_utils.records.fingerprint import PACKAGE

PARAMETERS = 'name: str = "x"  # a name\ncount: int = 1  # a count\nrate: float = 0.1  # a rate\nmirror: bool = False'


@pytest.fixture
def notebook(tmp_path):
    def write(*sources: str, tagged: str = PARAMETERS):
        cells = [new_markdown_cell("# 01 Test"), new_code_cell(tagged, metadata={"tags": ["parameters"]})]
        content = new_notebook(cells=[*cells, *map(new_code_cell, sources)])
        content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = tmp_path / "01_test.ipynb"
        nbformat.write(content, path)
        return path

    return write


GOOD = {"name": "y", "count": 2, "rate": 0.5, "mirror": True}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"counts": 2}, "unknown ['counts']"),
        ({"count": "2"}, "count must be int, got '2'"),
        ({"rate": "1e-4"}, "rate must be float, got '1e-4'"),
        ({"mirror": 1}, "mirror must be bool, got 1"),
        ({"count": True}, "count must be int, got True"),
    ],
)
def test_a_wrong_parameter_is_an_error_and_not_a_warning(notebook, wrong, said):
    with pytest.raises(NotebookError, match=r"01_test\.ipynb") as error:
        notebook_execution.check_parameters(notebook(), GOOD | wrong)
    assert said in str(error.value)


def test_a_parameter_that_is_not_given_is_an_error(notebook):
    with pytest.raises(NotebookError, match="missing \\['rate'\\]"):
        notebook_execution.check_parameters(notebook(), {key: value for key, value in GOOD.items() if key != "rate"})


def test_a_notebook_without_a_parameters_cell_is_an_error(notebook):
    path = notebook(tagged="")
    content = nbformat.read(path, 4)
    content.cells[1].metadata.tags = []
    nbformat.write(content, path)
    with pytest.raises(NotebookError, match="must have a cell tagged 'parameters', got none"):
        notebook_execution.check_parameters(path, {})


def run(path, minutes=1.0, told=None):
    place = path.parent / "out"
    return notebook_execution.run(
        path, GOOD, executed=place / "e.ipynb", broken=place / "b.ipynb", minutes=minutes, told=told
    )


@pytest.mark.slow
def test_a_good_notebook_gets_its_parameters_and_leaves_only_the_executed_one(notebook):
    path = notebook("print(name, count, rate, mirror)")
    before = path.read_bytes()
    assert run(path) > 0
    executed = nbformat.read(path.parent / "out" / "e.ipynb", 4)
    assert executed.cells[-1].outputs[0]["text"] == "y 2 0.5 True\n"
    assert not (path.parent / "out" / "b.ipynb").exists()
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_folder_with_braces_in_its_name_is_a_folder(notebook):
    path = notebook("print(name)")
    odd = path.parent / "a {count} {b}" / path.name
    odd.parent.mkdir()
    path.replace(odd)
    assert run(odd) > 0


@pytest.mark.slow
def test_a_notebook_runs_this_package_whatever_checkout_has_built_the_environment(notebook, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somebody/else's")
    path = notebook("import os, sys, pneumo_utils\nprint(pneumo_utils.__file__)\nprint(os.environ['PYTHONPATH'])")
    run(path)
    printed = nbformat.read(path.parent / "out" / "e.ipynb", 4).cells[-1].outputs[0]["text"].splitlines()
    assert printed == [str(PACKAGE / "__init__.py"), f"{PACKAGE.parent}{os.pathsep}/somebody/else's"]


@pytest.mark.slow
def test_a_broken_cell_is_named_with_its_cause_and_the_partial_notebook_is_kept(notebook, capfd):
    path = notebook("a = 1", 'raise ValueError("count must be odd, got 2")')
    with pytest.raises(NotebookError) as error:
        run(path)
    assert "01_test, cell " in str(error.value)
    assert "ValueError: count must be odd, got 2" in str(error.value)
    assert "\n" not in str(error.value)
    assert (path.parent / "out" / "b.ipynb").is_file() and not (path.parent / "out" / "e.ipynb").exists()
    assert capfd.readouterr().err == "", "the sentence is the only message"


@pytest.mark.long
@pytest.mark.slow
def test_a_notebook_that_hangs_is_stopped_and_what_was_reached_can_be_looked_at(notebook):
    path = notebook("print('so far')", "import time; time.sleep(600)")
    with pytest.raises(NotebookError, match="01_test must make progress within 0.1 minutes, got none; see"):
        run(path, minutes=0.1)
    assert not (path.parent / "out" / "e.ipynb").exists()
    assert "so far" in (path.parent / "out" / "b.ipynb").read_text()
    assert not [one for one in psutil.Process().children(True) if "ipykernel_launcher" in one.cmdline()], "an orphan"


@pytest.mark.long
@pytest.mark.slow
def test_work_that_goes_on_is_never_stopped_however_long_it_takes(notebook, tmp_path, monkeypatch):
    told = tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(told))
    epochs = "for _ in progress.track(range(5), 'epochs', 5): time.sleep(2)"
    path = notebook("import time\nfrom pneumo_utils.records import progress", epochs, *["time.sleep(4)"] * 2)
    assert run(path, minutes=0.1, told=told) > 15, "2.5 times the limit"
    assert (path.parent / "out" / "e.ipynb").is_file()


@pytest.mark.slow
def test_a_kernel_that_dies_is_told_and_leaves_nothing_that_looks_whole(notebook):
    path = notebook("print('so far')", "import os; os._exit(137)")
    with pytest.raises(NotebookError, match="kernel must live to the end"):
        run(path)
    assert not (path.parent / "out" / "e.ipynb").exists()
    assert "so far" in (path.parent / "out" / "b.ipynb").read_text(), "what was reached can be looked at"


@pytest.mark.slow
def test_what_a_user_has_set_up_for_other_kernels_changes_nothing(notebook, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["false", "{connection_file}"], "display_name": "x", "language": "c"}')
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "0.py").write_text("raise SystemExit('a profile of another program')")
    (tmp_path / "begin.py").write_text("name = 'changed'")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "begin.py"))
    monkeypatch.setenv("MPLBACKEND", "no such backend")
    path = notebook("import sys, matplotlib\nprint(sys.executable, matplotlib.get_backend())")
    run(path)
    shown = nbformat.read(path.parent / "out" / "e.ipynb", 4).cells[-1].outputs[0]["text"]
    assert shown.startswith(sys.executable) and "inline" in shown
    assert os.environ["JUPYTER_PATH"] == str(tmp_path / "jupyter")
