"""The worked examples: what they call is there, and they say what the program understands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from pneumo_utils.__main__ import PROJECT, _parser

DEPLOY = PROJECT / "deploy"


def understood(text: str) -> list[str]:
    """Every call of the program in `text`, parsed; the names of its commands."""
    calls = re.findall(r"pneumo_utils ([^\"\n]+)", text)
    words = [shlex.split(re.sub(r"\$\(\([^)]*\)\)|\$\{[^}]*\}|\$\w+", "1", call)) for call in calls]
    return [_parser().parse_args([word if word != "1/1" else "1/2" for word in call]).command for call in words]


@pytest.mark.parametrize(
    ("gpu", "environment", "asked"),
    [("", ".venv", ""), ("0", ".venv", ""), ("1", ".venv-gpu", "--gres=gpu:1")],
)
def test_the_array_for_slurm_submits_every_share_and_then_the_pages(tmp_path, gpu, environment, asked):
    python, bash, log = tmp_path / environment / "bin" / "python", shutil.which("bash"), tmp_path / "log"
    if bash is None:
        pytest.skip("no bash")
    python.parent.mkdir(parents=True)
    for program in (tmp_path / "sbatch", tmp_path / "make", python):
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> "$LOG"\necho "17;east"\n')
        program.chmod(0o755)
    own = {"study": "kermany-night", "data": "/my data/it's chest_xray", "gpu": gpu, "LOG": str(log)}
    own["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    script = [bash, DEPLOY / "slurm-array.sh"]
    subprocess.run(script, env=os.environ | own, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    made, planned, shares, pages = log.read_text().splitlines()
    assert made == f"install GPU={gpu if asked else ''}"
    assert planned.endswith(f"plan kermany-night --data {own['data']}")
    assert "--array=1-8" in shares and "--job $SLURM_ARRAY_TASK_ID/8 --threads ${SLURM_CPUS_PER_TASK:-0}" in shares
    for job in (shares, pages):  # as the shell of the job reads it
        assert shlex.split(job.partition("--wrap ")[2])[5:7] == ["--data", own["data"]]
    assert "--dependency=afterok:17 " in pages and "report 'kermany-night'" in pages
    assert f"--wrap {environment}/bin/python" in shares and asked in shares and ("gres" in pages) == bool(asked)
    assert understood(shares) == ["work"] and understood(pages) == ["report"]


def test_the_job_for_kubernetes_does_every_share_once():
    job = YAML(typ="safe").load(DEPLOY / "kubernetes-job.yaml")["spec"]
    container = job["template"]["spec"]["containers"][0]
    assert job["completionMode"] == "Indexed"
    assert f"--job $((JOB_COMPLETION_INDEX + 1))/{job['completions']} " in container["args"][0]
    assert understood(container["args"][0]) == ["work"]
    assert "--weights /data/weights" in container["args"][0], "a pod whose download fails would train from random ones"
    assert not container["image"].endswith(":latest")
    assert {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]} in job["podFailurePolicy"]["rules"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in job["template"]["spec"]["volumes"]}


def test_the_container_copies_what_is_there_and_runs_a_command_that_is_known():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[2:-1]]
    assert {"pneumo_utils", "notebooks", "params", "requirements.txt"} <= set(copied)
    assert all((PROJECT / name).exists() for name in copied)
    sent = {line[1:] for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sent == set(copied), "what is copied is sent to the builder, and nothing else"
    assert "USER 1000" in lines, "a cluster sees by the number that it is not root"
    assert lines[-1] == 'CMD ["report", "demo"]' and _parser().parse_args(["report", "demo"]).study == "demo"
