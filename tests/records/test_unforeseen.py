import subprocess
import sys

import pytest

from pneumo_utils import __main__ as command_line
from pneumo_utils.pipeline import preflight
from pneumo_utils.records import fingerprint, unforeseen


def fail(*_):
    return fingerprint.of_file(None)  # a fault in a room of the package


def test_an_error_that_nobody_foresaw_is_named_with_its_place():
    with pytest.raises(AttributeError) as caught:
        fail()
    said = unforeseen.describe(caught.value)
    assert said.startswith("nobody foresaw AttributeError: 'NoneType' object has no attribute 'is_file', in ")
    assert ", in pneumo_utils/records/fingerprint.py:" in said and said.endswith("PNEUMO_DEBUG=1 shows the traceback")
    assert unforeseen.describe(KeyError()) == "nobody foresaw KeyError; PNEUMO_DEBUG=1 shows the traceback"


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, OSError])
def test_an_error_that_says_nothing_is_named_at_least(kind):
    assert unforeseen.sentences(kind()) == [f"nobody foresaw {kind.__name__}; PNEUMO_DEBUG=1 shows the traceback"]


@pytest.mark.parametrize("kind", [KeyError, TypeError, ZeroDivisionError, AssertionError, EOFError, StopIteration])
def test_the_command_line_ends_with_one_sentence_whatever_goes_wrong(monkeypatch, capsys, kind):
    def run(_):
        raise kind("odd\nthing")

    monkeypatch.setattr(command_line, "_run", run)
    assert command_line.main(["clean"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: nobody foresaw {kind.__name__}: ")
    monkeypatch.setenv("PNEUMO_DEBUG", "1")
    with pytest.raises(kind):
        command_line.main(["clean"])


def test_too_little_memory_is_told_as_that(monkeypatch, capsys):
    def run(_):
        raise MemoryError

    monkeypatch.setattr(command_line, "_run", run)
    assert command_line.main(["clean"]) == 1
    assert capsys.readouterr().err == "error: the machine must have memory for this, got too little\n"


def test_what_is_checked_first_tells_of_faults_that_nobody_foresaw_beside_others():
    def refuse():
        raise ValueError("data folder must exist, got '/gone'")

    with pytest.raises(preflight.PreflightError) as caught:
        preflight.run([fail, refuse])
    one, other = caught.value.sentences
    assert one.startswith("nobody foresaw AttributeError") and other == "data folder must exist, got '/gone'"


def test_a_name_that_the_terminal_cannot_show_stops_nothing():
    code = (
        "import sys; from pneumo_utils import __main__ as m\n"
        "m._run = lambda given: print('caf\\u00e9 \\udce9') or 0\n"
        "sys.exit(m.main(['clean']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stdout) == (0, b"caf\\xe9 \\udce9\n")


def test_a_fault_of_the_disk_is_told_before_a_study_as_anywhere(tmp_path):
    def refuse():
        raise PermissionError(13, "Permission denied", str(tmp_path / "train"))

    with pytest.raises(preflight.PreflightError) as caught:
        preflight.run([refuse])
    assert caught.value.sentences == [f"{tmp_path / 'train'} must be usable, got: Permission denied"]
