"""A bundle is whole or it is refused, in one sentence; it needs nothing but its folder."""

import json
import math
import shutil

import jsonschema
import pytest
from support import bundles

from pneumo_utils.deployment import bundle
from pneumo_utils.deployment.bundle import Bundle, BundleError
from pneumo_utils.imaging import lung_fields
from pneumo_utils.records import fingerprint
from pneumo_utils.records.bundle_names import BUNDLE_FILE


@pytest.fixture
def folder(tmp_path):
    return bundles.write(tmp_path / "model").folder


def change(folder, **told):
    file = folder / BUNDLE_FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seal": ""} | told))


def test_a_copied_bundle_says_what_was_written(folder, tmp_path):
    copy = Bundle(shutil.copytree(folder, tmp_path / "elsewhere"))
    assert copy.digest == Bundle(folder).digest
    assert copy.contents.preparation.stored_size == 64
    assert [file.read_text() for file in copy.networks("keras")] == ["no network"]
    assert (copy.decision.threshold, copy.decision.band) == (0.5, 1.0)
    assert set(copy.contents.hashes) == {
        "LICENSE", "bundle.schema.json", "gate.npz", "lung_fields.npz", "networks/cnn-0.keras"
    }  # fmt: skip
    assert copy.contents.notice.startswith("Made from drawn pictures")


def test_a_band_without_end_refers_everything(tmp_path):
    point = bundles.TOLD["operating_point"] | {"band": None}
    assert bundles.write(tmp_path / "model", operating_point=point).decision.band == math.inf


def test_a_value_that_was_changed_by_hand_is_noticed(folder):
    file = folder / BUNDLE_FILE
    file.write_text(file.read_text().replace('"threshold": 0.5', '"threshold": 0.99'))
    with pytest.raises(BundleError, match=r"bundle.json must be as it was written \(.*\), got .*: copy it anew"):
        Bundle(folder)


def test_the_order_and_the_spaces_of_bundle_json_do_not_matter(folder):
    file = folder / BUNDLE_FILE
    told = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(told.items()))))
    assert Bundle(folder).contents.seal == told["seal"] != ""


def test_a_field_that_a_later_program_added_does_no_harm(folder):
    change(folder, colour="blue")
    assert Bundle(folder).contents.study == "drawn"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"version": 3}, "version of .* must be at most 2, got 3: use a later pneumo-utils"),
        ({"version": "1"}, "version of .* must be at most 2, got 1"),
        ({"networks": []}, "networks of .* must be valid, got: List should have at least 1 item"),
        ({"preparation": {}}, "preparation.stored_size of .* must be valid, got: Field required"),
    ],
)
def test_a_bundle_that_cannot_be_read_is_refused_by_what_is_wrong_with_it(folder, told, sentence):
    change(folder, **told)
    with pytest.raises(BundleError, match=sentence):
        Bundle(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"title": 1}', "\x00"])
def test_something_else_called_bundle_json_is_refused(folder, text):
    (folder / BUNDLE_FILE).write_text(text)
    with pytest.raises(BundleError, match="bundle.json must be the JSON that a study writes"):
        Bundle(folder)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"model must be a folder with bundle.json, as a study writes it to .*, got "):
        Bundle(tmp_path)


def test_a_file_with_a_flipped_bit_is_never_used(folder):
    file = folder / "networks" / "cnn-0.keras"
    file.write_bytes(b"No network")
    with pytest.raises(BundleError, match="networks/cnn-0.keras of the bundle must have SHA-256 .* copy .* anew"):
        Bundle(folder).networks("keras")
    file.unlink()
    with pytest.raises(BundleError, match="got no such file"):
        Bundle(folder).networks("keras")


@pytest.mark.parametrize("name", ["../network.keras", "/etc/passwd"])
def test_no_file_outside_the_folder_is_read(folder, name):
    network = {"model": "cnn", "seed": 0, "files": {"keras": name}}
    change(folder, networks=[network], hashes={name: "0" * 64})
    with pytest.raises(BundleError, match="files of a bundle must lie in it, got"):
        Bundle(folder).networks("keras")


def test_an_engine_that_was_not_exported_is_named_with_those_that_were(folder):
    with pytest.raises(BundleError, match=r"engine must be one that the bundle has \(keras\), got onnx"):
        Bundle(folder).networks("onnx")


def test_a_bundle_is_replaced_whole_or_not_at_all(folder, monkeypatch):
    before = Bundle(folder).digest
    monkeypatch.setattr(bundle, "Contents", None)
    with pytest.raises(AttributeError):
        bundles.write(folder)
    monkeypatch.undo()
    assert Bundle(folder).digest == before
    assert [path.name for path in folder.parent.iterdir() if ".part" in path.name] == []


def test_a_new_bundle_leaves_nothing_of_the_old_one_but_what_somebody_laid_into_it(folder):
    told = json.loads((folder / "bundle.json").read_text())
    told["hashes"]["stale"] = "0" * 64
    (folder / "bundle.json").write_text(json.dumps(told))
    (folder / "stale").touch()
    (folder / "my scores.csv").write_text("mine")
    bundles.write(folder)
    assert not (folder / "stale").exists() and (folder / "my scores.csv").read_text() == "mine"
    assert "my scores.csv" not in Bundle(folder).contents.hashes


def test_a_kill_while_a_bundle_is_replaced_loses_neither_it_nor_what_somebody_laid_into_it(folder):
    (folder / "my scores.csv").write_text("mine")
    folder.rename(folder.with_name(f"{folder.name}.old"))
    bundles.write(folder)
    assert (folder / "my scores.csv").read_text() == "mine"


def test_the_schema_beside_it_takes_what_a_bundle_says_and_refuses_what_it_may_not(folder):
    told, schema = (json.loads((folder / name).read_text()) for name in (BUNDLE_FILE, "bundle.schema.json"))
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    assert list(check.iter_errors(told)) == []
    point = told["operating_point"] | {"threshold": 1.5}
    assert [one.json_path for one in check.iter_errors(told | {"operating_point": point})] == [
        "$.operating_point.threshold"
    ]
    assert list(check.iter_errors({name: value for name, value in told.items() if name != "networks"}))


def test_the_lungs_are_found_by_the_finder_of_the_bundle_and_not_by_that_of_the_package(folder, monkeypatch, tmp_path):
    other = tmp_path / "lung_fields.npz"
    other.write_bytes(b"another finder")
    monkeypatch.setattr(lung_fields, "WEIGHTS", other)
    assert Bundle(folder).lungs_file() == folder / "lung_fields.npz"
    (folder / "lung_fields.npz").write_bytes(b"altered")
    with pytest.raises(BundleError, match="lung_fields.npz of the bundle must have SHA-256"):
        Bundle(folder).lungs_file()


def test_the_gate_of_a_bundle_sees_by_the_finder_that_lies_in_it(tmp_path, monkeypatch):
    seen = []
    folder = bundles.write(tmp_path / "model").folder
    monkeypatch.setattr(lung_fields, "read", lambda file: seen.append(file) or "a finder")
    monkeypatch.setattr(bundle.Gate, "of", lambda arrays, finder: finder)
    assert Bundle(folder).open_gate() == "a finder" and seen == [folder / "lung_fields.npz"]


def test_an_older_bundle_has_the_finder_of_the_package_as_long_as_it_is_the_same(folder, monkeypatch, tmp_path):
    told = json.loads((folder / BUNDLE_FILE).read_text())
    del told["hashes"]["lung_fields.npz"]
    change(folder, version=1, hashes=told["hashes"])
    assert Bundle(folder).lungs_file() == lung_fields.WEIGHTS
    other = tmp_path / "lung_fields.npz"
    other.write_bytes(b"another finder")
    monkeypatch.setattr(lung_fields, "WEIGHTS", other)
    with pytest.raises(BundleError, match="version 1 must have SHA-256 570687bf315e, got .*run the study of .* again"):
        Bundle(folder).lungs_file()


def test_the_card_is_used_with_its_hash_alone(folder):
    assert Bundle(folder).card is None
    bundle.write_card(folder, "# A card – of a study\n")
    assert Bundle(folder).card == "# A card – of a study\n"
    told = (folder / "model_card.md.sha256").read_text().split()
    assert told == [fingerprint.of_file(folder / "model_card.md"), "model_card.md"], "as sha256sum takes it"
    (folder / "model_card.md").write_text("# Another card")
    with pytest.raises(BundleError, match="model_card.md of the bundle must have SHA-256 .* copy .* anew"):
        _ = Bundle(folder).card
    (folder / "model_card.md.sha256").unlink()
    assert Bundle(folder).card is None
    bundle.write_card(folder, "# A card")
    bundles.write(folder)
    assert not (folder / "model_card.md").exists() and not (folder / "model_card.md.sha256").exists()


def test_without_recorded_ages_nobody_is_too_old(folder):
    assert Bundle(folder).contents.ages == (1, 5)
    change(folder, least_age=None, largest_age=None)
    assert Bundle(folder).contents.ages == (0, math.inf)
