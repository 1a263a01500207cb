"""The worked examples: what they call is there, and they say what the program understands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pneumo_utils.__main__ import PROJECT, _parser

DEPLOY = PROJECT / "deploy"


def understood(text: str) -> list[str]:
    """Every call of the program in `text`, parsed; the names of its commands."""
    calls = re.findall(r"pneumo_utils ([^\"\n]+)", text)
    words = [re.sub(r"\$\(\([^)]*\)\)|\\?\$\w+", "1", call).replace("'", "").split() for call in calls]
    return [_parser().parse_args([word if word != "1/1" else "1/2" for word in call]).command for call in words]


def test_the_array_for_slurm_submits_every_share_and_then_the_pages(tmp_path):
    (tmp_path / "sbatch").write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> "$LOG"\necho 17\n')
    for name in ("make", "python"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    for name in ("sbatch", "make", "python"):
        (tmp_path / name).chmod(0o755)
    script = (DEPLOY / "slurm-array.sh").read_text().replace("\n.venv/bin/python", "\npython")
    log, bash = tmp_path / "log", shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    given = {
        "study": "kermany-night",
        "data": "/my data/chest_xray",
        "LOG": str(log),
        "PATH": f"{tmp_path}:/usr/bin:/bin",
    }
    subprocess.run([bash, "-c", script], env=os.environ | given, check=True)
    shares, pages = log.read_text().splitlines()
    assert "--array=1-8" in shares and "--job $SLURM_ARRAY_TASK_ID/8" in shares and "'/my data/chest_xray'" in shares
    assert "--dependency=afterok:17" in pages and "report 'kermany-night'" in pages


def test_the_job_for_kubernetes_does_every_share_once():
    job = YAML(typ="safe").load(DEPLOY / "kubernetes-job.yaml")["spec"]
    container = job["template"]["spec"]["containers"][0]
    assert job["completionMode"] == "Indexed"
    assert f"--job $((JOB_COMPLETION_INDEX + 1))/{job['completions']} " in container["args"][0]
    assert understood(container["args"][0]) == ["work"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in job["template"]["spec"]["volumes"]}


def test_the_container_copies_what_is_there_and_runs_a_command_that_is_known():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[2:-1]]
    assert {"pneumo_utils", "notebooks", "params", "requirements.txt"} <= set(copied)
    assert all((PROJECT / name).exists() for name in copied)
    assert lines[-1] == 'CMD ["report", "demo"]' and _parser().parse_args(["report", "demo"]).study == "demo"
    assert Path(PROJECT / "notebooks").is_dir()
