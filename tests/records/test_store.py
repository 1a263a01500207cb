"""The run directory: written whole or not at all, and a clear word when something is not there yet."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from support.examples import GOOD, example

from pneumo_utils.records import store, tables
from pneumo_utils.records.atomic import atomic_folder, atomic_write
from pneumo_utils.records.run_directory import MissingArtefactError
from pneumo_utils.records.vocabulary import MODELS


@pytest.fixture
def run(tmp_path):
    return store.Store("smoke", tmp_path / "reports")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "deep" / "page.html"
    with atomic_write(path) as part:
        part.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert files(tmp_path) == ["deep/page.html"]


def test_nothing_has_the_final_name_before_the_block_ends(tmp_path):
    path = tmp_path / "network.keras"
    with atomic_write(path) as part:
        part.write_text("half")
        assert not path.exists()
        assert part.suffix == ".keras"
    assert path.read_text() == "half"


def test_what_has_its_final_name_is_on_the_disk(tmp_path, monkeypatch):
    path, forced = tmp_path / "network.keras", []
    monkeypatch.setattr(os, "fsync", lambda file: forced.append((os.fstat(file).st_ino, path.exists())))
    with atomic_write(path) as part:
        part.write_text("whole")
    assert forced == [(path.stat().st_ino, False)]


@pytest.mark.parametrize(("number", "refused"), [(errno.EINVAL, False), (errno.ENOSYS, False), (errno.EIO, True)])
def test_only_a_disk_that_fails_is_an_error_not_one_that_cannot_be_told_to_write(
    tmp_path, monkeypatch, number, refused
):
    path = tmp_path / "table.csv"

    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="put/output") if refused else nullcontext(), atomic_write(path) as part:
        part.write_text("whole")
    assert path.exists() == (not refused) and not part.exists()


def test_tables_come_back_as_they_were_written(run):
    run.write("splits", example("splits"))
    pd.testing.assert_frame_equal(run.read("splits"), tables.check("splits", example("splits")))
    assert run.table_file("splits") == run.folder / "tables" / "splits.csv"


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("manifest", "01_eda"),
        ("exclusions", "01_eda"),
        ("acquisition", "01_eda"),
        ("splits", "02_preprocessing"),
        ("reference_predictions", "02_preprocessing"),
        ("history", "03_finetune"),
        ("predictions", "03_finetune"),
        ("models", "03_finetune"),
        ("metrics", "04_evaluation"),
    ],
)
def test_a_missing_table_names_the_notebook_to_run(run, name, writer):
    with pytest.raises(MissingArtefactError) as caught:
        run.read(name)
    assert str(caught.value).startswith(f"{name} must be there before this notebook, got no {name}.csv in ")
    assert str(caught.value).endswith(f": run {writer} first")


def test_missing_pictures_data_and_networks_name_the_notebook_to_run(run):
    for read, writer in ((run.read_images, "02_preprocessing"), (run.data_folder, "01_eda"), (run.data_hash, "01_eda")):
        with pytest.raises(MissingArtefactError, match=f"run {writer} first"):
            read()
    with pytest.raises(MissingArtefactError, match=r"no network\.keras .*run 03_finetune first"):
        run.require_network("cnn", 0)


def test_every_table_of_the_contracts_has_a_writer(run):
    for name in tables.CONTRACTS:
        with pytest.raises(MissingArtefactError):
            run.read(name)


def test_joining_adds_the_ensemble_once_all_that_it_is_of_are_there(run):
    for model, seed, probability in (("vgg16", 9, 0.4), ("vgg16", 10, 0.8)):
        told = {"model": model, "seed": seed}
        run.write_network_table("predictions", model, seed, example("predictions", 1, **told, probability=probability))
        run.write_network_table("models", model, seed, example("models", **told))
        run.join_network_tables(["vgg16"], [9, 10])
        found = run.read("predictions")
        added = found[found["model"] == "ensemble"]
        assert len(added) == (seed == 10) and set(run.read("models")["model"]) == {"vgg16"}
    assert added["probability"].tolist() == pytest.approx([0.6]) and added["seed"].tolist() == [9]


def test_joining_waits_with_the_ensemble_while_networks_have_judged_other_pictures(run):
    averaged = []
    for seed, path in ((9, "old.jpeg"), (10, "new.jpeg"), (9, "new.jpeg")):
        told = example("predictions", 1, model="vgg16", seed=seed, path=path)
        run.write_network_table("predictions", "vgg16", seed, told)
        run.join_network_tables(["vgg16"], [9, 10])
        averaged.append(int((run.read("predictions")["model"] == "ensemble").sum()))
    assert averaged == [0, 0, 1]


def test_joining_waits_while_another_process_joins(run):
    run.write_network_table("predictions", "cnn", 0, example("predictions", model="cnn"))
    with ThreadPoolExecutor(1) as other:
        with FileLock(run.join_lock):
            joining = other.submit(run.join_network_tables, [], [0])
            with pytest.raises(TimeoutError):
                joining.result(timeout=0.3)
            assert not run.table_file("predictions").exists()
        joining.result(timeout=10)
    assert run.table_file("predictions").exists()


def test_joining_mends_a_table_that_was_edited_or_lost_and_leaves_a_good_one_alone(run):
    run.write_network_table("predictions", "cnn", 0, example("predictions", 2, model="cnn", seed=0))
    run.join_network_tables([], [0])
    file = run.table_file("predictions")
    before, written = file.read_bytes(), file.stat().st_mtime_ns
    run.join_network_tables([], [0])
    assert file.stat().st_mtime_ns == written
    file.write_bytes(before.replace(b"0.25", b"0.99"))
    run.join_network_tables([], [0])
    assert file.read_bytes() == before
    file.unlink()
    run.join_network_tables([], [0])
    assert file.read_bytes() == before


@pytest.mark.parametrize("left", [0.0, 0.9])
def test_joining_passes_over_a_damaged_share_which_is_made_anew_with_its_network(run, left):
    for seed in (0, 1):
        run.write_network_table("predictions", "cnn", seed, example("predictions", 2, model="cnn", seed=seed))
    file = run.network_table_file("predictions", "cnn", 1)
    file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    run.join_network_tables([], [0, 1])
    assert run.read("predictions")["seed"].unique().tolist() == [0]


def test_gather_joins_shares_in_the_order_of_networks_and_seeds(run):
    for model in reversed(MODELS):
        for name in ("history", "predictions", "models"):
            for seed in (10, 9):
                run.write_network_table(name, model, seed, example(name, model=model, seed=seed))
    run.join_network_tables([], [9])
    for name in ("history", "predictions", "models"):
        found = run.read(name)
        order = [(model, seed) for model in MODELS for seed in (9, 10)]
        assert list(dict.fromkeys(zip(found["model"], found["seed"], strict=True))) == order


def test_gather_ignores_networks_that_are_not_there(run):
    run.join_network_tables([], [9])
    assert not run.folder.exists()
    run.write_network_table("predictions", "resnet50", 0, example("predictions", model="resnet50"))
    run.write_network_table("predictions", "cnn", 0, example("predictions", model="cnn"))
    run.join_network_tables([], [9])
    assert run.read("predictions")["model"].unique().tolist() == ["cnn", "resnet50"]
    assert not run.table_file("history").exists()


def test_the_data_folder_survives_moving_the_project(tmp_path):
    before, after = tmp_path / "before", tmp_path / "elsewhere" / "after"
    (before / "data" / "chest_xray").mkdir(parents=True)
    store.Store("smoke", before / "reports").write_data_folder(before / "data" / "chest_xray", "folder")
    after.parent.mkdir()
    before.rename(after)
    run = store.Store("smoke", after / "reports")
    assert run.data_folder() == (after / "data" / "chest_xray").resolve()
    assert str(tmp_path) not in run.data_file.read_text()


def test_the_data_folder_does_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    store.Store("smoke", "reports").write_data_folder(tmp_path / "data", "folder")
    monkeypatch.chdir(tmp_path / "data")
    assert store.Store("smoke", tmp_path / "reports").data_folder() == (tmp_path / "data").resolve()


def test_pictures_come_back_as_they_were_written_and_are_read_only(run):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    run.write_images(iter(images), 5, 8)
    np.save(run.folder / "as numpy.npy", images)
    assert run.images_file.read_bytes() == (run.folder / "as numpy.npy").read_bytes()
    again = run.read_images()
    assert again.dtype == np.uint8
    assert np.array_equal(again, images)
    with pytest.raises(ValueError, match="read-only"):
        again[0, 0, 0] = 1


def test_pictures_are_found_by_path_and_their_absence_is_no_error(run):
    assert run.pictures(pd.Series(["a"])) is None
    rows = pd.concat([example("splits", 1, path=path) for path in "abc"])
    run.write("splits", rows)
    images = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    run.write_images(iter(images), 3, 8)
    assert run.pictures(pd.Series(["c", "a"]))[:, 0, 0].tolist() == [2, 0]


def test_an_unknown_path_and_pictures_of_other_splits_are_refused(run):
    run.write("splits", example("splits", 2).assign(path=["a", "b"]))
    run.write_images(iter(np.zeros((2, 4, 4), np.uint8)), 2, 4)
    with pytest.raises(ValueError, match="^path must be in splits, got 'nowhere'$"):
        run.pictures(pd.Series(["a", "nowhere"]))
    run.write_images(iter(np.zeros((3, 4, 4), np.uint8)), 3, 4)
    with pytest.raises(ValueError, match="^pictures must be one a row of splits, 2, got 3$"):
        run.pictures(pd.Series(["a"]))


def test_a_picture_of_another_size_is_not_stretched_to_the_others(run):
    with pytest.raises(ValueError, match=r"a picture must be of shape \(4, 4\), got \(1, 1\)"):
        run.write_images(iter([np.zeros((1, 1), np.uint8)]), 1, 4)
    assert not run.images_file.exists()


def test_pictures_that_break_off_are_not_left(run):
    def breaking():
        yield np.zeros((8, 8), np.uint8)
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        run.write_images(breaking(), 5, 8)
    assert files(run.folder) == []


def test_too_few_or_too_many_pictures_are_an_error(run):
    for there in (2, 4):
        with pytest.raises(ValueError, match="zip"):
            run.write_images(iter(np.zeros((there, 8, 8), np.uint8)), 3, 8)
        assert files(run.folder) == []


def test_a_network_is_kept_only_when_saving_ends_well(run):
    run.write_network("cnn", 0, lambda path: path.write_bytes(b"weights"))
    assert run.require_network("cnn", 0).read_bytes() == b"weights"

    def failing(path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run.write_network("cnn", 0, failing)
    assert run.require_network("cnn", 0).read_bytes() == b"weights"
    assert files(run.folder) == ["work/models/cnn/seed-0/network.keras"]


def test_the_data_hash_follows_path_and_content(run):
    hashes = set()
    for changed in ({}, {"path": "train/NORMAL/other.jpeg"}, {"sha256": "1f" * 32}):
        run.write("manifest", example("manifest", 1, **changed))
        hashes.add(run.data_hash())
    assert len(hashes) == 3
    run.write("manifest", example("manifest", 1, width=GOOD["manifest"]["width"] + 1, sha256="1f" * 32))
    assert run.data_hash() in hashes


def test_networks_and_seeds_that_left_the_study_are_set_aside_and_come_back_when_they_are_wanted(run):
    for model, seed in (("cnn", 0), ("cnn", 1), ("vgg16", 0)):
        run.write_network_table("models", model, seed, example("models", model=model, seed=seed))
    run.activations_folder("vgg16").mkdir()
    run.for_splits("other").write_network_table("models", "vgg16", 0, example("models", model="vgg16", seed=0))
    everything = files(run.work)
    gone = ["models/cnn/seed-0", "models/vgg16/seed-0", "other-splits/other/work/models/vgg16/seed-0"]
    assert run.set_aside_networks_except([("cnn", 1), ("resnet50", 0)]) == gone
    aside = [f"set-aside/{name}/models.csv" for name in gone]
    assert files(run.work) == ["models/cnn/seed-1/models.csv", *aside]
    assert not (run.work / "models/vgg16").exists(), "activations and all"
    assert run.set_aside_networks_except([("cnn", 0), ("cnn", 1), ("vgg16", 0)]) == []
    assert files(run.work) == everything


def test_activations_are_forgotten_by_themselves_and_may_be_absent(run):
    run.write_network_table("models", "cnn", 0, example("models"))
    run.activations_folder("cnn").mkdir()
    (run.activations_folder("cnn") / "rows").write_bytes(b"large")
    for _ in range(2):
        run.delete_activations("cnn")
        assert files(run.work) == ["models/cnn/seed-0/models.csv"]


def test_a_copy_that_a_hand_made_beside_a_seed_is_no_seed(run):
    for name in ("seed-0", "seed-12", "seed-0 (copy)", "seed-"):
        (run.work / "models" / "cnn" / name).mkdir(parents=True)
    assert run.seeds("cnn") == [0, 12]


def test_a_folder_is_replaced_whole_or_not_at_all_and_a_link_stays_one(tmp_path):
    folder = tmp_path / "disk" / "model"
    (tmp_path / "link").symlink_to(folder)
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "link") as part:
            (part / text).write_text(text)
    with pytest.raises(RuntimeError), atomic_folder(folder) as part:
        (part / "half").write_text("half")
        raise RuntimeError
    assert files(tmp_path / "disk") == ["model/new"] and (tmp_path / "link").is_symlink()
    folder.rename(folder.with_name("model.old"))  # as a kill between the two moves leaves it
    with pytest.raises(RuntimeError), atomic_folder(folder):
        raise RuntimeError
    assert files(tmp_path / "disk") == ["model/new"]


def test_what_a_killed_run_left_is_deleted_but_no_table_that_somebody_keeps_beside_the_pages(run):
    left = [
        "01_eda.part.html",
        "model/model_card.part.md",
        "work/images.part.npy",
        "work/a/b.part",
        "tables/x.part.csv",
    ]
    kept = ["scores.csv.part", "scores.csv.before.part", "mine/x.part.csv", "model/bundle.json"]
    for name in (*left, *kept, "model.part/networks/cnn-0.keras"):
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).touch()
    run.delete_unfinished()
    assert files(run.folder) == sorted(kept) and not (run.folder / "model.part").exists()
