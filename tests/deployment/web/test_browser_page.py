"""The folder that scores in a browser: whole or not at all, everything in it, and in sentences what is missing."""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
from importlib import resources

import numpy as np
import pytest
from support import browser_pages, bundles

from pneumo_utils.datasets import downloads
from pneumo_utils.deployment import decision, score_rows
from pneumo_utils.deployment.bundle import write_card
from pneumo_utils.deployment.quality_control import (
    gate,
    gate_fitting,
    picture_kinds,
    picture_remarks,
    picture_statistics,
)
from pneumo_utils.deployment.web import browser_data, browser_page, browser_runtime, export_command, web_page
from pneumo_utils.imaging import augmentation, colour, lung_fields

_TEMPLATES = resources.files("pneumo_utils.deployment.web") / "templates"
ASSETS = {path.name: path for path in (_TEMPLATES / "browser").iterdir()}
ASSETS |= {name: _TEMPLATES / name for name in web_page.SHARED}


@pytest.fixture(scope="module")
def known():
    """A gate that was made from little."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (24, 64, 64), np.uint8)
    features = generator.normal(size=(24, 12))
    return gate_fitting.fit(pictures, features, pictures[::-1], features[::-1])


@pytest.fixture
def bundle(tmp_path, known):
    network = tmp_path / "network"
    network.write_bytes(b"a network")
    files = dict.fromkeys(("keras", "onnx"), {("cnn", 0): network})
    return bundles.write(tmp_path / "study" / "model", known, files, notice="Research <only>, not for diagnosis.")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    made = browser_pages.write_archive(tmp_path / "runtime.tgz")
    content = made.read_bytes()
    monkeypatch.setattr(browser_runtime, "SIZE", len(content))
    monkeypatch.setattr(browser_runtime, "SHA256", hashlib.sha256(content).hexdigest())
    return made


def given(*arguments):
    parser = argparse.ArgumentParser()
    export_command.add_arguments(parser)
    return parser.parse_args([str(one) for one in arguments])


def integrity(content):
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_the_folder_holds_all_that_the_page_loads_and_says_how_to_try_it(bundle, archive, caplog, tmp_path):
    caplog.set_level("INFO", "pneumo_utils")
    assert export_command.run(given(bundle.folder, "--runtime", archive)) == 0
    folder = bundle.folder.parent / "browser"
    assert f"python -m http.server --bind 127.0.0.1 --directory {folder}" in caplog.text
    there = {path.name: path.read_bytes() for path in folder.iterdir()}
    kept = json.loads(re.search(r"const FILES = (\{.*\});", there["service_worker.js"].decode())[1])
    assert set(kept) == set(there) - {"service_worker.js"}
    assert kept == {name: integrity(there[name]) for name in kept}
    for name in (name for name in there if name.endswith((".js", ".html"))):
        asked = re.findall(r'(?:from|src=|href=|Worker\()\s*"(?:\./)?([\w.-]+)"', there[name].decode())
        assert set(asked) <= set(there), name
    assert {"LICENSE.txt", "LICENSE-onnxruntime-web.txt", "cnn-0.onnx"} <= set(there)
    assert not any(name.endswith((".j2", ".keras")) for name in there)


def test_the_model_card_of_a_finished_study_goes_with_the_page(bundle, archive, tmp_path):
    without = browser_page.write(bundle, tmp_path / "without", archive)
    assert "model card" not in (without / "index.html").read_text() and not (without / "model_card.txt").exists()
    write_card(bundle.folder, "# Card of 1 – 5 years")
    folder = browser_page.write(bundle, tmp_path / "out", archive)
    assert (folder / "model_card.txt").read_bytes() == "\ufeff# Card of 1 – 5 years".encode()
    assert '<a href="model_card.txt">model card</a>' in (folder / "index.html").read_text()
    assert "model_card.txt" in (folder / "service_worker.js").read_text(), "there without a network, too"


def test_the_page_asks_nothing_of_elsewhere_and_shows_the_notice(bundle, archive, tmp_path):
    page = (browser_page.write(bundle, tmp_path / "out", archive) / "index.html").read_text()
    assert "Research &lt;only&gt;, not for diagnosis." in page and browser_page.POLICY.replace("'", "&#39;") in page
    assert re.findall(r"https?://[^'\"\s]+", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", page)


def test_numbers_and_arrays_are_those_of_the_bundle(bundle, known, archive, tmp_path):
    folder = browser_page.write(bundle, tmp_path / "out", archive)
    told = json.loads((folder / "study.json").read_text())
    numbers = (folder / "arrays.bin").read_bytes()
    arrays = known.arrays() | {f"lungs.{name}": array for name, array in np.load(lung_fields.WEIGHTS).items()}
    for name, place in told["arrays"].items():
        found = np.frombuffer(numbers, "<f4", np.size(arrays[name]), place["start"]).reshape(place["shape"])
        np.testing.assert_array_equal(found, np.asarray(arrays[name], np.float32))
    assert set(arrays) - set(told["arrays"]) == {name for name in arrays if name[:5] in ("rarit", "limit", "usual")}
    assert told["gate"]["limits"] == known.limits.tolist() and len(told["gate"]["rarities"]) == len(gate.CHECKS) + 1
    assert told["decision"] == {"threshold": 0.5, "band": 1.0, "slope": 1.2, "intercept": -0.3}
    assert told["preparation"]["views"] == list(augmentation.TEST_VIEWS[2])
    assert told["integrity"]["cnn-0.onnx"] == integrity(b"a network")
    assert browser_data.describe_table(bundle)["columns"] == score_rows.COLUMNS


@pytest.mark.parametrize(
    ("file", "name", "room"),
    [
        ("gate.js", "LEAST_AREA", gate), ("gate.js", "NEAR", gate), ("gate.js", "FRAME", picture_remarks),
        ("gate.js", "DARK", picture_remarks), ("gate.js", "LIGHT", picture_remarks),
        ("gate.js", "FLAT", picture_remarks), ("gate.js", "NOISY", picture_remarks),
        ("gate.js", "TIMES", picture_remarks),
        ("picture_statistics.js", "SIDE", picture_statistics), ("picture_statistics.js", "FRAME", picture_statistics),
        ("picture_statistics.js", "FLAT", picture_statistics), ("picture_statistics.js", "CELLS", picture_statistics),
        ("picture_statistics.js", "THUMBNAIL", picture_statistics), ("lung_fields.js", "SEEN", picture_statistics),
        ("picture_statistics.js", "DIRECTIONS", picture_statistics), ("decision.js", "CLIP", decision),
        ("picture.js", "COLOUR", colour), ("picture.js", "TEST_SIDE", augmentation),
        ("picture.js", "HALVED", augmentation),
    ],
)  # fmt: skip
def test_the_constants_of_the_scripts_are_those_of_the_rooms(file, name, room):
    text = re.search(rf"const (?:[^;]*, )?{name} = ([\w.-]+)", ASSETS[file].read_text())[1]
    assert float(text) == getattr(room, name, getattr(room, f"_{name}", None))


def test_the_scripts_know_all_that_the_gate_checks():
    told = ASSETS["gate.js"].read_text()
    assert re.search(r"const EASE = \[0, 0, Math\.log\(4\)\]", told) and gate._EASE.tolist() == [0, 0, np.log(4)]
    assert gate.CHECKS == ("kind", "distance", "lungs") and picture_kinds.UPRIGHT == 0
    assert sorted(picture_kinds.ADVICE) == list(range(1, len(picture_kinds.ADVICE) + 1))
    assert len(lung_fields.FILTERS) - 1 == int(re.search(r"LEVELS = (\d)", ASSETS["lung_fields.js"].read_text())[1])
    assert all(path.read_text().count("\n") < 200 for name, path in ASSETS.items() if name.endswith(".js"))


def test_a_page_that_is_there_is_replaced_and_anything_else_left_alone(bundle, archive, tmp_path):
    folder = browser_page.write(bundle, tmp_path / "out", archive)
    (folder / "old.txt").touch()  # of an earlier page, which names it
    keeper = folder / "service_worker.js"
    keeper.write_text(keeper.read_text().replace("const FILES = {", 'const FILES = {"old.txt": "sha256-x", '))
    assert not (browser_page.write(bundle, folder, archive) / "old.txt").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").touch()
    with pytest.raises(
        browser_page.BrowserPageError, match="out must be a new folder or a page written before, got .*mine"
    ):
        export_command.run(given(bundle.folder, "--out", mine, "--runtime", archive))
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]


def test_a_page_is_written_whole_or_not_at_all(bundle, archive, tmp_path, monkeypatch):
    folder = browser_page.write(bundle, tmp_path / "out", archive)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(folder), "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        browser_page.write(bundle, folder, archive)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not folder.with_name("out.part").exists()


def test_a_bundle_without_networks_for_it_says_which_parameter_makes_them(tmp_path, known, archive):
    bundle = bundles.write(tmp_path / "study" / "model", known)
    with pytest.raises(ValueError, match="engine onnx .*exported_engines.*got .*model without"):
        export_command.run(given(bundle.folder, "--runtime", archive))


def test_a_runtime_that_is_not_there_is_told_as_such(bundle, tmp_path):
    with pytest.raises(
        browser_runtime.RuntimeFileError, match=r"^runtime must be a file that is there, got .*/nowhere$"
    ):
        export_command.run(given(bundle.folder, "--runtime", tmp_path / "nowhere"))


def test_an_altered_runtime_is_refused(bundle, archive):
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    with pytest.raises(browser_runtime.RuntimeFileError, match="must have SHA-256 .*--runtime"):
        export_command.run(given(bundle.folder, "--runtime", archive))
    assert not (bundle.folder.parent / "browser").exists()


def test_an_archive_without_the_files_is_refused(tmp_path):
    made = browser_pages.write_archive(tmp_path / "other.tgz", ("package/README.md",))
    with pytest.raises(browser_runtime.RuntimeFileError, match="must be the whole archive .*got .*other.tgz"):
        browser_runtime.unpack(made)


def test_the_runtime_is_fetched_once(archive, tmp_path, monkeypatch):
    asked = []

    def fetch(url, target, *, size, sha256):
        asked.append((url, size, sha256))
        target.parent.mkdir(exist_ok=True)
        return archive.rename(target)

    with monkeypatch.context() as one:
        one.setattr(downloads, "fetch", fetch)
        browser_runtime.find(tmp_path / "cache")
    monkeypatch.setattr(downloads, "_complete_download", lambda *given: pytest.fail("asked again"))
    found = browser_runtime.find(tmp_path / "cache")
    assert asked == [(browser_runtime.URL, browser_runtime.SIZE, browser_runtime.SHA256)]
    assert set(browser_runtime.unpack(found)) == set(browser_runtime.FILES)


def test_without_a_connection_one_sentence_says_what_to_do(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(browser_runtime, "URL", "http://127.0.0.1:9/onnxruntime-web.tgz")
    monkeypatch.setattr(downloads, "_PAUSE", 0)
    with pytest.raises(browser_runtime.RuntimeFileError) as caught:
        export_command.run(given(bundle.folder, "--cache", tmp_path / "cache"))
    said = str(caught.value)
    assert said.startswith("onnxruntime-web 1.30.0 must be there or be downloaded once, got: ")
    assert said.endswith("elsewhere and name it with --runtime") and "DATA=" not in said and "\n" not in said


@pytest.mark.parametrize("name", [".git", "robots.txt"])
def test_what_somebody_keeps_in_the_page_is_not_deleted(bundle, archive, tmp_path, name):
    out = browser_page.write(bundle, tmp_path / "site", archive)
    browser_page.write(bundle, out, archive)
    (out / name).mkdir()
    rule = rf"out must hold nothing but the page, which is replaced, got .*site with {name}: it is left as it is"
    with pytest.raises(browser_page.BrowserPageError, match=rule):
        browser_page.write(bundle, out, archive)
    assert (out / name).is_dir() and (out / "index.html").is_file()


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db"])
def test_what_a_system_leaves_where_somebody_only_looked_keeps_no_page_from_being_replaced(
    bundle, archive, tmp_path, name
):
    (tmp_path / "site").mkdir()
    for _ in range(2):
        (tmp_path / "site" / name).touch()
        out = browser_page.write(bundle, tmp_path / "site", archive)
    assert (out / "index.html").is_file() and not (out / name).exists()


@pytest.mark.slow
def test_a_picture_of_no_known_kind_is_refused_and_one_that_cannot_be_drawn_is_let_go(browser, tmp_path):
    for name, path in ASSETS.items():
        (tmp_path / name).write_bytes(path.read_bytes())
    with browser_pages.serving(tmp_path) as address:
        page = browser.new_page()
        page.goto(f"{address}decision.js")
        reasons = page.evaluate("""async () => {
            const { Gate } = await import("./gate.js");
            const gate = { advice: ["a hand", "a cat"], rarities: [{ value: () => 1 }], limits: [1] };
            return [[-2, -1, -9], [-2, NaN, -9]].map(said => Gate.prototype.reason.call(gate, 0, 0, said));
        }""")
        assert reasons == ["a hand", "cannot be judged"]
        freed = page.evaluate("""async () => {
            const { showPicture } = await import("./pictures.js"), card = document.createElement("li");
            return new Promise(done => {
                URL.revokeObjectURL = done;
                setTimeout(done, 5000, "kept");
                showPicture(card, new File(["no picture"], "a.txt"));
            });
        }""")
        assert freed.startswith("blob:")
        page.close()
