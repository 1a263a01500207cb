"""Which GPUs there are, and which of them a worker gets."""

import os

import pytest

from pneumo_utils.pipeline import gpus


def install(folder, driver):
    """A program that lists GPUs."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{driver}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("named", ["x", "-2", "0,first", "gpu-8a"])
def test_what_is_no_gpu_is_refused_by_name(monkeypatch, named):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    word = named.rpartition(",")[2]
    rule = "CUDA_VISIBLE_DEVICES must hold numbers, or names that begin with GPU- or MIG-"
    with pytest.raises(gpus.GPUError, match=f"^{rule}, got {word}$"):
        gpus.visible()


@pytest.mark.parametrize(
    ("named", "seen"),
    [("0", ("0",)), ("4, 7", ("4", "7")), ("GPU-8a,1", ("GPU-8a", "1")), ("", ()), ("-1", ()), ("2,-1,3", ("2",))],
)
def test_gpus_that_the_user_names_are_those_that_cuda_would_see(monkeypatch, named, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpus.visible() == seen


def test_a_number_that_is_no_gpu_of_this_machine_is_told(monkeypatch, tmp_path):
    install(tmp_path, "echo GPU-1; echo GPU-2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-2,0")
    assert gpus.visible() == ("1", "GPU-2", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,7")
    with pytest.raises(gpus.GPUError, match="must name GPUs of this machine, 0 to 1, got 7"):
        gpus.visible()


@pytest.mark.parametrize(
    ("driver", "seen"),
    [
        ("echo GPU-1; echo GPU-2", ("GPU-1", "GPU-2")),
        ("echo 'NVIDIA-SMI has failed'; exit 9", ()),
        (None, ()),
    ],
)
def test_else_the_driver_is_asked_and_without_one_there_is_none(monkeypatch, tmp_path, driver, seen):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if driver:
        install(tmp_path, driver)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), *(["/bin", "/usr/bin"] if driver else [])]))
    assert gpus.visible() == seen


def test_each_worker_gets_one_gpu_and_without_any_nothing_changes():
    got = [gpus.environment(("a", "b"), worker)["CUDA_VISIBLE_DEVICES"] for worker in range(4)]
    assert got == ["a", "b", "a", "b"]
    assert gpus.environment((), 3) == {}
