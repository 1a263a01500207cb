"""A study, ready to run: what can go wrong is found first, and what must run again is known by content.

A step runs again when its notebook, its parameters, the rooms it uses or the files it reads have changed, or when
something it wrote is missing or altered; all are told by content, not by time.
"""

from __future__ import annotations

import difflib
import logging
from functools import cached_property, partial
from pathlib import Path

from pneumo_utils.datasets import folder_layout, manifest, passed_over, patient_table, sources
from pneumo_utils.deployment.quality_control import gate_fitting
from pneumo_utils.networks import pretrained_weights, spatial_layers
from pneumo_utils.pipeline import notebook_source, preflight, run_records
from pneumo_utils.pipeline.notebook_parameters import NotebookParameters, PipelineError
from pneumo_utils.pipeline.page_renderer import PageRenderer
from pneumo_utils.records import fingerprint, provenance
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.study import expected_space, expected_time, steps
from pneumo_utils.study.definition import Study

# Read files, measure engines or draw figures: pages depend on them, networks do not.
_PACKAGES = (
    "pillow", "simplejpeg", "pydicom", "matplotlib", "seaborn", "onnxruntime", "ai-edge-litert", "tf2onnx"
)  # fmt: skip
_log = logging.getLogger(__name__)


class Pipeline:
    """One study, ready to run.

    Args:
        name: of the study.
        study: its checked parameters.
        project: folder that holds `notebooks` and `pneumo_utils`.
        reports: folder of all reports.
    """

    def __init__(self, name: str, study: Study, project: Path, reports: Path):
        self.name, self.study, self.project = name, study, project
        self.notebooks = project / "notebooks"
        self.store = Store(name, reports)
        self.steps = steps.of_study(study.training.models, study.training.seeds, study.training.retrained_model)
        self.given = NotebookParameters(name, study, project, reports)
        self.pages = PageRenderer(study, self.steps, self.store, project, reports)
        self.start: dict[str, Path | None] = {}
        self.data: Path | None = None  # until it is prepared

    def check(self) -> None:
        """Find out what can go wrong, as far as that needs no work; nothing is downloaded, unpacked or drawn.

        Raises:
            PreflightError: reports or caches cannot be written, the disk is too small, a notebook, package, the data or
                weights are not there: all that is wrong, told at once.
        """
        at_hand = self.study.training.models if self.study.training.weights != "imagenet" else []
        checks = [self._check_packages, self._check_writable, self._check_caches, self._check_notebooks]
        checks += [
            self._check_data,
            self._check_layers,
            self._check_disk,
            *(partial(self.find_start, model) for model in at_hand),
        ]
        preflight.run(checks)

    def prepare(self) -> None:
        """Have weights and radiographs at hand, downloaded, unpacked or drawn where need be; once it is checked.

        Raises:
            ValueError: they cannot be had, no study can be made of them, or the disk is too small for as many.
        """
        for model in self.study.training.models:
            self.find_start(model)
        self.data = self.obtain()
        given = self.study.data
        limits = {"smallest_side": given.smallest_side, "least_grey_range": given.least_grey_range}
        manifest.check(self.data, patients=self.given.place(given.patients) if given.patients else "", **limits)
        outside = sum(not path.startswith("test/") for path in self._paths)
        self._check_size(round(outside * (1 - self.study.split.validation_fraction)), outside)
        needed = expected_space.of_study(self.study, self.pictures)
        preflight.check_disk({self.store.work: needed.disk}, self.store.folder)
        preflight.tell_space(needed)

    def least_disk(self) -> dict[Path, float]:
        """Bytes that the study takes at least, by its folder of work, as far as is known before any download."""
        return {self.store.work: expected_space.of_study(self.study, self._count_early()).disk}

    def _count_early(self) -> int:
        """Radiographs that there will be; of a zip, which is not looked into, none."""
        data = self.study.data
        if data.source != "folder":
            return data.phantom_patients if data.source == "phantom" else sources.PUBLISHED_PICTURES
        place = self.given.place(data.folder)
        return 0 if place.is_file() else len(folder_layout.list_files(folder_layout.locate(place)))

    @property
    def pictures(self) -> int:
        """Files in the folders of its radiographs; as many as are foreseen until it is prepared."""
        return len(self._paths) if self.data else self._count_early()

    @cached_property
    def _paths(self) -> list[str]:
        return folder_layout.list_files(folder_layout.locate(self.data))

    @cached_property
    def expected(self) -> dict[str, float]:
        """Seconds of every page on the reference machine; once it is checked."""
        return expected_time.of_steps(self.steps, self.study, self.pictures)

    def expected_stages(self, model: str, seeds: list[int]) -> dict[str, float]:
        """Seconds of the stages of trainings on the reference machine, in running order; once it is checked."""
        return expected_time.of_stages(model, seeds, self.study, self.pictures)

    def _check_size(self, train: int, outside: int) -> None:
        preflight.check_size(train, outside, self.study.split.validation_fraction, gate_fitting.FEWEST)

    def _check_notebooks(self) -> None:
        missing = sorted({step.notebook for step in self.steps if not self.notebook(step).is_file()})
        if missing:
            raise PipelineError(f"notebooks must hold {', '.join(missing)} (.ipynb), got none in {self.notebooks}")
        first = {step.notebook: step for step in reversed(self.steps)}  # of each notebook
        preflight.run([partial(self._check_notebook, first[name]) for name in sorted(first)])

    def _check_notebook(self, step: steps.Step) -> None:
        notebook_source.check(self.notebook(step))
        self.given.of_step(step, {})

    def _check_packages(self) -> None:
        preflight.check_packages(self.study.deployment.exported_engines)

    def _check_data(self) -> None:
        given = self.study.data
        if given.patients:
            patient_table.read_table(self.given.place(given.patients))
        sources.check(given.source, str(self.given.place(given.folder)) if given.folder else "")

    def _check_disk(self) -> None:
        try:
            needed = self.least_disk()
        except ValueError:  # no radiographs to count, which `_check_data` tells
            return
        if self.store.work.is_dir():  # or `_check_writable` tells why not
            preflight.check_disk(needed, self.store.folder)

    def _check_layers(self) -> None:
        for named in self.study.gradcam.explained_layers:
            model, _, layer = named.partition(":")
            known = spatial_layers.explainable(model)
            if layer not in known:
                near = difflib.get_close_matches(layer, known, n=1) or known[-1:]
                rule = f"gradcam.explained_layers must name layers of {model} with height and width, in no branch"
                raise PipelineError(f"{rule}, got {named}, did you mean {model}:{near[0]}?")

    def _check_writable(self) -> None:
        preflight.check_folder(self.store.work, "reports folder", self.store.folder)

    def _check_caches(self) -> None:
        """Whether what is to be drawn, unpacked or downloaded can be kept."""
        data, training = self.study.data, self.study.training
        if data.source not in ("folder", "kaggle") or self.given.place(data.folder).is_file():
            cache = self.given.place(data.cache)
            preflight.check_folder(cache, "cache folder", cache)
        fetched = set(training.models) & {*pretrained_weights.PRETRAINED} - {*training.random_weights_allowed}
        files = [pretrained_weights.keras_file(model) for model in fetched if training.weights == "imagenet"]
        for folder in {file.parent for file in files if not file.is_file()}:
            preflight.check_folder(folder, "folder of ImageNet weights", folder)

    def find_start(self, model: str) -> None:
        """Have the weights that `model` starts from at hand, downloaded where need be; raises as `prepare`."""
        if model not in self.start:
            self.start[model] = self._start_of(model)

    def _start_of(self, model: str) -> Path | None:
        settings = self.study.training
        given = settings.weights
        path = given if given in ("imagenet", "none") else str(self.given.place(given))
        try:
            found = pretrained_weights.resolve(model, path)
        except pretrained_weights.WeightsError as error:
            if model not in settings.random_weights_allowed:
                raise
            _log.warning("%s starts from random weights, as the study allows: %s", MODELS[model], error)
            return None
        if found is None and model in pretrained_weights.PRETRAINED and model not in settings.random_weights_allowed:
            raise PipelineError(
                f"weights none must be allowed for {model} in training.random_weights_allowed, "
                f"got {settings.random_weights_allowed}"
            )
        return found

    def obtain(self) -> Path:
        """Provide the radiographs; see `sources.provide`."""
        data = self.study.data
        drawn = {name: getattr(data, name) for name in ("phantom_patients", "phantom_seed", "phantom_shortcut")}
        folder = str(self.given.place(data.folder)) if data.folder else ""
        return sources.provide(data.source, folder=folder, cache=self.given.place(data.cache), **drawn)

    def _data_state(self) -> str:
        """Hash that changes with whatever `01_eda` looks at."""
        root, whose = folder_layout.locate(self.data), self.study.data.patients
        return fingerprint.of(
            fingerprint.of_folder(root),
            passed_over.find(self.data, root),
            fingerprint.of_file(self.given.place(whose)) if whose else "",
        )

    def is_fresh(self, step: steps.Step, record: dict, key: str) -> bool:
        """Whether `step` has run with `key`, and what it wrote is there as it wrote it."""
        return record.get("key") == key and record.get("written") == self._output_hashes(step)

    def finish(self, step: steps.Step, begun: dict[str, str], seconds: float) -> dict:
        """Keep the record of `step`, whose notebook has run to its end in `seconds`, after what `begun` says of it.

        Raises:
            PipelineError: something that it must write is not there, or it leaves too few radiographs to train on.
        """
        if step.own:
            self.store.join_network_tables(self.study.training.ensemble, self.study.training.seeds)
        missing = [path.name for path in step.writes(self.store) if not path.is_file()]
        if missing:
            raise PipelineError(f"{step.page} must write {', '.join(missing)}, got none")
        if "splits" in step.tables_written:  # what was known before was about how many
            parts = self.store.read("splits")["split"].value_counts()
            self._check_size(int(parts.get("train", 0)), int(parts.drop("test", errors="ignore").sum()))
        record = begun | {"seconds": round(seconds, 1), "written": self._output_hashes(step)}
        run_records.write(self.store, step.page, record)
        return record

    def notebook(self, step: steps.Step) -> Path:
        """The notebook of `step`."""
        return self.notebooks / f"{step.notebook}.ipynb"

    def parameters(self, step: steps.Step) -> dict:
        """What the notebook of `step` is given; see `NotebookParameters.of_step`."""
        return self.given.of_step(step, self.start)

    def key(self, step: steps.Step) -> str:
        """Hash of all that decides what `step` writes: its notebook, parameters, rooms, and the files it reads."""
        notebook = self.notebook(step)
        return fingerprint.of(
            notebook_source.cells(notebook),
            self.parameters(step),
            fingerprint.of_rooms(notebook_source.code(notebook), self.project / "pneumo_utils"),
            [fingerprint.of_file(path) for path in step.reads(self.store)],
            self._data_state() if step.page == "01_eda" else "",
            pretrained_weights.digest(self.start[step.own["model"]]) if step.own else "",
            provenance.versions(*_PACKAGES),
        )

    def _output_hashes(self, step: steps.Step) -> list[str]:
        paths = [*step.writes(self.store), self.store.executed_notebook(step.page)]
        if step.own and self.study.training.precision == "auto":
            paths.append(self.store.precision_file)  # deleted, it is found out anew, and perhaps all is trained anew
        return [fingerprint.of_file(path) for path in paths]
