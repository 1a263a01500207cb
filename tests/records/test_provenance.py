"""Where numbers come from is said rightly, on any machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from pneumo_utils.records import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-config"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.txt").write_text("1")
    for words in (("init",), ("add", "."), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "first")):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
    return folder


def test_a_clean_checkout_is_its_commit(checkout):
    state = provenance.git_state(checkout)
    assert len(state) == 12
    assert set(state) <= set("0123456789abcdef")


def test_changed_and_new_files_make_it_dirty(checkout):
    clean = provenance.git_state(checkout)
    (checkout / "b.txt").write_text("2")
    assert provenance.git_state(checkout) == f"{clean} (dirty)"
    (checkout / "b.txt").unlink()
    (checkout / "a.txt").write_text("2")
    assert provenance.git_state(checkout) == f"{clean} (dirty)"


def test_outside_a_checkout_or_without_git_the_state_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_state(tmp_path) == "unknown"
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state(tmp_path) == "unknown"


def test_a_project_unpacked_within_somebody_elses_checkout_has_no_commit(checkout):
    (checkout / "unpacked").mkdir()
    assert provenance.git_state(checkout / "unpacked") == "unknown"


def test_a_repository_that_the_environment_names_is_not_asked(checkout, tmp_path, monkeypatch):
    own = provenance.git_state(checkout)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))
    assert provenance.git_state(checkout) == own != "unknown"


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells the peak of the process itself")
def test_peak_memory_is_not_that_of_the_process_that_started_this_one():
    held = np.ones(60_000_000)  # 480 MB
    code = "from pneumo_utils.records import provenance; print(provenance.peak_memory())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(said) < 300 < provenance.peak_memory() and held.all()


def test_versions_name_what_numbers_depend_on():
    found = provenance.versions()
    assert found["Python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert {"pandas", "scikit-learn", "tensorflow"} <= set(found)


def test_a_package_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(provenance, "_PACKAGES", ("numpy", "no-such-package"))
    assert set(provenance.versions()) == {"Python", "numpy"}


def test_the_machine_is_told_in_words():
    assert platform.machine() in provenance.machine()
    assert " cores, " in provenance.machine()


def test_peak_memory_is_in_mebibytes_and_no_less_than_what_is_held():
    block = np.ones(50 * 2**17)  # 50 MiB
    held = psutil.Process().memory_info().rss / 2**20
    peak = provenance.peak_memory()
    assert held * 0.99 <= peak <= psutil.virtual_memory().total / 2**20
    del block
    assert provenance.peak_memory() >= peak


def test_the_sentence_names_versions_machine_and_memory():
    said = provenance.sentence(("Python", "numpy", "no-such-package"))
    assert said.startswith(f"Python {platform.python_version()}, numpy {np.__version__}; {provenance.machine()}; peak ")
    assert said.endswith(" MiB.")
