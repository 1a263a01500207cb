"""The command line behind the Makefile: `python -m pneumo_utils report demo`."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_utils.deployment import prediction_command
from pneumo_utils.deployment.web import export_command, serve_command
from pneumo_utils.pipeline import command_arguments
from pneumo_utils.records import unforeseen

if TYPE_CHECKING:
    from pneumo_utils.pipeline.runner import Pipeline

PROJECT = Path(__file__).resolve().parent.parent
_SCORING = {"predict": prediction_command, "serve": serve_command, "export": export_command}


def _parser() -> argparse.ArgumentParser:
    return command_arguments.parser(PROJECT, _SCORING)


def _from_project(path: str) -> str:
    """A path as it was typed, relative to the project as in parameter files."""
    return Path(os.path.relpath(os.path.expanduser(path), PROJECT)).as_posix()  # noqa: PTH111 - of an unknown ~name, too


def _set_apart() -> None:
    """What a user has set up for other figures must not change these; set before matplotlib is imported."""
    if (found := importlib.util.find_spec("matplotlib")) is not None:  # what lacks packages is told of them later
        os.environ["MATPLOTLIBRC"] = str(Path(found.origin).parent / "mpl-data" / "matplotlibrc")
    os.environ["MPLBACKEND"] = "agg"


def _print(text: object, end: str = "\n") -> None:
    """Print at once, and name the place where that cannot be done; who reads no more, as `| head`, has enough."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would try again as it ends
        if not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "standard output") from error


def _run(given: argparse.Namespace) -> int:
    if given.command == "predict" and given.scheduler:
        from pneumo_utils.pipeline import scheduled_scoring  # imported here: `--help` should not wait for pandas

        return scheduled_scoring.run(given)
    if given.command in _SCORING:
        return _SCORING[given.command].run(given)
    if given.command == "compare":
        from pneumo_utils.reporting import comparison_page  # imported here, as above

        _print(os.path.relpath(comparison_page.write(given.first, given.second, given.reports.resolve())))
    elif given.command == "clean":
        _clean(given)
    elif given.command == "parameters" and not given.study:
        _describe_parameters(given)
    elif given.command == "reports":
        _reports(given)
    else:
        _OF_STUDY[given.command](_pipeline_of(given, given.study), given)
    return 0


def _describe_parameters(given: argparse.Namespace) -> None:
    from pneumo_utils.study import description  # imported here, as above

    if alone := given.notebook or given.model:
        raise ValueError(f"study must be named with --notebook and --model, got {alone} alone")
    _print(description.describe())


def _clean(given: argparse.Namespace) -> None:
    from pneumo_utils.pipeline import cleaning  # imported here, as above

    reports, data = given.reports.resolve(), PROJECT / "data"
    own = reports == PROJECT / "reports"  # studies of other folders, too, read what is drawn in data/
    deleted, left = cleaning.clean(given.params, reports, data if own else None)
    for place in deleted:
        _print(f"deleted {os.path.relpath(place)}")
    for place, reason in left.items():
        _print(f"kept {os.path.relpath(place)}: {reason}")


def _reports(given: argparse.Namespace) -> None:
    from pneumo_utils.pipeline import several_studies  # imported here, as above

    _check_training(given)
    pipelines = [_pipeline_of(given, name) for name in several_studies.expand(given.studies, given.params)]
    page = several_studies.run(pipelines, pipelines[0].store.reports, given.scheduler, given.threads)
    _print(os.path.relpath(page or pipelines[0].store.folder / "index.html"))


def _pipeline_of(given: argparse.Namespace, name: str) -> Pipeline:
    """The study `name`, with the data and weights that are given in place of its own."""
    from pneumo_utils.pipeline import runner  # imported here, as above
    from pneumo_utils.study import definition

    data, weights = (getattr(given, name, "") for name in ("data", "weights"))
    replaced = {
        "data": _from_project(data) if data else "",
        "weights": weights if weights in ("", "imagenet", "none") else _from_project(weights),
    }
    chosen = definition.load(name, given.params, **replaced)
    return runner.Pipeline(name, chosen, PROJECT, given.reports.resolve())


def _parameters(pipeline: Pipeline, given: argparse.Namespace) -> None:
    from pneumo_utils.study import definition  # imported here, as above

    _print(
        definition.to_yaml(pipeline.given.of_notebook(pipeline.steps, given.notebook or "01_eda", given.model)), end=""
    )


def _data(pipeline: Pipeline, _: argparse.Namespace) -> None:
    from pneumo_utils.datasets import folder_layout  # imported here, as above

    _print(folder_layout.locate(pipeline.obtain()))


def _pdf(pipeline: Pipeline, _: argparse.Namespace) -> None:
    from pneumo_utils.reporting import study_pdf  # imported here, as above

    names = ["index", *(step.page for step in pipeline.steps), "cases", "cards"]
    _print(os.path.relpath(study_pdf.write(pipeline.store, names)))


def _plan(pipeline: Pipeline, given: argparse.Namespace) -> None:
    from pneumo_utils.pipeline import training_command, training_work  # imported here, as above

    training_work.check(given.job)
    pipeline.check()
    downloads = training_command.find_downloads(pipeline)
    if not downloads:
        pipeline.prepare()
    _print(training_command.tell_plan(pipeline, given.job, downloads))


def _work(pipeline: Pipeline, given: argparse.Namespace) -> None:
    from pneumo_utils.pipeline import training_command, training_work  # imported here, as above

    training_work.check(given.job, given.threads, given.scheduler)
    pipeline.check()
    pipeline.prepare()
    _print(training_command.do_work(pipeline, given.job, given.threads, given.scheduler))


def _report(pipeline: Pipeline, given: argparse.Namespace) -> None:
    from pneumo_utils.pipeline import study_lock, study_run, training_work  # imported here, as above

    started = time.monotonic()
    _check_training(given)
    pipeline.check()
    pipeline.prepare()
    if given.scheduler:
        training_work.work(pipeline, "1/1", given.threads, given.scheduler)
    with study_lock.hold(pipeline.name, pipeline.store.work):
        ran = study_run.StudyRun(pipeline).to_the_end()
    page = Path(os.path.relpath(pipeline.store.folder / "index.html"))
    _print(f"{page}: {ran} of {len(pipeline.steps)} notebooks ran, {time.monotonic() - started:.0f} s")


def _check_training(given: argparse.Namespace) -> None:
    """Whether a study that is run whole can be trained as asked."""
    from pneumo_utils.pipeline import training_work  # imported here, as above

    training_work.check("1/1", given.threads, given.scheduler)
    if given.threads and not given.scheduler:
        raise ValueError(f"threads must be left out where no scheduler trains, got {given.threads}: train with work")


_OF_STUDY = {"report": _report, "data": _data, "pdf": _pdf, "plan": _plan, "work": _work, "parameters": _parameters}


def _advice(sentence: str) -> str:
    if any(os.strerror(number) in sentence for number in (errno.ENOSPC, errno.EDQUOT)):
        return ": make room and run again; what was finished is kept"
    if os.strerror(errno.EISDIR) in sentence:
        return ": a file must stand there; move the folder away and run again"
    return ""


def _open_standard_error() -> None:
    """Where it was closed, Python says on the standard output what belongs there, and libraries into whichever file is
    opened next: both may be a table of scores.
    """
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: PTH123, SIM115 - a number, and open to the end


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 where all went well, 1 after a sentence about what did not, 130 when interrupted.

    `predict` has 3, too: some files were refused, or a wanted answer could not be written.
    """
    _open_standard_error()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("pneumo_utils").setLevel(logging.INFO)
    for name in ("SIGTERM", "SIGHUP"):  # asked to end, or the terminal was closed: as good as interrupted
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, signal.default_int_handler)
    if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal cannot show stops nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _set_apart()
        return _run(_parser().parse_args(arguments))
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except Exception as error:  # one that nobody foresaw, too, in one sentence
        for sentence in unforeseen.sentences(error):
            print(f"error: {' '.join(sentence.split())}{_advice(sentence)}", file=sys.stderr)
        if os.environ.get("PNEUMO_DEBUG"):
            raise
        return 1


def script() -> None:
    """What the command `pneumo-utils` runs."""
    sys.exit(main())


if __name__ == "__main__":
    script()
