"""Radiographs are drawn, downloaded or found, whole or not at all, and every fault is one sentence."""

import errno
import hashlib
import io
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock, Timeout

from pneumo_utils.datasets import archives, cache_folder, downloads, folder_layout, manifest, patients, sources

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Serves `content`; breaks off after `breaks.pop(0)` bytes of an answer while `breaks` lasts."""

    def do_GET(self):
        state = self.server
        asked = self.headers.get("Range")
        state.asked.append(asked)
        start = int(asked[6:-1]) if asked and state.ranges else 0
        body = state.content[start:]
        self.send_response(state.status or (206 if start else 200))
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
        self.end_headers()
        self.wfile.write(body[: state.breaks.pop(0)] if state.breaks else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "_PAUSE", 0)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    running.content, running.breaks, running.asked, running.ranges, running.status = CONTENT, [], [], True, 0
    running.url = f"http://127.0.0.1:{running.server_port}/file_downloaded"
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def fetch(server, target, sha256=SHA256):
    return downloads.fetch(server.url, target, size=len(CONTENT), sha256=sha256)


def zipped(names, data=b"x"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return file.getvalue()


def radiographs(top):
    picture = cv2.imencode(".jpeg", np.full((8, 8), 99, np.uint8))[1].tobytes()
    names = [f"train/{name}/{file}" for name, file in FILES] + [f"test/{name}/{file}" for name, file in FILES]
    return zipped([top + name for name in names] + ["__MACOSX/chest_xray/train/NORMAL/._a.jpeg"], picture)


def visible(folder):
    """Names in `folder`, without the locks and marks."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


FILES = (("NORMAL", "IM-0001-0001.jpeg"), ("PNEUMONIA", "person1_virus_1.jpeg"))


def test_a_download_arrives_whole_and_is_not_repeated(server, tmp_path, capfd):
    target = tmp_path / "new" / "file.zip"
    assert fetch(server, target).read_bytes() == CONTENT
    fetch(server, target)
    assert server.asked == [None]
    assert visible(target.parent) == ["file.zip"]
    assert capfd.readouterr().err == ""  # no progress bar off a terminal


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = [70_000, 131_072]
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=65536-", "bytes=196608-"]


def test_a_part_of_an_earlier_run_is_used(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:1234])
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == ["bytes=1234-"]


def test_a_server_without_ranges_is_read_from_the_start(server, tmp_path):
    server.ranges = False
    (tmp_path / "file.part").write_bytes(b"old")
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_never_answers_ends_in_one_sentence_and_keeps_the_part(server, tmp_path):
    server.breaks = [65_536] + [0] * 10
    rule = r"^download must be reachable at http.*, got no further than 65,536 of 300,000 bytes in 3 tries: run"
    with pytest.raises(ValueError, match=rule):
        fetch(server, tmp_path / "file")
    assert (tmp_path / "file.part").stat().st_size == 65_536
    server.breaks = []
    assert fetch(server, tmp_path / "file").read_bytes() == CONTENT


def test_no_server_at_all_ends_in_one_sentence(server, tmp_path):
    with pytest.raises(ValueError, match="got no further than 0 of 300,000 bytes in 3 tries.*data.folder$"):
        downloads.fetch("http://127.0.0.1:9/none", tmp_path / "file", size=len(CONTENT), sha256=SHA256)


def test_another_content_is_refused_and_thrown_away(server, tmp_path):
    with pytest.raises(ValueError, match=f"^file must have SHA-256 {'0' * 64}, got {SHA256}: run again$"):
        fetch(server, tmp_path / "file", sha256="0" * 64)
    assert visible(tmp_path) == []


def test_a_page_in_place_of_the_file_is_refused(server, tmp_path):
    server.content = b"<html>log in</html>"
    with pytest.raises(ValueError, match="^download must have 300,000 bytes, got 19 "):
        fetch(server, tmp_path / "file")
    server.status = 403
    with pytest.raises(ValueError, match="^download must be answered with the file, got 403"):
        fetch(server, tmp_path / "file")
    assert visible(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_said_in_one_sentence(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="^cache folder must be a folder that can be written, got '.*file/cache': Not"):
        fetch(server, tmp_path / "file" / "cache" / "file.zip")


def test_a_full_disk_is_said_in_one_sentence(tmp_path):
    rule = r"^cache folder must have 1000000.00 GB of free space, got [\d.]+ GB in '"
    with pytest.raises(ValueError, match=rule), cache_folder.reserve_space(tmp_path, 10**15):
        pass
    with (
        pytest.raises(ValueError, match="^cache folder must have space left, got "),
        cache_folder.reserve_space(tmp_path, 0),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_zip_is_unpacked_whole_without_litter(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped(["a/b.txt", "__MACOSX/a/._b.txt", "a/.DS_Store", "c.txt"]))
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "left.txt").write_text("")
    folder = archives.unpack(tmp_path / "a.zip", tmp_path / "out")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == ["a/b.txt", "c.txt"]
    assert visible(tmp_path) == ["a.zip", "out"]


def test_a_zip_of_backslashes_is_unpacked_into_folders_and_litter_does_not_unpack_it_again(tmp_path):
    archive = tmp_path / "windows.zip"
    picture = cv2.imencode(".jpeg", np.full((8, 8), 99, np.uint8))[1].tobytes()
    archive.write_bytes(
        zipped([f"chest_xray\\{part}\\{name}\\{file}" for part in ("train", "test") for name, file in FILES], picture)
    )
    folder = archives.unpack(archive, tmp_path / "out")
    assert len(manifest.build(folder)[0]) == 4
    (folder / ".DS_Store").write_bytes(b"left by a file manager")
    assert archives.unpack(archive, folder) == folder
    assert (folder / ".DS_Store").exists()


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:/evil.txt"])
def test_a_zip_that_leads_out_of_its_folder_is_refused(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(zipped(["good.txt", name]))
    with pytest.raises(ValueError, match="^names in a.zip must stay inside its folder, got "):
        archives.unpack(tmp_path / "in" / "a.zip", tmp_path / "in" / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.zip"]


def test_a_damaged_zip_leaves_nothing_behind(tmp_path):
    whole = zipped(["a.txt", "b.txt"], CONTENT[:1000])
    for damaged in (b"no zip", whole[:-40], whole.replace(CONTENT[:100], CONTENT[100:200])):
        (tmp_path / "a.zip").write_bytes(damaged)
        with pytest.raises(ValueError, match="^a.zip must be a whole zip file, got: "):
            archives.unpack(tmp_path / "a.zip", tmp_path / "out")
        assert visible(tmp_path) == ["a.zip"]


@pytest.fixture
def mendeley(server, monkeypatch):
    server.content = radiographs("chest_xray/")
    monkeypatch.setattr(sources, "MENDELEY_URL", server.url)
    monkeypatch.setattr(sources, "MENDELEY_BYTES", len(server.content))
    monkeypatch.setattr(sources, "MENDELEY_SHA256", hashlib.sha256(server.content).hexdigest())
    return server


def test_mendeley_is_downloaded_once_and_unpacked(mendeley, tmp_path, monkeypatch):
    mendeley.breaks = [200]
    monkeypatch.setattr(downloads, "_CHUNK", 100)
    root = sources.provide("mendeley", cache=tmp_path)
    assert manifest.build(root)[0]["part"].value_counts().to_dict() == {"train": 2, "test": 2}
    assert not list(tmp_path.rglob("._*"))
    assert sources.provide("mendeley", cache=tmp_path) == root
    assert mendeley.asked == [None, "bytes=200-"]
    assert visible(tmp_path) == ["mendeley-rscbjbr9sj-2"]


def test_two_who_want_mendeleys_set_at_once_both_have_it_and_it_is_fetched_once(mendeley, tmp_path):
    with ThreadPoolExecutor() as pool:
        roots = list(pool.map(lambda _: sources.provide("mendeley", cache=tmp_path), range(4)))
    assert len(set(roots)) == 1 and len(mendeley.asked) == 1


def test_a_set_of_mendeleys_that_lost_a_picture_is_fetched_again(mendeley, tmp_path):
    root = sources.provide("mendeley", cache=tmp_path)
    next(root.rglob("*.jpeg")).unlink()
    assert len(manifest.build(sources.provide("mendeley", cache=tmp_path))[0]) == 4
    assert len(mendeley.asked) == 2


@pytest.mark.parametrize("given", ["own/ChestXRay2017.zip", "own"])
def test_a_mendeley_zip_at_hand_is_used_and_kept(mendeley, tmp_path, given):
    (tmp_path / "own").mkdir()
    archive = tmp_path / "own" / "ChestXRay2017.zip"
    archive.write_bytes(mendeley.content)
    root = sources.provide("mendeley", folder=str(tmp_path / given), cache=tmp_path / "cache")
    assert len(manifest.build(root)[0]) == 4
    assert archive.is_file()
    assert mendeley.asked == []


def test_another_zip_than_mendeleys_is_refused_and_kept(mendeley, tmp_path):
    archive = tmp_path / "ChestXRay2017.zip"
    archive.write_bytes(mendeley.content[:-1])
    with pytest.raises(ValueError, match=r"^ChestXRay2017.zip must have [\d,]+ bytes, got [\d,]+: download it again$"):
        sources.provide("mendeley", folder=str(archive), cache=tmp_path / "cache")
    assert archive.is_file()


@pytest.mark.parametrize("top", ["", "chest_xray/", "CellData/chest_xray/"])
def test_any_zip_that_holds_the_layout_is_unpacked_once(tmp_path, top):
    archive = tmp_path / "archive.zip"
    archive.write_bytes(radiographs(top))
    folder = sources.provide("folder", folder=str(archive), cache=tmp_path / "cache")
    assert len(manifest.build(folder)[0]) == 4
    inside = next(folder.rglob("*.jpeg"))
    before = inside.stat().st_mtime_ns, inside.stat().st_ino
    assert sources.provide("folder", folder=str(archive), cache=tmp_path / "cache") == folder
    assert (inside.stat().st_mtime_ns, inside.stat().st_ino) == before
    inside.unlink()
    sources.provide("folder", folder=str(archive), cache=tmp_path / "cache")
    assert inside.is_file(), "a folder that lacks a file is not taken for whole"


def test_the_nested_copy_in_a_zip_is_named(tmp_path):
    names = [f"{top}{part}/{kind}/{name}" for top in ("chest_xray/", "chest_xray/chest_xray/")
             for part in ("train", "test") for kind, name in FILES]  # fmt: skip
    picture = cv2.imencode(".jpeg", np.full((8, 8), 99, np.uint8))[1].tobytes()
    (tmp_path / "archive.zip").write_bytes(zipped(names, picture))
    folder = sources.provide("folder", folder=str(tmp_path / "archive.zip"), cache=tmp_path / "cache")
    table, exclusions, _ = manifest.build(folder)
    assert len(table) == 4
    assert exclusions["path"].tolist() == ["chest_xray/"]
    assert exclusions["files"].tolist() == [4]


def test_a_zip_that_names_a_file_twice_or_names_no_file_is_refused_by_the_name_of_the_zip(tmp_path):
    for names, said in (
        (["train//a.png", "train/a.png"], "^archive.zip must name each file once, got 1 that are there twice$"),
        (["train/a.png", "train/a.png/b.png"], "^archive.zip must hold names of files, got 'train/a.png"),
        (["train/" + "x" * 300], "^archive.zip must hold names of files, got 'train/xxx.*: File name too long$"),
    ):
        (tmp_path / "archive.zip").write_bytes(zipped(names))
        with pytest.raises(ValueError, match=said):
            archives.unpack(tmp_path / "archive.zip", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_hidden_pictures_of_a_zip_are_named_and_a_zip_needs_no_ending(tmp_path):
    names = [f"train/{kind}/{name}" for kind, name in FILES] + [f"test/{kind}/{name}" for kind, name in FILES]
    picture = cv2.imencode(".jpeg", np.full((8, 8), 99, np.uint8))[1].tobytes()
    (tmp_path / "archive").write_bytes(zipped([*names, "train/NORMAL/.x.png", ".extra/y.png", ".DS_Store"], picture))
    folder = sources.provide("folder", folder=str(tmp_path / "archive"), cache=tmp_path / "cache")
    exclusions = manifest.build(folder)[1]
    assert dict(zip(exclusions["path"], exclusions["files"], strict=True)) == {".extra/": 1, "train/NORMAL/.x.png": 1}


def test_a_zip_without_the_layout_with_a_password_or_too_large_is_refused(tmp_path, monkeypatch):
    archive = tmp_path / "archive.zip"
    archive.write_bytes(zipped(["notes.txt"]))
    with pytest.raises(ValueError, match=r"^archive.zip must hold train/ and test/ in one folder, got notes.txt$"):
        sources.provide("folder", folder=str(archive), cache=tmp_path / "cache")
    data = bytearray(radiographs("chest_xray/"))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the bit that says: encrypted
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    archive.write_bytes(data)
    with pytest.raises(ValueError, match="^archive.zip must be a zip file without a password, got: "):
        sources.provide("folder", folder=str(archive), cache=tmp_path / "cache")
    archive.write_bytes(radiographs("chest_xray/"))
    monkeypatch.setattr(archives, "_LARGEST", 100)
    with pytest.raises(ValueError, match="^archive.zip must unpack to at most 0 GB, got 0 GB$"):
        sources.provide("folder", folder=str(archive), cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("archive*/chest_xray"))


PROVIDED = {
    "zip": ("folder", "archive.zip", {}),
    "medmnist": ("medmnist", "pneumoniamnist.npz", {}),
    "phantom": ("phantom", "", {"phantom_patients": 8}),
}


def provided(which, tmp_path):
    """A set of the cache, and what has it again."""
    source, name, options = PROVIDED[which]
    if which == "zip":
        (tmp_path / name).write_bytes(radiographs("chest_xray/"))
    elif which == "medmnist":
        medmnist(tmp_path / name)
    given = str(tmp_path / name) if name else ""
    return lambda: sources.provide(source, folder=given, cache=tmp_path / "cache", **options)


@pytest.mark.parametrize("which", PROVIDED)
@pytest.mark.parametrize("harm", ["none", "lost", "flipped"])
def test_what_a_user_lays_into_a_set_stays_and_a_flipped_bit_in_it_is_mended(which, harm, tmp_path, caplog):
    again = provided(which, tmp_path)
    folder = again()
    inside = sorted(path for path in folder.rglob("*.*") if path.suffix in (".png", ".jpeg"))[0]
    data = inside.read_bytes()
    own = [folder / "patients.csv", inside.parent / "own" / "mine.png"]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"path,patient")
    if harm == "lost":
        inside.unlink()
    elif harm == "flipped":
        inside.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    assert again() == folder and again() == folder
    assert inside.read_bytes() == data
    assert [path.read_bytes() for path in own] == [b"path,patient"] * 2
    own[0].unlink()
    before = inside.stat().st_ino
    assert again() == folder and inside.stat().st_ino == before, "the set is whole without it"


def test_what_a_user_lays_into_an_unpacked_zip_is_named(tmp_path, caplog):
    again = provided("zip", tmp_path)
    (again() / "patients.csv").write_text("path,patient")
    with caplog.at_level("INFO"):
        again()
    assert "holds 1 files that are not of the set, and keeps them: patients.csv" in caplog.text


def test_what_nobody_has_touched_is_not_read_again(tmp_path, monkeypatch):
    again = provided("zip", tmp_path)
    folder, read = again(), []
    monkeypatch.setattr(cache_folder, "_crc", lambda path, known=cache_folder._crc: read.append(path) or known(path))
    again()
    assert read == []
    touched = next(folder.rglob("*.jpeg"))
    touched.touch()
    again()
    again()
    assert read == [touched]


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_damaged_anywhere_is_refused_by_its_name(tmp_path, kind):
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w", kind) as opened:
        for part in ("train", "test"):
            for name, file in FILES:
                opened.writestr(f"{part}/{name}/{file}", CONTENT[:3000])
    whole, refused = archive.read_bytes(), 0
    for at in range(35, len(whole), len(whole) // 60):
        archive.write_bytes(whole[:at] + bytes(one ^ 0x5A for one in whole[at : at + 8]) + whole[at + 8 :])
        try:
            sources.provide("folder", folder=str(archive), cache=tmp_path / "cache")
        except cache_folder.CacheError as error:
            refused += 1
            assert "archive.zip" in str(error), error
        except folder_layout.LayoutError:  # a name in it
            refused += 1
    assert refused > 30


def test_a_zip_that_needs_another_program_is_refused_by_its_name(tmp_path):
    data = bytearray(radiographs("chest_xray/"))
    data[data.index(b"PK\x01\x02") + 6] = 140  # version 14.0 of zip
    (tmp_path / "archive.zip").write_bytes(data)
    with pytest.raises(ValueError, match="^archive.zip must be a whole zip file, got: zip file version 14.0$"):
        sources.check("folder", str(tmp_path / "archive.zip"))


@pytest.mark.parametrize(
    ("names", "got"),
    [([], "nothing"), (["photos/a.jpeg", "b.txt"], "b.txt, photos"), (["a/train/x.jpeg", "b/test/y.jpeg"], "a, b")],
)
def test_a_zip_without_the_layout_is_refused_before_it_is_unpacked(tmp_path, names, got):
    archive = tmp_path / "archive.zip"
    archive.write_bytes(zipped(names))
    for ask in (sources.check, lambda *given: sources.provide(given[0], folder=given[1], cache=tmp_path / "cache")):
        with pytest.raises(ValueError, match=f"^archive.zip must hold train/ and test/ in one folder, got {got}$"):
            ask("folder", str(archive))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("normal", "said"),
    [
        ("Normal", "train must hold NORMAL/ and PNEUMONIA/, got Normal, PNEUMONIA"),
        ("NORMAL/NORMAL", "train/NORMAL must hold images, got none that is not in a folder of another kind"),
    ],
)
def test_a_zip_with_other_class_folders_is_refused_before_it_is_unpacked(tmp_path, normal, said):
    archive = tmp_path / "archive.zip"
    classes = (normal, "PNEUMONIA")
    archive.write_bytes(zipped([f"xray/{part}/{name}/a.jpeg" for part in ("train", "test") for name in classes]))
    for ask in (sources.check, lambda *given: sources.provide(given[0], folder=given[1], cache=tmp_path / "cache")):
        with pytest.raises(ValueError, match=f"^archive.zip: {said}$"):
            ask("folder", str(archive))
    assert not (tmp_path / "cache").exists()


def test_another_set_of_medmnist_is_not_taken_for_that_of_pneumonia(tmp_path):
    medmnist(tmp_path / "breastmnist.npz")
    with pytest.raises(
        ValueError, match=r"^data.folder must name a file pneumoniamnist\*.npz, as MedMNIST calls it, got 'br"
    ):
        sources.check("medmnist", str(tmp_path / "breastmnist.npz"))


def together(count, work):
    """Run `work` in `count` processes that start at once, and return their exit codes."""
    code = f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{work}"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
    return [one.wait() for one in running]


def test_processes_that_start_at_once_make_each_set_once_and_whole(tmp_path):
    archive = tmp_path / "pneumoniamnist.npz"
    arrays = {}
    for part, n in (("train", 300), ("val", 20), ("test", 40)):
        arrays[f"{part}_images"] = np.arange(n * 64, dtype=np.uint8).reshape(n, 8, 8)
        arrays[f"{part}_labels"] = np.arange(n) % 2
    np.savez(archive, **arrays)
    (tmp_path / "archive.zip").write_bytes(radiographs("chest_xray/"))
    work = f"""
from pneumo_utils.datasets import sources
cache = {str(tmp_path / "cache")!r}
sources.provide("medmnist", folder={str(archive)!r}, cache=cache)
sources.provide("folder", folder={str(tmp_path / "archive.zip")!r}, cache=cache)
sources.provide("phantom", cache=cache, phantom_patients=8)
"""
    assert together(4, work) == [0, 0, 0, 0]
    made = visible(tmp_path / "cache")
    assert len(made) == 3, made
    folder = next((tmp_path / "cache").glob("pneumoniamnist-*"))
    for harm in (Path.unlink, lambda picture: picture.write_bytes(b"")):
        harm(next(folder.rglob("*.png")))
        assert sources.provide("medmnist", folder=str(archive), cache=tmp_path / "cache") == folder
        whole = [picture for picture in folder.rglob("*.png") if picture.stat().st_size]
        assert len(whole) == 360, "a set that lacks a picture, or holds an empty one, is not taken for whole"


def test_kaggle_comes_from_kagglehub(monkeypatch, tmp_path):
    import kagglehub

    downloads_zip = tmp_path / "archive.zip"
    downloads_zip.write_bytes(radiographs("chest_xray/"))
    folder, asked = archives.unpack(downloads_zip, tmp_path / "versions"), []
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "hub"))

    def download(handle):
        lock = FileLock(tmp_path / "hub" / "datasets" / ".chest-xray-pneumonia.lock", timeout=0)
        with pytest.raises(Timeout):  # nobody else downloads meanwhile
            lock.acquire()
        return asked.append(handle) or str(folder)

    monkeypatch.setattr(kagglehub, "dataset_download", download)
    assert sources.provide("kaggle", cache=tmp_path) == folder
    assert asked == ["paultimothymooney/chest-xray-pneumonia/versions/2"]


def test_kaggle_without_a_connection_says_what_to_do(monkeypatch, tmp_path):
    import kagglehub

    def offline(handle):
        raise ConnectionError("Failed to resolve 'api.kaggle.com'\nmore lines")

    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(kagglehub, "dataset_download", offline)
    rule = "^Kaggle set .* must be reachable, got Failed to resolve .*: connect .* data.source: folder$"
    with pytest.raises(ValueError, match=rule):
        sources.provide("kaggle", cache=tmp_path)


def medmnist(path, **changed):
    rng, arrays = np.random.default_rng(0), {}
    for part, count in (("train", 6), ("val", 4), ("test", 4)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % 2)[:, None].astype(np.uint8)
    arrays = {key: value for key, value in (arrays | changed).items() if value is not None}
    np.savez(path, **arrays)
    return arrays


@pytest.mark.parametrize("given", ["pneumoniamnist_28.npz", "."])
def test_medmnist_becomes_a_folder_of_pictures_once(tmp_path, given):
    arrays = medmnist(tmp_path / "pneumoniamnist_28.npz")
    root = sources.provide("medmnist", folder=str(tmp_path / given), cache=tmp_path / "cache")
    table, exclusions, _ = manifest.build(root)
    assert exclusions.empty
    assert len(table) == 14
    assert table["part"].value_counts().to_dict() == {"train": 6, "val": 4, "test": 4}
    assert not patients.known(table).any()
    assert table["patient"].is_unique
    for number, label in enumerate(["NORMAL", "PNEUMONIA"]):
        stored = cv2.imread(str(root / "train" / label / f"train-{number:05}.png"), cv2.IMREAD_UNCHANGED)
        assert (stored == arrays["train_images"][number]).all()
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.png")}
    assert sources.provide("medmnist", folder=str(tmp_path / given), cache=tmp_path / "cache") == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.png")} == times
    assert not list((tmp_path / "cache").glob("*.part"))


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"val_labels": None}, r"pneumoniamnist.npz must hold .*val_labels"),
        (
            {"test_labels": np.zeros((3, 1), np.uint8)},
            "test_images must be uint8 .* with n labels, got .* 3 labels",
        ),
        ({"train_labels": np.full((6, 1), 2, np.uint8)}, r"train_labels must be 0 or 1, got \[2\]"),
        ({"train_images": np.zeros((6, 28, 28, 3), np.uint8)}, "train_images must be uint8"),
        ({"train_images": np.array([None] * 6)}, "pneumoniamnist.npz must be a .npz file of PneumoniaMNIST"),
        ({"train_images": np.zeros((6, 28, 0), np.uint8)}, r"train_images must be uint8 .*, got uint8 \(6, 28, 0\)"),
        ({"train_labels": np.array([0, np.nan] * 3)}, r"train_labels must be 0 or 1, got \[0.0, nan\]"),
        ({"train_labels": np.array(["0", "1"] * 3)}, "train_labels must be 0 or 1"),
    ],
)
def test_another_npz_than_medmnists_is_refused(tmp_path, changed, rule):
    medmnist(tmp_path / "pneumoniamnist.npz", **changed)
    with pytest.raises(ValueError, match=f"^{rule}"):
        sources.provide("medmnist", folder=str(tmp_path), cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", [bool, float, np.int64])
def test_labels_of_medmnist_may_be_of_any_kind_that_says_0_or_1(tmp_path, kind):
    medmnist(tmp_path / "pneumoniamnist.npz", train_labels=np.array([[0], [1]] * 3).astype(kind))
    root = sources.provide("medmnist", folder=str(tmp_path), cache=tmp_path / "cache")
    assert [len(list((root / "train" / name).iterdir())) for name in ("NORMAL", "PNEUMONIA")] == [3, 3]


def test_an_array_that_claims_more_than_its_bytes_is_refused_unread(tmp_path):
    medmnist(tmp_path / "a.npz")
    header = io.BytesIO()
    huge = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6, 10**3)}
    np.lib.format.write_array_header_1_0(header, huge)
    with zipfile.ZipFile(tmp_path / "a.npz") as good, zipfile.ZipFile(tmp_path / "pneumoniamnist.npz", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, header.getvalue() if name == "val_images.npy" else good.read(name))
    with pytest.raises(ValueError, match="^pneumoniamnist.npz must be a .npz file .*: val_images of 1,0.* bytes$"):
        sources.provide("medmnist", folder=str(tmp_path / "pneumoniamnist.npz"), cache=tmp_path / "cache")


def test_a_damaged_npz_is_refused_in_a_sentence(tmp_path):
    medmnist(tmp_path / "good.npz")
    with np.load(tmp_path / "good.npz") as good:
        np.savez_compressed(tmp_path / "pneumoniamnist.npz", **good)
    whole = (tmp_path / "pneumoniamnist.npz").read_bytes()
    for at in range(40, len(whole), len(whole) // 40):
        (tmp_path / "pneumoniamnist.npz").write_bytes(whole[:at] + b"\xa5" * 6 + whole[at + 6 :])
        try:
            sources.provide("medmnist", folder=str(tmp_path / "pneumoniamnist.npz"), cache=tmp_path / "cache")
        except ValueError as error:
            assert str(error).startswith("pneumoniamnist.npz must ")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "pneumoniamnist.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"^pneumoniamnist.npz must be a .npz file of PneumoniaMNIST, got: "):
        sources.provide("medmnist", folder=str(tmp_path), cache=tmp_path / "cache")


def test_a_missing_file_is_named(tmp_path):
    rule = r"^data.folder must name a file pneumoniamnist\*.npz or the folder that holds one, got "
    for given in (str(tmp_path), str(tmp_path / "gone.npz"), ""):
        with pytest.raises(ValueError, match=rule):
            sources.provide("medmnist", folder=given, cache=tmp_path)


def test_a_folder_is_checked_and_taken_as_it_is(tmp_path):
    (tmp_path / "a.zip").write_bytes(radiographs(""))
    folder = archives.unpack(tmp_path / "a.zip", tmp_path / "own")
    assert sources.provide("folder", folder=str(folder), cache=tmp_path / "cache") == folder
    assert not (tmp_path / "cache").exists()
    with pytest.raises(ValueError, match="^data folder must exist, got "):
        sources.provide("folder", folder=str(tmp_path / "gone"), cache=tmp_path)
    with pytest.raises(ValueError, match="^data.folder must name the folder of the radiographs, got nothing"):
        sources.provide("folder", cache=tmp_path)


def test_the_phantom_is_drawn_into_the_cache_once(tmp_path):
    options = {"cache": tmp_path, "phantom_patients": 12, "phantom_seed": 3}
    root = sources.provide("phantom", **options)
    table, exclusions, _ = manifest.build(root)
    assert exclusions.empty
    assert set(table["label"]) == {0, 1}
    assert patients.known(table).all()
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.*")}
    assert sources.provide("phantom", **options) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.*")} == times
    assert sources.provide("phantom", **options, phantom_shortcut=True) != root


def test_an_unknown_source_is_refused(tmp_path):
    rule = "^data.source must be one of phantom, folder, kaggle, mendeley, medmnist, got 'kagle'$"
    with pytest.raises(ValueError, match=rule):
        sources.provide("kagle", cache=Path(tmp_path))


@pytest.mark.parametrize(("source", "named", "drawn", "kind"), [
    ("phantom", 10, False, "drawn"), ("folder", 10, True, "drawn"), ("kaggle", 0, False, "kermany"),
    ("folder", 9, False, "kermany"), ("folder", 8, False, "other"),
])  # fmt: skip
def test_a_folder_is_the_published_set_by_its_file_names_and_drawn_where_that_is_known(source, named, drawn, kind):
    files = pd.DataFrame({"number": pd.array([1] * named + [None] * (10 - named), "Int64"), "etiology": "viral"})
    assert sources.kind(source, files, drawn) == kind
    elsewhere = files.assign(etiology="unknown")  # names of normal children in the folder of the ill
    assert sources.kind(source, elsewhere, drawn) == ("other" if source == "folder" and not drawn else kind)
