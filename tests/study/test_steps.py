"""The list of steps hangs together: what one reads, an earlier one writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.study import steps

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = list(MODELS)
SEEDS = [3, 1]


@pytest.fixture
def store(tmp_path):
    return Store("smoke", tmp_path)


def test_pages_stand_in_running_order_one_training_a_network():
    assert [step.page for step in steps.of_study(["vgg16", "cnn"], SEEDS, "cnn")] == [
        "01_eda",
        "02_preprocessing",
        "03_finetune-vgg16",
        "03_finetune-cnn",
        "04_evaluation",
        "05_gradcam",
        "06_robustness",
        "07_deployment",
    ]


def test_every_notebook_is_there_and_used():
    used = {step.notebook for step in steps.of_study(ALL, SEEDS, "cnn")}
    assert used == {path.stem for path in NOTEBOOKS.glob("*.ipynb")}


@pytest.mark.parametrize("models", [ALL, ["cnn"]])
def test_what_a_step_reads_an_earlier_one_writes(store, models):
    written = set()
    for step in steps.of_study(models, SEEDS, models[0]):
        gathered = ("history", "predictions", "models", "varied_predictions", "perturbed_predictions")
        shares = {store.table_file(name) for name in gathered}
        joined = shares if any(path.name == "predictions.csv" for path in written) else set()
        assert set(step.reads(store)) <= written | joined
        written |= set(step.writes(store))


def test_networks_wait_for_pixels_alone_and_what_explains_them_for_all_networks_and_the_operating_points(store):
    after = steps.prerequisites(steps.of_study(ALL, SEEDS, "cnn"), store)
    networks = {f"03_finetune-{model}" for model in ALL}
    assert all(after[network] == {"01_eda", "02_preprocessing"} for network in networks)
    assert networks < after["04_evaluation"] and "05_gradcam" not in after["06_robustness"]
    assert networks | {"04_evaluation"} <= after["05_gradcam"] & after["06_robustness"] & after["07_deployment"]


def test_pages_and_tables_of_parameters_that_are_gone_are_found_and_no_others(store):
    before, now = steps.of_study(["cnn", "vgg16"], SEEDS, "vgg16"), steps.of_study(["cnn"], SEEDS, "none")
    made = [store.page_file(step.page) for step in before] + [file for step in before for file in step.writes(store)]
    for file in [*made, store.tables / "mine.csv", store.folder / "notes.html"]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    gone = {file.name for file in steps.outdated(now, store)}
    assert gone == {"03_finetune-vgg16.html", "resplit_predictions.csv", "leakage.csv"}
    assert steps.outdated(before, store) == []


def test_no_two_steps_write_the_same_file(store):
    written = [path for step in steps.of_study(ALL, SEEDS, "cnn") for path in step.writes(store)]
    assert len(written) == len(set(written))


def test_gradcam_runs_again_when_any_network_of_the_first_seed_changes(store):
    gradcam = next(step for step in steps.of_study(ALL, SEEDS, "cnn") if step.page == "05_gradcam")
    assert {store.network_file(model, SEEDS[0]) for model in ALL} <= set(gradcam.reads(store))


def test_a_training_run_gets_its_network_and_shows_only_that(store):
    trainings = [step for step in steps.of_study(ALL, SEEDS, "cnn") if step.notebook == "03_finetune"]
    for step, model in zip(trainings, ALL, strict=True):
        assert step.own == {"model": model}
        assert step.networks == (model,)
        assert MODELS[model] in step.title
        assert {store.network_file(model, seed) for seed in SEEDS} <= set(step.writes(store))


def test_pages_that_compare_show_every_network():
    for step in steps.of_study(ALL, SEEDS, "cnn"):
        if step.page in ("04_evaluation", "05_gradcam", "06_robustness"):
            assert step.networks == tuple(ALL)


def test_titles_and_questions_are_told_apart_and_end_like_questions():
    listed = steps.of_study(ALL, SEEDS, "cnn")
    assert len({step.title for step in listed}) == len({step.question for step in listed}) == len(listed)
    assert all(step.question.endswith("?") for step in listed)
