"""The benches are whole and count right; what they measure is measured by `make bench`, never here."""

from __future__ import annotations

import ast
import importlib
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.evaluation import weighted_metrics
from pneumo_utils.study import definition, expected_time, steps

PROJECT = Path(__file__).parents[2]
BENCH = PROJECT / "benchmarks"
SCRIPTS = sorted(BENCH.glob("bench_*.py"))


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Import a module of benchmarks by name; what it writes lands in a temporary folder."""
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.setattr(importlib.import_module("rows"), "FOLDER", tmp_path)
    return importlib.import_module


def row(bench, **changed):
    given = {"measure": "a", "ours": 1.25, "theirs": 2.5, "unit": "s", "ratio": 2.0, "target": "at least 1"}
    return bench("rows").Row(**(given | {"met": True, "detail": "of <two>, and so on"} | changed))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_bench_says_what_it_measures_and_has_a_main_that_runs_as_a_script_only(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    assert len(ast.get_docstring(tree).splitlines()[0]) > 20
    assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert ast.unparse(tree.body[-1].test) == "__name__ == '__main__'"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_bench_leaves_its_rows_under_its_own_name(script):
    calls = [node for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    names = [node.args[0].value for node in calls if ast.unparse(node.func) == "rows.write"]
    assert set(names) == {script.stem.removeprefix("bench_")}


def test_the_runner_runs_every_bench(bench):
    assert sorted(bench("runner").BENCHES) == [script.stem.removeprefix("bench_") for script in SCRIPTS]


def test_no_bench_names_a_place_of_one_machine():
    for path in sorted(BENCH.glob("*.py")):
        assert not any(place in path.read_text(encoding="utf-8") for place in ('"/work', '"/home', '"/mnt')), path.name


def test_rows_come_back_as_they_were_written(bench, capsys):
    written = [row(bench), row(bench, measure="b", ours=1234.567, met=False)]
    bench("rows").write("some", written)
    found = bench("rows").read("some")
    assert list(found["measure"]) == ["a", "b"]
    assert list(found["met"]) == [True, False]
    assert found["ours"].tolist() == pytest.approx([1.25, 1234.567], rel=1e-3)
    assert {"detail", "machine", "versions", "date"} <= set(found.columns)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("met ") and told[1].startswith("NOT MET b")


def test_rows_of_a_trial_are_told_and_not_kept(bench, capsys):
    bench("rows").write("some", [row(bench)], keep=False)
    assert bench("rows").read("some") is None
    assert capsys.readouterr().out


def test_the_page_shows_every_bench_that_left_rows_and_names_those_that_did_not(bench, tmp_path):
    bench("rows").write("some", [row(bench), row(bench, measure="slow part", met=False)])
    html = bench("page").render(("some", "other")).read_text(encoding="utf-8")
    assert "Targets not met: slow part." in html and "No rows of other." in html
    assert "of &lt;two&gt;, and so on" in html
    assert html.count("<script") == 1 and "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert (tmp_path / "index.html").stat().st_size < 2**20


def test_a_failing_bench_is_told_and_the_others_go_on(bench, monkeypatch, capsys):
    runner, ran = bench("runner"), []
    monkeypatch.setattr(runner, "run", lambda name: ran.append(name) or name != "trunk")
    assert runner.main([]) == 1
    assert ran == list(runner.BENCHES)
    assert "failed: trunk" in capsys.readouterr().err
    assert runner.main(["metrics"]) == 0


def test_the_first_minutes_are_told_from_the_moments_at_which_files_appear(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "-n")
    monkeypatch.setenv("DATA", "somewhere")
    demo, folder = bench("bench_demo"), tmp_path / "clone"
    folder.mkdir()
    does = "mkdir -p .venv pages && touch .venv/.ready; sleep 0.6; touch pages/01_eda.html; sleep 0.6"
    seen = demo.watch(["sh", "-c", f"{does}; env > env"], folder, folder / "pages", tmp_path / "caches")
    assert 0 <= seen.installed < 0.6 <= seen.first_page < 1.2 <= seen.whole
    had = (folder / "env").read_text().splitlines()
    assert "DATA=somewhere" not in had and "MAKEFLAGS=-n" not in had
    assert f"UV_CACHE_DIR={tmp_path / 'caches' / 'uv_cache_dir'}" in had
    with pytest.raises(subprocess.CalledProcessError):
        demo.watch(["sh", "-c", "echo no disk; exit 3"], folder, folder / "pages", tmp_path / "caches")


def test_the_first_minutes_are_medians_of_turns_each_against_what_is_wanted(bench):
    demo = bench("bench_demo")
    ours = [demo.Times(20, 60, 240), demo.Times(50, 95, 250), demo.Times(30, 70, 400)]
    found = demo.compare(ours, [demo.Times(100, 140, 500)] * 3, "said")
    assert [(one.ours, one.ratio, one.met) for one in found] == [(30, 0.3, True), (70, 0.5, True), (250, 0.5, True)]


@pytest.mark.parametrize(
    ("hours", "workers", "ends"), [([3, 1, 1], 8, 3), ([1] * 5, 2, 3), ([2, 3, 2], 2, 4), ([1.5] * 100, 64, 3)]
)
def test_a_study_takes_as_long_as_its_longest_training_however_many_workers_there_are(bench, hours, workers, ends):
    assert bench("scale_page").finish(hours, workers) == ends


@pytest.mark.long
@pytest.mark.slow
def test_operations_are_two_a_multiply_add_of_convolutions_and_dense_layers(bench):
    flops = bench("flops")
    from pneumo_utils.networks.backend import keras, layers

    pixels = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, padding="same", strides=2)(pixels)  # 4 x 4 places, 3 x 3 x 3 products of 5 filters
    x = layers.Dense(7)(layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    assert flops.forward(keras.Model(pixels, x)) == 2 * (4 * 4 * 3 * 3 * 3 * 5 + 5 * 7)


def test_a_sample_has_the_counts_asked_for_both_classes_and_first_of_all_many_patients(bench):
    number = np.arange(80)
    split = np.where(number < 60, "train", "test")
    parts = pd.DataFrame({"patient": number // 2, "label": (number % 4 > 0).astype(int), "split": split})
    found = parts.iloc[bench("pictures").chosen(parts, {"train": 20, "test": 8}, seed=0)]
    assert found["split"].value_counts().to_dict() == {"train": 20, "test": 8}
    assert found.groupby("split")["label"].sum().to_dict() == {"train": 15, "test": 6}
    with pytest.raises(ValueError, match="test must have at least 21 images, got 20"):
        bench("pictures").chosen(parts, {"test": 21}, seed=0)


def test_a_straight_line_has_no_deviation_and_a_bent_one_has(bench):
    counts, line = np.array([500, 1000, 2000, 4000]), bench("bench_growth").line
    assert line(counts, 3 + 0.02 * counts) == pytest.approx((3, 0.02, 0))
    assert line(counts, 3 + 1e-5 * counts**2.0)[2] > 0.1


@pytest.mark.long
def test_auc_is_as_good_if_surely_not_much_worse_or_not_told_apart(bench):
    level = bench("paired").level
    assert level(-0.004, -0.001) and level(0.01, 0.02) and level(-0.2, 0.1)
    assert not level(-0.02, -0.001) and not level(float("nan"), float("nan"))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_both_sides_of_the_training_bench_start_as_the_same_network(bench, model):
    from pneumo_utils.networks import models, random_start
    from pneumo_utils.networks.backend import keras

    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32)).astype(np.uint8)
    recipe, splits = (
        bench("bench_training").recipe_of(model, "none", quick=True),
        pd.DataFrame({"split": ["train"] * 8}),
    )
    plain, _ = bench("plain_recipe")._network(recipe, images, splits)
    keras.utils.set_random_seed(0)
    ours = models.build(model, 32, dropout=recipe.dropout, weights=None, seed=0)
    random_start.prepare(ours, images.astype(np.float32))
    colour = np.repeat(images[..., None], 3, axis=-1).astype(np.float32)
    given = bench("plain_recipe")._BACKBONES[model][1](colour)
    np.testing.assert_allclose(plain(given).numpy(), ours(images).numpy(), atol=1e-4)


def test_the_ratios_that_are_quoted_are_those_of_the_last_bench():
    said = (PROJECT / "docs" / "speed.md").read_text(encoding="utf-8")
    for name, measure, words in (
        ("training", "training of vgg16", "{:.1f} times as fast | 8 |"),
        ("training", "training of resnet50", "{:.1f} times as fast | 8 |"),
        ("whole", "end-to-end epoch", "{:.2f} of its time"),
        ("state", "state of VGG16 kept", "| {:.3f} of its time | 0.02 |"),
        ("trunk", "frozen trunk of vgg16 forward, bfloat16", "{:.2f}, "),
        ("trunk", "frozen trunk of resnet50 forward, bfloat16", ", {:.2f} of its speed"),
        ("gradcam", "Grad-CAM of VGG16 from kept", "| {:.0f}, "),
        ("gradcam", "Grad-CAM of ResNet50 from kept", ", {:.0f} times as fast | 10 |"),
        ("decoding", "JPEG to 224 px on one core: decoding.read against cv2", "{:.1f} times as fast | 1.7, missed |"),
    ):
        rows = pd.read_csv(PROJECT / "reports" / "bench" / f"{name}.csv")
        ratio = rows.loc[rows["measure"].str.startswith(measure), "ratio"].iloc[0]
        assert words.format(ratio) in said, (measure, ratio)


def test_the_figures_of_scoring_that_are_quoted_are_those_of_the_last_bench():
    said = (PROJECT / "docs" / "speed.md").read_text(encoding="utf-8")
    rows = pd.read_csv(PROJECT / "reports" / "bench" / "scoring.csv").set_index("measure")
    share, more = (rows.loc[name, "ratio"] for name in (rows.index[0], "memory over many files"))
    keras, onnx, litert = (rows.loc[f"start to first row, {name}", "ours"] for name in ("keras", "onnx", "litert"))
    assert f"| {share:.2f} of its speed | 0.8 |" in said and f"| {more:.0f} MB more | 100 MB |" in said
    missed = ", missed" if keras > 6 else ""
    assert f"| {keras:.1f} s | 6 s{missed} |" in said and f"| {onnx:.1f} s, {litert:.1f} s | 1.5 s |" in said


def test_the_first_minutes_that_are_quoted_are_those_of_the_last_bench():
    said = (PROJECT / "docs" / "speed.md").read_text(encoding="utf-8")
    for row in pd.read_csv(PROJECT / "reports" / "bench" / "demo.csv").itertuples():
        most = row.target.split()[-2]
        assert f"| {row.ours:.0f} | {row.theirs:.0f} | {row.ratio:.2f} | {most} |" in said, row.measure


@pytest.mark.parametrize(
    "study",
    [
        "kermany",
        "kermany-quick",
        *(f"candidates/wide-{name}" for name in ("112", "160", "decoupled", "fast", "cached")),
    ],
)
def test_the_times_that_are_quoted_are_those_that_are_foreseen(study):
    said = (PROJECT / "docs" / "speed.md").read_text(encoding="utf-8")
    own = definition.load(study, PROJECT / "params")
    of_steps = steps.of_study(own.training.models, own.training.seeds, own.training.retrained_model)
    whole = sum(expected_time.of_steps(of_steps, own, 5856).values()) / 60
    assert f"| `{study}` | {whole:.0f} | {expected_time.of_training('vgg16', own, 5856) / 60:.0f} |" in said


def test_a_recipe_that_was_seen_at_two_sides_alone_has_a_line(bench):
    kept = pd.read_csv(PROJECT / "reports" / "bench" / "stress_tests.csv").query("test == 'tight' and views == 2")
    name = kept.loc[~kept["recipe"].isin(bench("stress_tests").CROPS), "recipe"].iloc[0]
    own = kept[kept["recipe"] == name].sort_values("side")
    two = own[own["side"].isin(sorted(own["side"].unique())[:2])]
    line = bench("recipes_page")._of_recipes(two)[0]
    assert line.startswith(f"| {name} | ") and line.count("|") == 10


def test_every_recipe_is_a_study_and_says_why_it_was_tried(bench):
    recipes = bench("recipes")
    for name, recipe in recipes.recipes().items():
        assert set(recipe) == {"why", "study", "changes"} and len(recipe["why"]) > 20, name
        study = recipes.study_of(recipe, "", "")
        assert study.training.models, name
        assert not recipe["changes"] or study.training.retrained_model == "none", f"{name} would train for nothing"
        assert study.evaluation.perturbation_cases <= 320, "worst cases are compared with those of the first"


def test_rows_of_recipes_that_did_not_run_again_stay(bench, tmp_path):
    recipes = bench("recipes")
    first, second, *_ = recipes.recipes()
    recipes.keep("recipes", pd.DataFrame({"model": ["cnn"], "auc": [0.5], "recipe": [second]}))
    recipes.keep("recipes", pd.DataFrame({"model": ["cnn"], "auc": [0.7], "recipe": [first]}))
    recipes.keep("recipes", pd.DataFrame({"model": ["cnn"], "auc": [0.6], "recipe": [second]}))
    found = pd.read_csv(tmp_path / "recipes.csv")
    assert found["recipe"].tolist() == [first, second] and found["auc"].tolist() == [0.7, 0.6]


def test_the_page_of_recipes_is_what_the_rows_say_and_quotes_each(bench, monkeypatch):
    monkeypatch.setattr(bench("rows"), "FOLDER", PROJECT / "reports" / "bench")
    found, stressed = bench("recipes_page").read()
    page = bench("recipes_page").render(found, stressed)
    assert page == (PROJECT / "docs" / "recipes.md").read_text(encoding="utf-8"), "run benchmarks/recipes_page.py"
    assert all(bench("recipes").line(row) in page for _, row in found.iterrows())
    assert bench("recipes_page").render(found, None).count("Kendall") == 0


def test_a_stress_test_that_ranks_as_published_agrees_wholly_and_the_reverse_not_at_all(bench):
    stress_tests = bench("stress_tests")
    seen = {"side": stress_tests.JUDGED, "views": 2}
    table = pd.DataFrame({"recipe": list(stress_tests.PUBLISHED), "auc": list(stress_tests.PUBLISHED.values())}).assign(
        **seen
    )
    assert stress_tests.rank_agreement(table) == 1
    assert stress_tests.rank_agreement(table.assign(auc=1 - table["auc"])) == -1
    other = pd.DataFrame(
        [{"recipe": "whole", "auc": 1.0, "side": 999, "views": 2}, {"recipe": "kermany", "auc": 0.1, **seen}]
    )
    assert stress_tests.rank_agreement(pd.concat([table, other])) == 1


def test_a_stress_test_trains_vgg16_as_a_parameter_file_says(bench):
    recipe = bench("stress_tests").of_study("candidates/wide-160", Path("weights.h5"))
    assert [(phase.name, phase.epochs, phase.cycles) for phase in recipe.phases] == [
        ("progressive", 5, 1), ("end_to_end", 4, 2)
    ]  # fmt: skip
    assert (recipe.image_size, recipe.settings.test_image_size, recipe.augmentation.crop_area_min) == (160, 192, 0.08)


def test_weights_take_from_the_ring_what_it_says_of_the_class(bench):
    stress_tests, draw = bench("stress_tests"), np.random.default_rng(0)
    label = draw.integers(0, 2, 4000)
    score = 1 / (1 + np.exp(-draw.normal(label * 2 - 1, 1.0) * 2))  # the true probability of the class
    weight = stress_tests.weights(label, score)
    plain, balanced = weighted_metrics.scores(label, score, np.vstack([np.ones(4000), weight]), 0.5)["auc_roc"]
    assert plain > 0.85
    assert abs(balanced - 0.5) < 0.06


def test_the_page_that_plans_past_one_machine_reckons_from_the_rows(bench):
    made = bench("rows").Row
    measures = {
        "trainings with 2 workers, to one": (9.0, 5.0, 1.8),
        "radiographs with 2 workers, to one": (160.0, 100.0, 1.6),
        "memory of a process that scores, late to early": (412.0, 400.0, 12.0),
    }
    found = pd.DataFrame(
        vars(made(measure, ours, theirs, "units", ratio, "at least 1.6", measure != list(measures)[1], "of some"))
        for measure, (ours, theirs, ratio) in measures.items()
    ).assign(date="2026-11-26", machine="Linux, 2 cores")
    page = bench("scale_page").render(found)
    assert "| radiographs with 2 workers, to one | 160 units | 100 | 1.6 | at least 1.6, missed |" in page
    assert "0.90 in training and 0.80 in scoring" in page and "a process that scores, 412 MB" in page
    assert "ONNX Runtime | 2.78 | 0.4 h | 0.1 h |" in page, "1,000,000 at 100 a second are 2.78 core-hours"
    assert "{{" not in page and "nan" not in page


def test_docs_scale_is_written_from_the_rows_that_are_kept(bench):
    kept, page = PROJECT / "reports" / "bench" / "scale.csv", PROJECT / "docs" / "scale.md"
    assert kept.is_file() == page.is_file(), "run benchmarks/scale_page.py"
    if kept.is_file():
        assert bench("scale_page").render(pd.read_csv(kept)) == page.read_text(encoding="utf-8")
