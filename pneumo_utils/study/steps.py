"""Which notebook makes which page, what it reads and what it writes: the study as a list, in running order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pneumo_utils.records.contracts.deployment import DEPLOYMENT
from pneumo_utils.records.contracts.evaluation import EVALUATION
from pneumo_utils.records.contracts.explanation import EXPLANATION
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS

Files = Callable[[Store], list[Path]]
_ASKED = ("varied_predictions", "perturbed_predictions")  # what every network is asked about besides


def _none(_: Store) -> list[Path]:
    return []


@dataclass(frozen=True)
class Step:
    """One run of one notebook."""

    page: str  # stem of the page and of the executed notebook
    notebook: str  # stem of the notebook
    title: str
    question: str  # that the page answers, for the front page
    tables_read: tuple[str, ...] = ()  # whose change makes it run again
    tables_written: tuple[str, ...] = ()
    files_read: Files = _none  # the same of what is no table of the study
    files_written: Files = _none
    own: dict = field(default_factory=dict)  # parameters of this run alone
    networks: tuple[str, ...] = ()  # whose numbers the page shows

    def reads(self, store: Store) -> list[Path]:
        """Files whose change makes it run again."""
        return [*map(store.table_file, self.tables_read), *self.files_read(store)]

    def writes(self, store: Store) -> list[Path]:
        """Files that are there once it has run."""
        return [*map(store.table_file, self.tables_written), *self.files_written(store)]


def prerequisites(steps: list[Step], store: Store) -> dict[str, set[str]]:
    """Pages that each page waits for: those before it that write what it reads, and all networks unless it is one.

    Args:
        steps: of a study, in running order.
        store: its run directory.
    """
    found = {}
    for place, step in enumerate(steps):
        read = set(step.reads(store))
        found[step.page] = {
            other.page
            for other in steps[:place]
            if read & set(other.writes(store)) or (other.own and not step.own)  # what networks wrote together
        }
    return found


def before_training(listed: list[Step]) -> list[Step]:
    """Those of `listed` that every training waits for."""
    return list(itertools.takewhile(lambda step: not step.own, listed))


def of_study(models: list[str], seeds: list[int], retrained_model: str) -> list[Step]:
    """The steps of a study that trains each of `models` from each of `seeds`, and `retrained_model` on other splits."""
    trained = [_fine_tuning(model, seeds, retrained_model) for model in models]
    return [*_before_training(), *trained, *_after_training(models, seeds, retrained_model)]


def outdated(listed: list[Step], store: Store) -> list[Path]:
    """Pages, notebooks and tables in `store` of networks and second trainings that are not among `listed` any more."""

    def made(some: list[Step]) -> set[Path]:
        pages = [
            (store.page_file(one.page), store.executed_notebook(one.page), store.record_file(one.page)) for one in some
        ]
        return {*itertools.chain(*pages), *(store.table_file(name) for one in some for name in one.tables_written)}

    every = of_study(list(MODELS), [0], next(iter(MODELS)))
    return sorted(file for file in made(every) - made(listed) if file.is_file())


def _before_training() -> list[Step]:
    return [
        Step(
            "01_eda", "01_eda", "01 What the radiographs are",
            "What is in the folder, who are the patients, and what could mislead a model?",
            tables_written=("manifest", "exclusions", "acquisition", "acquisition_audit", "acquisition_drift"),
            files_written=lambda store: [store.data_file],
        ),
        Step(
            "02_preprocessing", "02_preprocessing", "02 From file to pixels",
            "How does a file become pixels, and who is trained, validated and tested on?",
            tables_read=("manifest", "acquisition"),
            tables_written=("splits", "near_duplicates", "reference_predictions", "perturbations",
                            "outline_predictions"),
            files_read=lambda store: [store.data_file],
            files_written=lambda store: [store.images_file, store.perturbed_file],
        ),
    ]  # fmt: skip


def _fine_tuning(model: str, seeds: list[int], retrained_model: str) -> Step:
    retrained = model == retrained_model

    def written(store: Store) -> list[Path]:
        permuted = [store.label_permutation.network_file(model, seed) for seed in seeds[:1] if retrained]
        trained = [file for seed in seeds for file in store.network_files(model, seed)]
        asked = [store.network_table_file(name, model, seed) for name in _ASKED for seed in seeds]
        return permuted + trained + asked

    return Step(
        f"03_finetune-{model}", "03_finetune", f"03 Training: {MODELS[model]}",
        f"How was {MODELS[model]} trained, and when was it best?",
        tables_read=("manifest", "splits", "perturbations"),
        tables_written=("resplit_predictions",) if retrained else (),
        files_read=lambda store: [store.images_file, store.perturbed_file],
        files_written=written, own={"model": model}, networks=(model,),
    )  # fmt: skip


def _after_training(models: list[str], seeds: list[int], retrained_model: str) -> list[Step]:
    networks = tuple(models)
    leakage = ("leakage",) if retrained_model != "none" else ()

    def trained(store: Store) -> list[Path]:
        networks = [store.network_file(model, seed) for model in models for seed in seeds]
        return [store.images_file, store.data_file, *networks]

    def explained(store: Store) -> list[Path]:
        permuted = [
            store.label_permutation.network_file(model, seeds[0]) for model in models if retrained_model == model
        ]
        return [*trained(store), *permuted]

    return [
        Step(
            "04_evaluation", "04_evaluation", "04 What the predictions are worth",
            "How good are the networks on patients they have never seen, can their probabilities be believed, and what "
            "would that mean in a clinic?",
            tables_read=("predictions", "varied_predictions", "reference_predictions", "models"),
            tables_written=tuple(EVALUATION),
            files_read=lambda store: [store.images_file], networks=networks,
        ),
        Step(
            "05_gradcam", "05_gradcam", "05 Where the networks look",
            "Which places of a radiograph speak for pneumonia, and can the heat maps that show them be believed?",
            tables_read=("splits", "predictions", "operating_points"), tables_written=tuple(EXPLANATION),
            files_read=explained, networks=networks,
            files_written=lambda store: [store.explanation_file(model, seeds[0], "test_maps") for model in models],
        ),
        Step(
            "06_robustness", "06_robustness", "06 Would it hold elsewhere?",
            "Would the result hold where pictures are taken in another way, or other patients come?",
            tables_read=("predictions", "operating_points", "perturbed_predictions", "outline_predictions",
                         *("resplit_predictions" for _ in leakage)),
            tables_written=("perturbed_performance", "shifted_rates", "shift_tolerance", *leakage),
            networks=networks,
        ),
        _packing(networks, trained),
    ]  # fmt: skip


def _packing(networks: tuple[str, ...], trained: Files) -> Step:
    return Step(
        "07_deployment", "07_deployment", "07 Scoring other radiographs",
        "What does a clinic get, what does it refuse to judge, and does it still say what the study said?",
        tables_read=("manifest", "splits", "predictions", "operating_points"), tables_written=tuple(DEPLOYMENT),
        files_read=trained,  # beside the manifest, which has the hashes of all radiographs
        files_written=lambda store: store.bundle_files(), networks=networks,
    )  # fmt: skip
