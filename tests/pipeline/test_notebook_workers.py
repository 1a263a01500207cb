"""Notebooks run side by side in processes that die with whoever asked them to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from support.processes import below, gone, until

from pneumo_utils.pipeline import notebook_workers
from pneumo_utils.pipeline.notebook_execution import NotebookError
from pneumo_utils.pipeline.notebook_workers import NotebookWorkers

pytestmark = pytest.mark.slow
MEET = """
import pathlib, time
pathlib.Path(name).touch()
end = time.monotonic() + 150
while not pathlib.Path(other).exists() and time.monotonic() < end:
    time.sleep(0.1)
assert pathlib.Path(other).exists()
"""


def notebook(folder: Path, name: str, source: str) -> Path:
    tagged = new_code_cell('name: str = "x"  # a\nother: str = "x"  # b', metadata={"tags": ["parameters"]})
    content = new_notebook(cells=[tagged, new_code_cell(source)])
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(content, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def start(workers: NotebookWorkers, folder: Path, name: str, source: str, other: str = "x"):
    return workers.run(
        notebook(folder, name, source), {"name": name, "other": other}, told=folder / f"{name}.json",
        executed=folder / f"{name}-e.ipynb", broken=folder / f"{name}-b.ipynb", minutes=4.0,
    )  # fmt: skip


@pytest.mark.long
def test_two_notebooks_run_at_the_same_time_and_each_tells_its_own_progress(tmp_path):
    tell = "\nimport os\nprint(os.environ['PNEUMO_PROGRESS'])"
    with NotebookWorkers(2) as workers:
        both = [start(workers, tmp_path, *pair) for pair in (("a", MEET + tell, "b"), ("b", MEET + tell, "a"))]
        assert all(notebook_workers.result(one, "page") > 0 for one in both), "neither ends before the other began"
    for name in "ab":
        printed = nbformat.read(tmp_path / f"{name}-e.ipynb", 4).cells[-1].outputs[0]["text"]
        assert printed.strip() == str(tmp_path / f"{name}.json")


@pytest.mark.long
def test_a_failure_in_one_arrives_with_its_traceback_and_the_other_is_killed(tmp_path):
    with pytest.raises(NotebookError, match=r"a, cell 2 .*ZeroDivisionError") as error, NotebookWorkers(2) as workers:
        fails = start(workers, tmp_path, "a", MEET + "1 / 0", "b")
        start(workers, tmp_path, "b", MEET + "time.sleep(300)", "a")
        notebook_workers.result(fails, "a")
    assert "1 / 0" in error.value.details
    assert gone([*below(os.getpid(), "ipykernel"), *below(os.getpid(), "spawn_main")])


def test_a_process_that_is_killed_is_one_sentence(tmp_path):
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)"
    sentence = "03_finetune-cnn: the process that runs it must live to the end, got killed"
    with pytest.raises(NotebookError, match=sentence), NotebookWorkers(1) as workers:
        notebook_workers.result(start(workers, tmp_path, "a", kill), "03_finetune-cnn")


@pytest.mark.long
def test_who_is_killed_leaves_no_notebook_running(tmp_path):
    script = tmp_path / "owner.py"
    script.write_text(
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        "from pathlib import Path\n"
        "from test_notebook_workers import MEET, NotebookWorkers, start\n"
        "if __name__ == '__main__':\n"
        f"    folder = Path({str(tmp_path)!r})\n"
        "    with NotebookWorkers(1) as workers:\n"
        "        start(workers, folder, 'a', MEET + 'time.sleep(300)', 'a').result()\n"
    )
    owner = subprocess.Popen([sys.executable, str(script)])
    assert until((tmp_path / "a").exists, 150)
    started = below(owner.pid)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    assert len(started) >= 2 and gone(started)


def test_a_kernel_that_is_killed_leaves_no_folder_behind(tmp_path, monkeypatch):
    with tempfile.TemporaryDirectory() as scratch:  # a short name: sockets lie in it
        monkeypatch.setattr(tempfile, "tempdir", scratch)
        with pytest.raises(KeyboardInterrupt), NotebookWorkers(1) as workers:
            start(workers, tmp_path, "a", "import pathlib, time\npathlib.Path(name).touch()\ntime.sleep(300)")
            assert until(lambda: (tmp_path / "a").exists(), 60)
            assert list(Path(scratch).glob("pneumo*/*/kernels"))
            raise KeyboardInterrupt
        assert not list(Path(scratch).iterdir())
