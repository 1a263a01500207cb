"""What the README says of the real study is what its run has written."""

import re
from pathlib import Path

import pytest

from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.records import tables
from pneumo_utils.records.vocabulary import MODELS

PROJECT = Path(__file__).parents[2]
RUN = PROJECT / "reports" / "bench" / "kermany"
README = re.sub(r"\s+", " ", (PROJECT / "README.md").read_text(encoding="utf-8"))
COLUMNS = ["accuracy", "precision", "recall", "specificity", "f1", "auc_roc"]
NAMES = MODELS | {"always": "*Always pneumonia*", "acquisition": "*No lungs*"}


@pytest.fixture(scope="module")
def run():
    """A table of the run, by its name."""
    return lambda name: tables.read(name, RUN / f"{name}.csv")


@pytest.mark.parametrize("model", ["cnn", "vgg16", "resnet50", "always", "acquisition"])
def test_the_table_of_results_holds_the_rows_of_the_run(run, model):
    found = run("seed_spread").query("split == 'test' and model == @model").set_index("metric").loc[COLUMNS]
    told = [format_interval(*row) for row in found[["mean", "lower", "upper"]].to_numpy()]
    assert re.search(rf"\| {re.escape(NAMES[model])} \| [^|]*\| {re.escape(' | '.join(told))} \|", README), told


def test_misses_are_counted_as_the_run_counted_them(run):
    found = run("etiology_sensitivity").query("model == 'vgg16'").set_index(["split", "etiology"])
    missed = ((1 - found["sensitivity"]) * found["n"]).round().astype(int)
    test, before = ((missed[split], found.loc[split, "n"]) for split in ("test", "validation"))
    assert f"misses {test[0]['bacterial']} of {test[1]['bacterial']} bacterial pneumonias" in README
    assert f"{test[0]['viral']} of {test[1]['viral']} viral ones" in README
    told = [f"{before[0][kind]} of {before[1][kind]}" for kind in ("bacterial", "viral")]
    assert f"On validation it misses {told[0]} and {told[1]}" in README


def test_leads_are_those_of_the_paired_comparisons(run):
    pairs = run("comparisons").query("split == 'test' and metric == 'auc_roc'").set_index(["first", "second"])
    for (first, second), row in pairs.iterrows():
        if "vgg16" in (first, second) and {first, second} <= set(MODELS):
            turned = 1 if first == "vgg16" else -1
            bounds = sorted(turned * row[end] for end in ("lower", "upper"))
            told = format_interval(turned * row["difference"], *bounds).rstrip(")")
            assert told in README, f"{first} against {second}: {told}"


@pytest.mark.parametrize(
    ("way", "strength"), [("without_lungs", 1.0), ("only_lungs", 1.0), ("noise", 25.0), ("swapped_framing", 1.0)]
)
def test_harder_pictures_have_the_auc_of_the_run(run, way, strength):
    found = run("perturbed_performance").query("model == 'vgg16' and perturbation == @way and strength == @strength")
    row = found.iloc[0]
    told = format_interval(row["auc"], row["lower"], row["upper"])
    assert told in README or told.replace(" (", ", ").rstrip(")") in README or told.rstrip(")") in README, told
