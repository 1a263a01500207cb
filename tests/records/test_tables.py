"""Column contracts: every rule is kept, on the way in and on the way out."""

from __future__ import annotations

import pandas as pd
import pytest
from support.examples import GOOD, example

from pneumo_utils.records import tables
from pneumo_utils.records.store import Store

SIGNED = [
    (table, column)
    for table in ("localisation", "plausibility", "stability", "faithfulness")
    for column in ("value", "lower", "upper")
]
BAD = {  # for every rule, values that break it
    "label": [2, -1],
    "etiology": ["fungal", "Normal"],
    "part": ["validation", "Train"],
    "split": ["val", "holdout"],
    "other_split": ["val", "holdout"],
    "correlation": [1.01, -0.01],
    "files": [-1],
    "width": [0],
    "height": [-3],
    "bytes": [0],
    "sha256": ["0f" * 31, "0F" * 32, "zz" * 32],
    "bytes_per_pixel": [0.0, -1.0],
    "jpeg_quality": [0.5, 100.5],
    "jpeg_table": ["0f" * 5, "0F" * 6, "None"],
    "mean": [-0.1, 255.1],
    "spread": [-0.1, 255.1],
    "p5": [-1.0, 256.0],
    "p50": [-1.0, 256.0],
    "p95": [-1.0, 256.0],
    "border": [-0.1, 0.51],
    "corners": [-0.1, 1.01],
    "seed": [-1],
    "phase": ["tail"],
    "epoch": [0],
    "loss": [-0.1],
    "plain_loss": [-0.1],
    "val_loss": [-0.1],
    "seconds": [-1.0],
    "threads": [0],
    "precision": ["float16"],
    "peak_memory": [-1.0],
    "auc": [1.01, -0.01],
    "val_auc": [1.01, -0.01],
    "probability": [1.001, -0.001],
    "start": ["imagenet"],
    "image_size": [0],
    "parameters": [0],
    "trained_parameters": [0],
    "n": [-1],
    "sd": [-0.01],
    "seeds": [0],
    "p": [1.01, -0.01],
    "p_holm": [1.01, -0.01],
    "method": ["t test", "Platt"],
    "rule": ["best"],
    "target": [1.01],
    "threshold": [1.01, -0.01],
    "sensitivity": [1.01, -0.01],
    "sensitivity_lower": [1.01, -0.01],
    "sensitivity_upper": [1.01, -0.01],
    "specificity_lower": [1.01, -0.01],
    "specificity_upper": [1.01, -0.01],
    "specificity": [1.01, -0.01],
    "flip_rate": [1.01, -0.01],
    "protocol": ["official"],
    "accuracy": [1.01, -0.01],
    "known_patient": [-1],
    "bin": [0],
    "mean_probability": [1.01],
    "observed": [-0.01],
    "prevalence": [1.01],
    "strategy": ["some"],
    "net_benefit": [1.01],
    "band": [-0.1],
    "coverage": [1.01],
    "error": [-0.01],
    "patients": [0],
    "lower": [1.01, -0.01],
    "upper": [1.01, -0.01],
    "value": [1.01, -0.01],
    "metric": ["auc"],
    "direction": ["Lower", "none"],
    "normal": [-1],
    "pneumonia": [-1],
    "measure": ["sum"],
    "outcome": ["false alarm"],
    "first_seed": [-1],
    "second_seed": [-1],
    "kind": ["erasure"],
    "order": ["reverse"],
    "share": [1.01, -0.01],
    "test": ["nothing"],
    "dark": [1.01, -0.01],
    "shuffles": [0],
    "against": ["all"],
    "pictures": ["both"],
    "wanted": ["passed"],
    "lesson": ["seen", "Learned"],
    "sources": [-1],
    "refused": [-1],
    "latency_ratio": [-0.01],
    "latency_lower": [-0.01],
    "latency_upper": [-0.01],
    "auc_difference": [1.01, -1.01],
    "auc_lower": [1.01, -1.01],
    "auc_upper": [1.01, -1.01],
    "largest_difference": [1.01, -0.01],
    "status": ["unknown"],
}
COLUMNS = [(name, column) for name, contract in tables.CONTRACTS.items() for column in contract]
RULES = [(name, column) for name, column in COLUMNS if tables.CONTRACTS[name][column].rule]
BORDERS = {
    "label": (0, 1),
    "probability": (0.0, 1.0),
    "auc": (0.0, 1.0),
    "val_auc": (0.0, 1.0),
    "seed": (0,),
    "n": (0,),
    "normal": (0,),
    "pneumonia": (0,),
}
BORDERS |= {"loss": (0.0,), "plain_loss": (0.0,), "seconds": (0.0,), "peak_memory": (0.0,)}
BORDERS |= {"epoch": (1,), "width": (1,), "image_size": (1,), "bytes": (1,), "threads": (1,)}


def broken(name, column, value):
    frame = example(name).astype(object)
    frame.loc[1, column] = value
    return frame


@pytest.mark.parametrize("name", tables.CONTRACTS)
def test_every_contract_has_an_example_that_keeps_it(name):
    checked = tables.check(name, example(name))
    assert list(checked.columns) == list(tables.CONTRACTS[name])
    assert len(checked) == 3


def test_every_rule_says_what_it_is_and_has_values_here_that_break_it():
    assert {column for _, column in RULES} == set(BAD)
    for name, column in COLUMNS:
        spec = tables.CONTRACTS[name][column]
        assert bool(spec.rule) == (spec.holds is not None)


@pytest.mark.parametrize(("name", "column"), RULES)
def test_a_value_against_its_rule_is_named_with_table_column_rule_and_count(name, column):
    for value in [1.01, -1.01] if (name, column) in SIGNED else BAD[column]:
        with pytest.raises(tables.TableError) as caught:
            tables.check(name, broken(name, column, value))
        rule = tables.CONTRACTS[name][column].rule
        assert str(caught.value) == f"{name}.{column} must be {rule}, got {value!r} (1 rows)"


@pytest.mark.parametrize(("name", "column"), [(n, c) for n, c in COLUMNS if c in BORDERS])
def test_the_borders_of_a_range_are_inside(name, column):
    for value in BORDERS[column]:
        tables.check(name, example(name, **{column: value}))


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_only_optional_columns_may_be_empty(name, column):
    frame = broken(name, column, None)
    if tables.CONTRACTS[name][column].optional:
        assert tables.check(name, frame)[column].isna()[1]
    else:
        with pytest.raises(tables.TableError, match=rf"{name}\.{column} must not be empty, got 1 empty rows"):
            tables.check(name, frame)


@pytest.mark.parametrize(
    ("name", "column"), [(n, c) for n, c in COLUMNS if tables.CONTRACTS[n][c].kind in ("int", "float", "bool")]
)
def test_a_word_where_a_number_or_a_truth_value_belongs_is_refused(name, column):
    kind = tables.CONTRACTS[name][column].kind
    with pytest.raises(tables.TableError, match=rf"{name}\.{column} must be {kind}, got "):
        tables.check(name, broken(name, column, "many"))


def test_a_fraction_is_no_whole_number_and_two_is_no_truth_value():
    with pytest.raises(tables.TableError, match=r"manifest\.width must be int"):
        tables.check("manifest", broken("manifest", "width", 40.5))
    with pytest.raises(tables.TableError, match=r"history\.kept must be bool"):
        tables.check("history", broken("history", "kept", 2))


@pytest.mark.parametrize("number", ["9" * 25, "-" + "9" * 25, "1e400", "inf", "-inf", "1e30", "9223372036854775808"])
@pytest.mark.parametrize("column", ["number", "width"])
def test_a_whole_number_beyond_all_bounds_is_refused_with_its_column(column, number, tmp_path):
    table = example("manifest", 2).astype({column: object})
    table.loc[0, column] = number
    table.to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(tables.TableError, match=f"^manifest.{column} must be "):
        tables.read("manifest", tmp_path / "manifest.csv")


def test_missing_and_unknown_columns_are_both_named():
    frame = example("splits").rename(columns={"patient": "person"})
    with pytest.raises(tables.TableError, match=r"splits must have .* missing \['patient'\], unknown \['person'\]"):
        tables.check("splits", frame)


def test_columns_come_back_in_the_order_and_kinds_of_the_contract():
    shuffled = example("history")[sorted(GOOD["history"])].astype(object)
    checked = tables.check("history", shuffled)
    kinds = {"str": "str", "int": "int64", "float": "float64", "bool": "bool"}
    for column, spec in tables.CONTRACTS["history"].items():
        assert str(checked[column].dtype) == kinds[spec.kind]
    assert list(checked) == list(tables.CONTRACTS["history"])


@pytest.mark.parametrize("name", tables.CONTRACTS)
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_what_is_written_reads_back_equal(name, rows, tmp_path):
    frame = example(name, max(rows, 1)).head(rows)
    path = tmp_path / "new" / "folder" / f"{name}.csv"
    tables.write(name, frame, path)
    pd.testing.assert_frame_equal(tables.read(name, path), tables.check(name, frame))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_awkward_words_and_long_fractions_survive_the_file(tmp_path):
    words = ["NA", "null", "nan", "007", 'a "b", c', "Grün\nzwei", "1.0", "True"]
    thirds = [number / 3e5 for number in range(len(words))]
    frame = pd.DataFrame([GOOD["predictions"]] * len(words)).assign(patient=words, probability=thirds)
    tables.write("predictions", frame, tmp_path / "predictions.csv")
    again = tables.read("predictions", tmp_path / "predictions.csv")
    assert again["patient"].tolist() == words
    assert again["probability"].tolist() == thirds


def test_a_broken_table_is_never_written_and_the_old_one_stays(tmp_path):
    path = tmp_path / "splits.csv"
    with pytest.raises(tables.TableError):
        tables.write("splits", broken("splits", "label", 7), path)
    assert list(tmp_path.iterdir()) == []
    tables.write("splits", example("splits"), path)
    before = path.read_bytes()
    with pytest.raises(tables.TableError):
        tables.write("splits", broken("splits", "label", 7), path)
    assert path.read_bytes() == before


def test_a_half_written_file_is_never_left(tmp_path, monkeypatch):
    path = tmp_path / "splits.csv"
    tables.write("splits", example("splits"), path)
    before = path.read_bytes()

    def disk_full(self, target, **options):
        target.write_text("path,pat")
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", disk_full)
    with pytest.raises(OSError, match="no space left"):
        tables.write("splits", example("splits", rows=9), path)
    assert [file.name for file in tmp_path.iterdir()] == ["splits.csv"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["manifest", "acquisition"])
def test_a_row_that_stands_there_twice_is_refused(name):
    once = example(name, 1)
    with pytest.raises(tables.TableError, match=f"{name} must have one row per path, got .* again .1 rows"):
        tables.check(name, pd.concat([once, once]))


def test_what_would_read_back_as_something_else_is_not_written(tmp_path):
    for change, said in (
        ({"path": ""}, "exclusions.path must not be empty, got 1 empty rows"),
        ({"path": "\udcff.png"}, "exclusions must hold text that UTF-8 can write"),
    ):
        with pytest.raises(tables.TableError, match=said):
            tables.write("exclusions", example("exclusions", 1, **change), tmp_path / "exclusions.csv")
    assert not list(tmp_path.iterdir())


def test_a_table_that_is_cut_off_or_has_longer_rows_than_its_head_is_not_read(tmp_path):
    path = tmp_path / "bundle_scores.csv"
    tables.write("bundle_scores", example("bundle_scores", 2), path)
    whole = path.read_text()
    path.write_text(whole.rstrip("\n").rpartition(",")[0])
    with pytest.raises(tables.TableError, match=r"bundle_scores.csv must end with a whole row, got one that is cut"):
        tables.read("bundle_scores", path)
    head, *rows = whole.splitlines()
    path.write_text("\n".join([head, *(f"more,{row}" for row in rows), ""]))
    with pytest.raises(tables.TableError, match="as many cells a row as its head, got more"):
        tables.read("bundle_scores", path)


def test_a_broken_file_is_not_read(tmp_path):
    path = tmp_path / "splits.csv"
    tables.write("splits", example("splits"), path)
    path.write_text(path.read_text().replace("validation", "holdout"))
    with pytest.raises(tables.TableError, match="splits.split must be one of train, validation, test, got 'holdout'"):
        tables.read("splits", path)
    with pytest.raises(FileNotFoundError):
        tables.read("splits", tmp_path / "none.csv")


def test_a_table_that_there_is_not_is_told_which_there_are(tmp_path):
    rule = "^table must be one of acquisition, .*, varied_predictions, got 'predictionz'$"
    for ask in (
        lambda name: Store("demo", tmp_path).read(name),
        lambda name: Store("demo", tmp_path).write(name, example("splits")),
        lambda name: tables.read(name, tmp_path / "a.csv"),
    ):
        with pytest.raises(tables.TableError, match=rule):
            ask("predictionz")


def test_a_seed_that_nothing_was_trained_from_is_told_which_there_are():
    rows = pd.concat([example("predictions", 2).assign(seed=seed) for seed in (7, 0)])
    assert set(tables.of_seed(rows, 7)["seed"]) == {7} and len(tables.of_seed(rows, 7)) == 2
    with pytest.raises(tables.TableError, match="^seed must be one of 0, 7, got 3$"):
        tables.of_seed(rows, 3)
