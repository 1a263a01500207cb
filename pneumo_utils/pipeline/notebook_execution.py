"""Runs one notebook through papermill: parameters are checked first, and a failure leaves nothing that looks whole."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import write_ipynb
from traitlets.config import Config

from pneumo_utils.pipeline.stall_guard import StallGuard
from pneumo_utils.records import fingerprint

_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # colours of a terminal
_KERNEL = "python3"
_STARTS = 3  # a kernel that fails to start is tried again; later failures are never repeated


class NotebookError(RuntimeError):
    """A notebook did not run to its end; the message names notebook, cell and cause.

    Args:
        message: one sentence.
        details: the traceback in the notebook, if there is one.
    """

    def __init__(self, message: str, details: str = ""):
        super().__init__(message)
        self.details = details


def check_parameters(notebook: Path, parameters: dict) -> None:
    """Compare `parameters` with the notebook's tagged cell, since papermill itself only warns.

    Raises:
        NotebookError: a parameter the notebook does not have, one it has that is not given, or another type.
    """
    declared = papermill.inspect_notebook(_no_pattern(notebook))
    if not declared:
        raise NotebookError(f"{notebook.name} must have a cell tagged 'parameters', got none")
    if set(declared) != set(parameters):
        missing, unknown = sorted(set(declared) - set(parameters)), sorted(set(parameters) - set(declared))
        raise NotebookError(f"{notebook.name} must get its own parameters, got missing {missing}, unknown {unknown}")
    for name, found in declared.items():
        kind = found["inferred_type_name"]
        value = parameters[name]
        if kind != "None" and type(value).__name__ != kind:
            raise NotebookError(f"{notebook.name}: {name} must be {kind}, got {value!r}")


def run(
    notebook: Path,
    parameters: dict,
    *,
    executed: Path,
    broken: Path,
    minutes: float,
    told: Path | None = None,
    scratch: Path | None = None,
) -> float:
    """Run `notebook` from its own folder.

    Args:
        notebook: the `.ipynb`, not changed.
        parameters: all of the notebook's parameters.
        executed: where the notebook with its outputs goes, only when it ran to its end.
        broken: where it goes otherwise, for a look.
        minutes: longest time without progress.
        told: file in which it tells its progress; None: cells are all the progress there is.
        scratch: folder for what a kernel needs while it runs; None: the system's own.

    Returns:
        seconds it took.

    Raises:
        NotebookError: a cell failed, nothing moved for too long, or the kernel died.
    """
    check_parameters(notebook, parameters)
    executed.parent.mkdir(parents=True, exist_ok=True)
    for old in (executed, broken):
        old.unlink(missing_ok=True)
    started = time.monotonic()
    guard = StallGuard(minutes, told)
    with _told_as_one_sentence(notebook, broken, guard, minutes), guard:
        _execute(notebook, parameters, broken, guard, scratch)
    broken.replace(executed)
    return time.monotonic() - started


@contextlib.contextmanager
def _told_as_one_sentence(notebook: Path, broken: Path, guard: StallGuard, minutes: float):
    """Whatever stops a notebook as a `NotebookError`; what the system has against a file as it is."""
    try:
        yield
    except PapermillExecutionError as error:
        details = _ANSI.sub("", "\n".join(error.traceback))
        raise NotebookError(_describe_failure(notebook, error, broken), details) from error
    except DeadKernelError as error:
        raise NotebookError(f"{_describe_death(notebook, guard.stalled, minutes)}; see {broken}") from error
    except (OSError, NotebookError):
        raise
    except Exception as error:  # of papermill, nbclient or jupyter: no more is known of it than its name
        raise NotebookError(f"{notebook.stem} must run to its end, got {type(error).__name__}: {error}") from error


class _SaveOnce(NBClientEngine):
    """Writes the notebook when it ends, however it ends. Papermill's own does so before and after each of its cells,
    which takes longer than most of them: figures are large.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, saved_to: Path, guard: StallGuard, **kwargs) -> None:
        """See `NBClientEngine`; what ran to its end, or to a cell that failed, papermill writes itself."""
        begin = nb_man.cell_start

        def cell_start(*given, **named):
            guard.move()
            return begin(*given, **named)

        nb_man.cell_start = cell_start
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        except BaseException:
            write_ipynb(nb_man.nb, str(saved_to))
            raise


def _execute(notebook: Path, parameters: dict, output: Path, guard: StallGuard, scratch: Path | None) -> None:
    logging.getLogger("papermill").setLevel(logging.ERROR)
    papermill_engines.register("saved-once", _SaveOnce)
    for attempt in range(_STARTS):
        with _quiet_kernel(scratch) as config:
            try:
                papermill.execute_notebook(
                    _no_pattern(notebook), _no_pattern(output), parameters=parameters, kernel_name=_KERNEL,
                    progress_bar=False, cwd=str(notebook.parent), config=config,
                    extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                    engine_name="saved-once", request_save_on_cell_execute=False, saved_to=output.resolve(),
                    guard=guard,
                )  # fmt: skip
                return
            except RuntimeError as error:  # nbclient: the kernel never answered
                if "Kernel" not in str(error) or "start" not in str(error) or attempt == _STARTS - 1:
                    raise


def _no_pattern(path: Path) -> str:
    """The path with its braces doubled: papermill fills parameters into single ones."""
    return str(path).replace("{", "{{").replace("}", "}}")


@contextlib.contextmanager
def _quiet_kernel(scratch: Path | None):
    """A kernel of this interpreter, whatever kernels, profiles and start-up files its user has for other work.

    Its sockets lie in a private folder instead of TCP ports: kernels that start at once cannot race for one.
    """
    # a short name: that of a socket may have about a hundred letters
    with tempfile.TemporaryDirectory(prefix="k", dir=scratch) as folder, _kernel_of_this_python(Path(folder)):
        config = Config()
        for manager in ("KernelManager", "AsyncKernelManager"):
            config[manager].transport = "ipc"
            config[manager].ip = f"{folder}/k"
        yield config


@contextlib.contextmanager
def _kernel_of_this_python(folder: Path):
    place = folder / "kernels" / _KERNEL
    place.mkdir(parents=True)
    packages = filter(None, (str(fingerprint.PACKAGE.parent), os.environ.get("PYTHONPATH")))
    environment = {
        "PYTHONPATH": os.pathsep.join(packages),  # this package, whatever checkout has built the environment
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONSTARTUP": "",
        "TMPDIR": str(folder),  # what a kernel that is killed leaves goes with the folder
    }
    started = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    named = {"argv": started, "display_name": "Python 3", "language": "python", "env": environment}
    (place / "kernel.json").write_text(json.dumps(named), encoding="utf-8")
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before


def _describe_death(notebook: Path, stalled: bool, minutes: float) -> str:
    if stalled:
        return f"{notebook.stem} must make progress within {minutes:g} minutes, got none"
    return f"{notebook.stem}: the kernel must live to the end, got killed (out of memory?)"


def _describe_failure(notebook: Path, error: PapermillExecutionError, broken: Path) -> str:
    last = (error.source.strip().splitlines() or [""])[0]
    cause = " ".join(str(error.evalue).split())
    return f"{notebook.stem}, cell {error.cell_index} ({last}): {error.ename}: {cause}; see {broken}"
