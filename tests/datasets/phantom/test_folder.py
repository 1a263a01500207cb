"""The written folder: names, parts, copies and the shortcut are as in the published set."""

import hashlib
import json
import re
from collections import defaultdict

import cv2
import numpy as np
import pytest

from pneumo_utils.datasets.phantom import folder as phantom_folder
from pneumo_utils.datasets.phantom import radiograph

PERSON = re.compile(r"person(?P<number>\d+)_(?P<series>bacteria|virus)_(?P<k>\d+)\.jpeg")
NORMAL = re.compile(r"(?P<series>(NORMAL2-)?IM)-(?P<number>\d{4})-0001(-\d{4})?\.jpeg")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "set"
    phantom_folder.write(folder, patients=120, seed=5, shortcut=False)
    return folder


@pytest.fixture(scope="module")
def trapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trapped") / "set"
    phantom_folder.write(folder, patients=60, seed=5, shortcut=True)
    return folder


def images(folder):
    root = folder / "chest_xray"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def parsed(path):
    part, label, name = path.split("/")
    match = (NORMAL if label == "NORMAL" else PERSON).fullmatch(name)
    assert match, path
    return part, label, match["series"], int(match["number"])


def quantisation(path):
    data = path.read_bytes()
    at = data.index(b"\xff\xdb")
    return data[at + 5 : at + 69]


def auc(sick, healthy):
    sick, healthy = np.asarray(sick)[:, None], np.asarray(healthy)[None, :]
    return float((sick > healthy).mean() + (sick == healthy).mean() / 2)


def by_class(folder, measure, part=""):
    values = defaultdict(list)
    for path in images(folder):
        if path.startswith(part):
            values[path.split("/")[1]].append(measure(folder / "chest_xray" / path))
    return auc(values["PNEUMONIA"], values["NORMAL"])


def bytes_per_pixel(path):
    return path.stat().st_size / cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).size


def test_file_names_parse_as_in_the_published_set(plain):
    series = {(part, label, series) for part, label, series, _ in map(parsed, images(plain))}
    for part in ("train", "test"):
        assert {name for where, _, name in series if where == part} == {
            "bacteria",
            "virus",
            "IM",
            "NORMAL2-IM",
        }
    assert any(re.search(r"IM-\d{4}-0001-0002\.jpeg", path) for path in images(plain))


def test_bacteria_and_virus_counters_run_independently(plain):
    numbers = defaultdict(set)
    for _, _, series, number in map(parsed, images(plain)):
        numbers[series].add(number)
    assert numbers["bacteria"] & numbers["virus"]


@pytest.mark.parametrize("patients", [8, 13, 400])
def test_no_patient_is_in_two_parts_though_numbers_are(patients):
    pictures = phantom_folder._plan(np.random.default_rng(3), patients, False)
    parts, drawn_in, numbers = defaultdict(set), defaultdict(set), defaultdict(set)
    for path, (_, view) in pictures.items():
        part, label, series, number = parsed(path)
        parts[series, number].add(part)
        drawn_in[view.patient_seed].add(part)
        if label == "PNEUMONIA":
            numbers[part].add(number)
    assert all(len(found) == 1 for found in (*parts.values(), *drawn_in.values()))
    assert numbers["train"] & numbers["test"]


@pytest.mark.parametrize("patients", [8, 9, 13, 420])
def test_every_part_has_both_classes_in_about_the_published_shares(patients):
    pictures = phantom_folder._plan(np.random.default_rng(1), patients, False)
    folders = {path.rsplit("/", 1)[0] for path in pictures}
    assert folders == {f"{part}/{label}" for part in ("train", "val", "test") for label in ("NORMAL", "PNEUMONIA")}
    assert len({view.patient_seed for _, view in pictures.values()}) == patients
    if patients > 100:
        etiologies = [etiology for etiology, _ in pictures.values()]
        assert 0.25 < etiologies.count("normal") / len(pictures) < 0.37
        assert etiologies.count("bacterial") > 1.4 * etiologies.count("viral")
        assert 0.12 < sum(path.startswith("test") for path in pictures) / len(pictures) < 0.22
        assert sum(path.startswith("val") for path in pictures) < 20


def test_val_is_the_last_patients_of_train(plain):
    numbers = defaultdict(set)
    for part, _, series, number in map(parsed, images(plain)):
        numbers[part, series].add(number)
    for series in ("bacteria", "NORMAL2-IM"):
        assert min(numbers["val", series]) > max(numbers["train", series])
    assert not numbers["val", "virus"]


def test_copies_exist_and_never_cross_class_or_part(plain):
    groups = defaultdict(list)
    for path in images(plain):
        groups[(plain / "chest_xray" / path).read_bytes()].append(path)
    copies = [paths for paths in groups.values() if len(paths) > 1]
    assert copies
    assert all(len({path.rsplit("/", 1)[0] for path in paths}) == 1 for paths in copies)


def test_truth_mirrors_every_radiograph(plain):
    for path in images(plain)[::7]:
        grey = cv2.imread(str(plain / "chest_xray" / path), cv2.IMREAD_UNCHANGED)
        lungs, lesion = phantom_folder.truth(plain, path)
        assert lungs.dtype == lesion.dtype == bool
        assert grey.shape == lungs.shape == lesion.shape
        assert lesion.any() == ("PNEUMONIA" in path)
        assert not (lesion & ~lungs).any()


def test_lesions_come_as_squares_and_from_no_folder_that_the_phantom_did_not_write(plain, tmp_path):
    paths = [path for path in images(plain) if path.startswith("test/")]
    found = phantom_folder.lesions(plain, paths, 40)
    assert found is not None and {(one.shape, one.dtype) for one in found} == {((40, 40), np.dtype(bool))}
    for path, square in zip(paths, found, strict=True):
        lesion = phantom_folder.truth(plain, path)[1]
        rows, columns = (np.arange(40) * side // 40 for side in lesion.shape)
        assert (square != lesion[np.ix_(rows, columns)]).mean() < 0.01, "OpenCV rounds otherwise here and there"
        assert square.any() == ("PNEUMONIA" in path)
    assert phantom_folder.lesions(tmp_path, paths, 40) is None


def test_truth_of_an_unknown_radiograph_is_refused_by_name(plain):
    with pytest.raises(FileNotFoundError, match=r"path must be a radiograph of the phantom .* got 'train/a\.jpeg'"):
        phantom_folder.truth(plain, "train/a.jpeg")


def test_size_shape_and_compression_do_not_separate_the_classes():
    pictures = phantom_folder._plan(np.random.default_rng(2), 420, False).values()
    measures = {
        "width": lambda view: view.width,
        "height": lambda view: view.height,
        "aspect": lambda view: view.width / view.height,
        "quality": lambda view: view.quality,
    }
    for name, measure in measures.items():
        sick = [measure(view) for etiology, view in pictures if etiology != "normal"]
        assert 0.43 < auc(sick, [measure(v) for e, v in pictures if e == "normal"]) < 0.57, name


def test_brightness_outside_the_lungs_does_not_separate_the_classes(plain):
    def outside(path):
        lungs, _ = phantom_folder.truth(plain, path.relative_to(plain / "chest_xray").as_posix())
        far = cv2.dilate(lungs.astype(np.uint8), np.ones((15, 15))) == 0
        return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[far].mean()

    assert 0.38 < by_class(plain, outside) < 0.62


def test_shortcut_is_in_train_and_val_and_absent_from_test(plain, trapped):
    tables = defaultdict(set)
    for path in images(trapped):
        part, label, _ = path.split("/")
        tables[part, label].add(quantisation(trapped / "chest_xray" / path))
    assert all(len(found) == 1 for found in tables.values())
    for part in ("train", "val"):
        assert tables[part, "NORMAL"].isdisjoint(tables[part, "PNEUMONIA"])
    assert tables["test", "NORMAL"] == tables["test", "PNEUMONIA"] == tables["train", "PNEUMONIA"]
    assert by_class(trapped, bytes_per_pixel, "train") < 0.05
    assert 0.2 < by_class(trapped, bytes_per_pixel, "test") < 0.8
    assert 0.38 < by_class(plain, bytes_per_pixel, "train") < 0.62


def test_shortcut_changes_nothing_but_the_quality():
    plans = [phantom_folder._plan(np.random.default_rng(4), 30, shortcut) for shortcut in (False, True)]
    assert list(plans[0]) == list(plans[1])
    for (_, a), (_, b) in zip(plans[0].values(), plans[1].values(), strict=True):
        assert (a.patient_seed, a.view_seed, a.height, a.width) == (
            b.patient_seed,
            b.view_seed,
            b.height,
            b.width,
        )


def test_same_settings_write_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        phantom_folder.write(tmp_path / name, patients=8, seed=seed, shortcut=False)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


def test_whole_folder_is_used_again_and_other_settings_replace_it(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    assert phantom_folder.write(folder, patients=8, seed=1, shortcut=False) == folder / "chest_xray"
    before = (folder / "phantom.json").stat().st_mtime_ns, digests(folder)
    phantom_folder.write(folder, patients=8, seed=1, shortcut=False)
    assert ((folder / "phantom.json").stat().st_mtime_ns, digests(folder)) == before
    phantom_folder.write(folder, patients=8, seed=1, shortcut=True)
    assert json.loads((folder / "phantom.json").read_text())["shortcut"] is True
    assert digests(folder) != before[1]
    monkeypatch.setattr(radiograph, "VERSION", radiograph.VERSION + 1)
    phantom_folder.write(folder, patients=8, seed=1, shortcut=True)
    assert json.loads((folder / "phantom.json").read_text())["version"] == radiograph.VERSION
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_half_written_folder_is_never_taken_for_whole(tmp_path, monkeypatch):
    folder, draw, calls = tmp_path / "set", radiograph.draw, []

    def breaks(*args, **kwargs):
        calls.append(1)
        if len(calls) > 4:
            raise OSError("disk full")
        return draw(*args, **kwargs)

    monkeypatch.setattr(radiograph, "draw", breaks)
    with pytest.raises(OSError, match="disk full"):
        phantom_folder.write(folder, patients=8, seed=1, shortcut=False)
    assert not folder.exists()
    monkeypatch.undo()
    phantom_folder.write(folder, patients=8, seed=1, shortcut=False)
    whole = digests(folder)
    next((folder / "truth" / "lesion").rglob("*.png")).unlink()
    phantom_folder.write(folder, patients=8, seed=1, shortcut=False)
    assert digests(folder) == whole


@pytest.mark.parametrize("inside", ["chest_xray", "truth"])
def test_a_flipped_bit_or_a_lost_picture_is_noticed_and_the_set_drawn_anew(tmp_path, inside):
    write = lambda: phantom_folder.write(tmp_path / "set", patients=8, seed=0, shortcut=False)  # noqa: E731
    write()
    before = digests(tmp_path / "set")
    file = next((tmp_path / "set" / inside).rglob("*.*"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    write()
    assert digests(tmp_path / "set") == before
    file.unlink()
    write()
    assert digests(tmp_path / "set") == before


def test_what_a_user_laid_into_a_set_outlives_a_kill_while_it_is_exchanged(tmp_path):
    folder, given = tmp_path / "set", {"patients": 8, "seed": 0, "shortcut": False}
    phantom_folder.write(folder, **given)
    (folder / "patients.csv").write_text("path,patient\n")
    next(folder.rglob("*.jpeg")).write_bytes(b"")
    folder.rename(folder.with_name("set.old"))  # as between the two moves
    phantom_folder.write(folder, **given)
    assert (folder / "patients.csv").read_text() == "path,patient\n" and not folder.with_name("set.old").exists()


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="folder must be new, empty or written by the phantom, got "):
        phantom_folder.write(tmp_path, patients=8, seed=1, shortcut=False)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"patients": 3}, "patients must be at least 8, got 3"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_named_with_their_rule(tmp_path, change, message):
    with pytest.raises(ValueError) as caught:
        phantom_folder.write(tmp_path / "set", **({"patients": 8, "seed": 1, "shortcut": False} | change))
    assert str(caught.value) == message
