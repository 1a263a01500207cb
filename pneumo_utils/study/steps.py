"""Which notebook makes which page, what it reads and what it writes: the study as a list, in running order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pneumo_utils.records.contracts.datasets import EVALUATION, EXPLANATION
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS


@dataclass(frozen=True)
class Step:
    """One run of one notebook."""

    page: str  # stem of the page and of the executed notebook
    notebook: str  # stem of the notebook
    title: str
    question: str  # that the page answers, for the front page
    reads: Callable[[Store], list[Path]]  # files whose change makes it run again
    writes: Callable[[Store], list[Path]]
    own: dict = field(default_factory=dict)  # parameters of this run alone
    networks: tuple[str, ...] = ()  # whose numbers the page shows


def of_study(models: list[str], seeds: list[int], retrained_model: str) -> list[Step]:
    """The steps of a study that trains each of `models` from each of `seeds`, and `retrained_model` on other splits."""
    networks, tables_read = tuple(models), ["predictions", "reference_predictions", "models", "perturbed_predictions"]
    if retrained_model != "none":
        tables_read.append("resplit_predictions")
    return [
        Step(
            "01_eda", "01_eda", "01 What the radiographs are",
            "What is in the folder, who are the patients, and what could mislead a model?",
            lambda store: [],
            lambda store: [
                *map(store.table_file, ("manifest", "exclusions", "acquisition", "acquisition_audit",
                "acquisition_drift")), store.data_file,
            ],
        ),
        Step(
            "02_preprocessing", "02_preprocessing", "02 From file to pixels",
            "How does a file become pixels, and who is trained, validated and tested on?",
            lambda store: [*map(store.table_file, ("manifest", "acquisition")), store.data_file],
            lambda store: [
                *map(store.table_file, ("splits", "reference_predictions", "framing", "perturbations")),
                store.images_file, store.perturbed_file,
            ],
        ),
        *(_fine_tuning(model, seeds, retrained_model) for model in models),
        Step(
            "04_evaluation", "04_evaluation", "04 What the predictions are worth",
            "How good are the networks on patients they have never seen, side by side?",
            lambda store: [store.images_file, *map(store.table_file, tables_read)],
            lambda store: [store.table_file(name) for name in EVALUATION if name != "leakage" or "resplit_predictions"
            in tables_read], networks=networks,
        ),
        Step(
            "05_gradcam", "05_gradcam", "05 Where the networks look",
            "Which places of a radiograph speak for pneumonia, and can the heat maps that show them be believed?",
            lambda store: [
                store.images_file, store.data_file,
                *map(store.table_file, ("splits", "framing", "predictions", "operating_points")),
                *(store.network_file(model, seed) for model in models for seed in seeds),
                *(store.label_permutation.network_file(model, seeds[0]) for model in models if model ==
                retrained_model),
            ],
            lambda store: [store.table_file(name) for name in EXPLANATION],
            networks=networks,
        ),
    ]  # fmt: skip


def _fine_tuning(model: str, seeds: list[int], retrained_model: str) -> Step:
    own, twins = (["resplit_predictions"], seeds[:1]) if model == retrained_model else ([], [])
    return Step(
        f"03_finetune-{model}", "03_finetune", f"03 Training: {MODELS[model]}",
        f"How was {MODELS[model]} trained, and when was it best?",
        lambda store: [*map(store.table_file, ("manifest", "splits", "perturbations")), store.images_file,
        store.perturbed_file], lambda store: [
            *map(store.table_file, own),
            *(store.label_permutation.network_file(model, seed) for seed in twins),
            *(file for seed in seeds for file in store.network_files(model, seed)),
            *(store.network_table_file("perturbed_predictions", model, seed) for seed in seeds),
        ],
        own={"model": model},
        networks=(model,),
    )  # fmt: skip
