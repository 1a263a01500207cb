"""Where numbers come from: code, parameters, data, versions and machine. No TensorFlow."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import psutil

_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # set by hooks of git: they would name another repository
_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scipy", "scikit-learn", "opencv-python-headless")


def git_state(project: Path) -> str:
    """Commit of `project`, marked `dirty` where files differ from it; `unknown` where it is no git checkout itself."""
    try:
        if Path(_git(project, "rev-parse", "--show-toplevel")).resolve() != project.resolve():
            return "unknown"  # unpacked within somebody else's
        commit = _git(project, "rev-parse", "--short=12", "HEAD")
        return commit + (" (dirty)" if _git(project, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(project: Path, *words: str) -> str:
    own = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
    done = subprocess.run(["git", "-C", str(project), *words], capture_output=True, env=own, check=True)
    return os.fsdecode(done.stdout).strip()


def versions(*more: str) -> dict[str, str]:
    """Versions of Python and of the packages that networks depend on, and of `more` that are installed."""
    found = {"Python": platform.python_version()}
    for package in (*_PACKAGES, *more):
        for name in (package, f"{package}-cpu"):
            try:
                found[package] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return found


def machine() -> str:
    """Processor architecture, cores and memory, in words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"


def peak_memory() -> float:
    """Largest memory this process has held so far, in MiB."""
    with suppress(OSError, ValueError, IndexError):  # Linux: what `getrusage` says begins with that of the parent
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**10
    usage = psutil.Process().memory_info()
    peak = getattr(usage, "peak_wset", None)  # Windows
    if peak is None:
        import resource  # not on Windows

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)
    return peak / 2**20


def sentence(versions_shown: tuple[str, ...] = ("Python", "numpy", "pandas")) -> str:
    """One line for the end of a page: versions, machine and memory."""
    found = versions()
    shown = ", ".join(f"{name} {found[name]}" for name in versions_shown if name in found)
    return f"{shown}; {machine()}; peak memory of this notebook {peak_memory():,.0f} MiB."
