"""What studies have made is deleted, what else lies beside it stays, and nothing is while a study runs."""

from __future__ import annotations

import pytest

from pneumo_utils.pipeline import cleaning, study_lock

MADE = (
    "reports/demo/work/run.lock", "reports/demo/index.html", "reports/candidates/a/work/run.lock", "reports/index.html",
    "reports/compare/a.html", "data/phantom-60-0/phantom.json", "data/phantom-60-0/chest_xray/a.jpeg",
)  # fmt: skip
KEPT = (
    "reports/bench/a.csv", "reports/reliability.md", "reports/my notes/a.txt",
    "reports/kept/demo-2026-05/work/run.lock",
    "data/phantom-mine/phantom.json", "data/phantom-7-0/mine.jpeg", "data/phantom-7-mine-3/phantom.json", "data/zip",
)  # fmt: skip


@pytest.fixture
def place(tmp_path):
    for name in (*MADE, *KEPT, "params/demo.yaml", "params/candidates/a.yaml", "params/new.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def clean(place):
    deleted, left = cleaning.clean(*(place / name for name in ("params", "reports", "data")))
    return [sorted(one.relative_to(place).as_posix() for one in found) for found in (deleted, left)]


def test_only_what_studies_have_made_goes_and_what_has_no_study_is_named(place):
    deleted, left = clean(place)
    assert deleted == [
        "data/phantom-60-0", "reports/candidates/a", "reports/compare", "reports/demo", "reports/index.html"
    ]  # fmt: skip
    assert left == ["reports/kept/demo-2026-05"]
    files = [one.relative_to(place).as_posix() for top in ("reports", "data") for one in (place / top).rglob("*")]
    assert sorted(name for name in files if (place / name).is_file()) == sorted(KEPT)
    assert "reports/candidates" not in files


def test_where_no_folder_of_drawings_is_given_they_stay(place):
    deleted, left = cleaning.clean(place / "params", place / "reports", None)
    assert place / "reports" / "demo" in deleted and not [one for one in left if "data" in one.parts]
    assert (place / "data" / "phantom-60-0" / "phantom.json").exists()


@pytest.mark.parametrize(("gone", "named"), [("params", "parameter files"), ("reports", "reports")])
def test_a_folder_that_is_not_there_is_refused_and_nothing_is_deleted(place, gone, named):
    folders = [place / name for name in ("params", "reports", "data")]
    (place / gone).rename(place / "elsewhere")
    with pytest.raises(cleaning.CleaningError, match=f"folder of {named} must be there, got none: .*{gone}$"):
        cleaning.clean(*folders)
    assert (place / "data" / "phantom-60-0" / "phantom.json").exists()


def test_a_study_that_is_not_among_those_here_keeps_what_was_drawn_while_it_runs(place):
    with study_lock.hold_if_free(place / "reports" / "kept" / "demo-2026-05" / "work"):
        with pytest.raises(cleaning.CleaningError, match="study kept/demo-2026-05 must not be running"):
            clean(place)
        assert (place / "data" / "phantom-60-0").exists()


@pytest.mark.parametrize("busy", [study_lock.hold_if_free, study_lock.join_trainings])
def test_while_a_study_runs_or_is_trained_nothing_is_deleted(place, busy):
    with busy(place / "reports" / "demo" / "work"):
        with pytest.raises(cleaning.CleaningError, match="study demo must not be running, got a run or training of it"):
            clean(place)
        assert all((place / name).exists() for name in MADE)
    assert "reports/demo" in clean(place)[0]


def test_links_go_without_what_they_lead_to_and_what_lies_beside_a_drawing_stays(place):
    (place / "disk" / "chest_xray").mkdir(parents=True)
    (place / "disk" / "phantom.json").touch()
    (place / "data" / "phantom-9-0").symlink_to(place / "disk")
    (place / "elsewhere" / "work").mkdir(parents=True)
    (place / "reports" / "new").symlink_to(place / "elsewhere")
    (place / "data" / "phantom-60-0" / "patients.csv").touch()
    deleted, left = clean(place)
    assert "data/phantom-9-0" in deleted and (place / "disk" / "phantom.json").exists()
    assert left == ["data/phantom-60-0", "reports/kept/demo-2026-05", "reports/new"]
    assert (place / "data" / "phantom-60-0" / "patients.csv").exists() and (place / "elsewhere" / "work").exists()
