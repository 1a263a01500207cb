"""A browser scores as Python does, refuses what Python refuses, and tells nobody."""

from __future__ import annotations

import csv
import functools
import io
import zlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from support import browser_pages, bundles
from support.browser import INSPECT, WINDOWS
from support.browser_pages import FILTERS, SHOWN, STORED, draw_phantoms

from pneumo_utils.deployment import input_files
from pneumo_utils.deployment.quality_control import changed_radiographs, odd_pictures, picture_statistics
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.deployment.scoring import Scorer
from pneumo_utils.deployment.web import browser_data, browser_page, browser_runtime
from pneumo_utils.imaging import decoding
from pneumo_utils.imaging.augmentation import test_view as view_of
from pneumo_utils.robustness import perturbations

pytestmark = pytest.mark.slow
CACHE = Path(__file__).parents[3] / "data"
BORDERLINE = 0.02  # share of pictures on which the gates may differ: both compute in float32, in another order
VIEWS = [0, 1, 2, 3, 4, 7, 8, 11]
ENOUGH = 12  # pictures that must be scored, for the comparison to say something


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return browser_pages.write_bundle(tmp_path_factory.mktemp("study") / "model")


@pytest.fixture(scope="module")
def folder(bundle):
    try:
        archive = browser_runtime.find(CACHE)
    except browser_runtime.RuntimeFileError as error:
        pytest.skip(str(error))
    return browser_page.write(bundle, bundle.folder.parent / "browser", archive)


@pytest.fixture(scope="module")
def address(folder):
    with browser_pages.serving(folder) as one:
        yield one


@pytest.fixture
def said():
    return []


def opened(browser, address, said, **options):
    """The page, and into `said` what the browser complains of, asks elsewhere or sends."""
    context = browser.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    page.on("console", lambda message: said.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    mine = (address, f"blob:{address}", "data:")
    context.on("request", lambda one: said.extend([] if one.url.startswith(mine) else [one.url]))
    context.on("request", lambda one: said.extend([] if one.method == "GET" else [f"{one.method} {one.url}"]))
    page.goto(address)
    page.get_by_role("status").get_by_text("Ready.").wait_for(timeout=60_000)
    return page


@pytest.fixture
def page(browser, address, said):
    one = opened(browser, address, said)
    yield one
    one.context.close()


def score(page, files):
    page.set_input_files("#files", [str(one) for one in files])
    page.get_by_role("status").get_by_text(f"{len(files)} file{'s' * (len(files) > 1)} done").wait_for(timeout=120_000)


def saved(page):
    with page.expect_download() as started:
        page.get_by_role("button", name="Save").click()
    with Path(started.value.path()).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def judged(bundle, files):
    return [answer.score for answer in Scorer(bundle, "onnx").score([str(one) for one in files])]


def write_pictures(folder):
    """Radiographs as they are and changed, and pictures that are none, as PNG."""
    generator = np.random.default_rng(0)
    pictures = {f"phantom-{n}": one for n, one in enumerate(draw_phantoms(3000, 12, 200))}
    changes = {
        "mild": changed_radiographs.vary_mildly, "cut": changed_radiographs.cut_off,
        "shuffled": changed_radiographs.shuffle, "surrounded": changed_radiographs.surround,
        "inverted": lambda one, _: 255 - one, "turned": lambda one, _: changed_radiographs.turn(one, 1),
        "over": lambda one, _: one[::-1], "dark": lambda one, _: one // 14, "pale": lambda one, _: 240 + one // 16,
        "noisy": lambda one, dice: perturbations.perturb(one, "noise", dice.choice([8.0, 40.0])),
        "smooth": lambda one, _: cv2.GaussianBlur(one, (0, 0), 5),
        "white": lambda one, _: cv2.copyMakeBorder(one, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255),
        "tiny": lambda one, _: cv2.resize(one, (51, 47)), "wide": lambda one, _: cv2.resize(one, (640, 333)),
        "icon": lambda one, _: cv2.resize(one, (20, 20)), "large": lambda one, _: cv2.resize(one, (1210, 1530)),
    }  # fmt: skip
    for name, change in changes.items():
        pictures |= {f"{name}-{n}": change(one, generator) for n, one in enumerate(draw_phantoms(4000, 4, 256))}
    kinds = odd_pictures.KINDS
    pictures |= {f"{kind}-{n}": odd_pictures.draw(kind, 10**6 + n, 160) for kind in kinds for n in range(3)}
    for name, pixels in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return sorted(folder.glob("*.png"))


def with_more_rows(png):
    """The PNG with a height of one row less than it holds."""
    head = bytearray(png[12:29])
    head[8:12] = (int.from_bytes(head[8:12], "big") - 1).to_bytes(4, "big")
    return png[:12] + bytes(head) + zlib.crc32(head).to_bytes(4, "big") + png[33:]


def write_files(folder):
    """A radiograph in files of other kinds, whole and damaged, and files that are no pictures."""
    pixels = draw_phantoms(5000, 1, 200)[0]
    picture = Image.fromarray(pixels)
    colours = Image.fromarray(np.dstack([pixels, pixels[::-1], 255 - pixels]))
    picture.save(folder / "grey.jpg", quality=95)
    picture.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", quality=95, exif=_turned(6))
    turned = (folder / "turned.jpg").read_bytes()
    (folder / "filled.jpg").write_bytes(turned[:2] + b"\xff\xff" + turned[2:])  # fill bytes before a marker
    colours.save(folder / "colours.png")
    picture.convert("RGB").save(folder / "rgb.jpg", quality=95)
    picture.convert("RGB").convert("CMYK").save(folder / "ink.jpg", quality=95)
    ink = (folder / "ink.jpg").read_bytes()
    marker = ink.index(b"\xff\xee")
    (folder / "unmarked-ink.jpg").write_bytes(ink[:marker] + ink[marker + 16 :])
    picture.save(folder / "restarts.jpg", quality=95, restart_marker_blocks=7, optimize=True)
    picture.save(folder / "progressive.jpg", quality=95, progressive=True)
    picture.save(folder / "picture.bmp")
    picture.save(folder / "picture.webp", lossless=True)
    picture.convert("LA").save(folder / "opaque.png")
    seen = Image.fromarray(np.dstack([pixels, np.full_like(pixels, 128)]), "LA")
    seen.save(folder / "transparent.png")
    Image.fromarray(pixels.astype(np.uint16) * 16).save(folder / "deep.png")
    picture.save(folder / "picture.tif")
    picture.save(folder / "two.png", save_all=True, append_images=[picture.rotate(1)])
    (folder / "film.jpg").write_bytes(
        (folder / "rgb.jpg").read_bytes() + b"a film \xff\xda\0\x08 of noughts" + bytes(99)
    )
    (folder / "twice.jpg").write_bytes((folder / "rgb.jpg").read_bytes() + (folder / "grey.jpg").read_bytes())
    bitmap = bytearray((folder / "picture.bmp").read_bytes()[:-2000])
    bitmap[2:6] = len(bitmap).to_bytes(4, "little")  # as if it were whole
    (folder / "short.bmp").write_bytes(bitmap)
    (folder / "surplus.png").write_bytes(with_more_rows((folder / "colours.png").read_bytes()))
    picture.save(folder / "upright.webp", lossless=True, exif=_turned(1))
    picture.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.webp", lossless=True, exif=_turned(6))
    large = _turned(1)
    large[37510] = b"ASCII\0\0\0" + bytes(60_000)  # a comment
    picture.save(folder / "large-exif.webp", lossless=True, exif=large)
    (folder / "letter, old.txt").write_text("Dear colleague,")
    (folder / "empty.png").touch()
    (folder / "dicom.dcm").write_bytes(bytes(128) + b"DICM" + bytes(64))
    for name in ("grey.jpg", "progressive.jpg", "colours.png", "picture.bmp", "picture.webp"):
        whole = (folder / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(whole[: len(whole) * 2 // 3])
    for name in ("rgb.jpg", "restarts.jpg"):
        whole = (folder / name).read_bytes()
        (folder / f"hole-in-{name}").write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 30 :])
    broken = bytearray((folder / "colours.png").read_bytes())
    broken[len(broken) // 2] ^= 255
    (folder / "broken.png").write_bytes(broken)
    return sorted(path for path in folder.iterdir() if path.is_file())


@pytest.mark.long
def test_a_browser_gives_the_answers_of_python(page, bundle, tmp_path, said):
    files = write_pictures(tmp_path)
    score(page, files)
    found, wanted = saved(page), judged(bundle, files)
    assert Counter(one.status for one in wanted)["scored"] >= ENOUGH
    other = 0
    for row, one in zip(found, wanted, strict=True):
        told = one.as_row()
        assert (row["path"], row["sha256"]) == (Path(one.path).name, one.sha256)
        if row["status"] != one.status or row["reason"] != one.reason:
            other += 1
            continue
        assert row["flags"] == told["flags"], one.path
        if one.status == "scored":
            assert abs(float(row["probability"]) - one.probability) < 1e-3, one.path
            assert abs(float(row["calibrated"]) - one.calibrated) < 1e-3, one.path
            assert (row["decision"], row["unsure"]) == (told["decision"], told["unsure"]), one.path
        else:
            assert row["probability"] == row["calibrated"] == row["decision"] == row["unsure"] == ""
        assert (row["bundle"], row["engine"]) == (bundle.digest[:16], browser_data.ENGINE)
    assert other <= BORDERLINE * len(files) and said == []


def pictures_for_steps():
    """Radiographs as they are and changed, and pictures that are none, of several shapes."""
    generator, phantoms = np.random.default_rng(1), list(draw_phantoms(6000, 6, 250))
    shapes = [(250, 250), (192, 192), (128, 192), (191, 333), (64, 64), (40, 300)]
    found = [cv2.resize(one, shape[::-1]) for one, shape in zip(phantoms, shapes, strict=True)]
    found += [changed_radiographs.vary_mildly(one, generator) for one in phantoms[:3]]
    return found + [odd_pictures.draw(kind, 5, 130) for kind in odd_pictures.KINDS]


GATE = """
  const told = await (await fetch("study.json")).json(), buffer = await (await fetch("arrays.bin")).arrayBuffer();
  const arrays = Object.fromEntries(Object.entries(told.arrays).map(([name, { start, shape }]) =>
    [name, { shape, values: new Float32Array(buffer, start, shape.reduce((a, b) => a * b, 1)) }]));
  const gate = new (await import("./gate.js")).Gate(told.gate, arrays);
"""
STEPS = f"""async ([pixels, width, height, shown]) => {{{GATE}
  const [picture, statistics, lungs] =
    await Promise.all(["picture", "picture_statistics", "lung_fields"].map(name => import(`./${{name}}.js`)));
  const square = picture.resize({{ pixels: Uint8Array.from(pixels), width, height }}, told.preparation.stored_size);
  const small = statistics.shrink(square), description = statistics.describe(small);
  return {{
    square: [...square.pixels], views: {VIEWS}.map(n => [...picture.testView(square, n, shown).pixels]),
    description: [...description], log_probabilities: gate.kinds.logProbabilities(description),
    distance: gate.pictures.logDistance(description), lungs: lungs.findLungs(small, arrays),
    exposure: statistics.measureExposure(small), frame: statistics.measureFrame(small),
  }};
}}"""
FEATURES = f"async rows => {{{GATE} return rows.map(row => gate.lookAtFeatures(row)); }}"


@pytest.mark.long
def test_every_step_gives_the_numbers_of_python(page, bundle, said):
    with np.load(bundle.file("gate.npz")) as arrays:
        known = Gate.of(dict(arrays))
    for pixels in pictures_for_steps():
        for shown in (SHOWN, 24):
            found = page.evaluate(STEPS, [pixels.ravel().tolist(), pixels.shape[1], pixels.shape[0], shown])
            square = decoding.resize(pixels, STORED)
            assert np.abs(np.int16(found["square"]).reshape(STORED, STORED) - square).mean() < 1e-3
            views = [view_of(square, number, shown) for number in VIEWS]
            apart = np.abs(np.int16(found["views"]).reshape(-1, shown, shown) - views)
            assert apart.max() <= 1 and apart.mean() < 0.02  # of ties, half are rounded the other way
        described = picture_statistics.describe(square)[None]
        np.testing.assert_allclose(
            found["description"], described[0], atol=0.03
        )  # arctangent of another precision, under a root
        np.testing.assert_allclose(found["log_probabilities"], known.kinds.log_probabilities(described)[0], atol=0.02)
        assert found["distance"] == pytest.approx(np.log(known.pictures.measure(described)[0]), abs=1e-3)
        lungs, exposure = picture_statistics.find_lungs(square), picture_statistics.measure_exposure(square)
        assert found["lungs"] == pytest.approx({"area": lungs.area, "edge": lungs.edge}, abs=5e-3)
        assert found["exposure"] == pytest.approx({"mean": exposure.mean, "contrast": exposure.contrast})
        assert found["frame"] == pytest.approx(picture_statistics.measure_frame(square))
    assert said == []


STUCK = """() => {
  const post = Worker.prototype.postMessage;
  let times = 0;
  Worker.prototype.postMessage = function (...given) { if (times++ < 1) post.apply(this, given); };
}"""


def test_a_table_that_is_saved_while_files_wait_has_a_row_for_each_named_as_by_python(page, tmp_path, said):
    names = ["phan\\tom  1.png", "\tphantom 2.png"]
    for name in names:
        cv2.imwrite(str(tmp_path / "one.png"), draw_phantoms(3000, 1, 200)[0])
        (tmp_path / "one.png").rename(tmp_path / name)
    page.evaluate(STUCK)
    page.set_input_files("#files", [str(tmp_path / name) for name in names])
    page.locator("#save:enabled").wait_for()
    rows = saved(page)
    assert [row["path"] for row in rows] == [input_files.name_safely(name) for name in names] and said == []
    assert rows[0]["sha256"] and rows[1]["reason"] == "not looked at: the table was saved before"


def test_features_far_from_what_is_known_are_refused_as_by_python(page, bundle):
    with np.load(bundle.file("gate.npz")) as arrays:
        known = Gate.of(dict(arrays))
    away = np.random.default_rng(0).normal(size=(40, FILTERS)) * np.geomspace(1e-3, 1, 40)[:, None]
    rows = (known.features.mean + away).astype(np.float32)
    wanted = [known.look_at_features(row).refused for row in rows]
    assert 5 < sum(map(bool, wanted)) < 35
    assert page.evaluate(FEATURES, rows.tolist()) == wanted


@pytest.mark.long
def test_an_answer_of_the_network_that_is_far_from_what_is_known_gives_no_number(browser, bundle, folder, tmp_path):
    """The gate of the bundle with a limit that nothing passes once the network has seen it."""
    with np.load(bundle.file("gate.npz")) as arrays:
        strict = dict(arrays)
    strict["limits"] = np.array([strict["limits"][0], -1e9])
    files = dict.fromkeys(("keras", "onnx"), {("cnn", 0): bundle.file("networks/cnn-0.onnx")})
    prepared = bundle.contents.preparation.model_dump()
    other = bundles.write(tmp_path / "strict" / "model", Gate.of(strict), files, preparation=prepared)
    cv2.imwrite(str(tmp_path / "one.png"), draw_phantoms(3000, 1, 200)[0])
    page_of_it = browser_page.write(other, tmp_path / "strict" / "browser", browser_runtime.find(CACHE))
    with browser_pages.serving(page_of_it) as address:
        page = opened(browser, address, [])
        score(page, [tmp_path / "one.png"])
        (row,) = saved(page)
        page.context.close()
    wanted = judged(other, [tmp_path / "one.png"])[0].as_row()
    assert wanted["status"] == "refused" and {name: row[name] for name in wanted} == wanted | {"path": "one.png"}


DECODED = """async data => {
  const [{ decode, squash }, { findKind }] = await Promise.all([import("./picture.js"), import("./file_kinds.js")]);
  const bytes = Uint8Array.from(data), kind = await findKind(bytes);
  return Array.from(squash(await decode(new Blob([bytes]), kind), 64, kind.reducible).pixels);
}"""


@pytest.mark.long
@pytest.mark.parametrize(("high", "wide"), [(200, 200), (257, 311), (520, 640), (128, 256)])
def test_a_jpeg_is_squashed_as_python_does_it_reduced_while_it_is_decoded(page, high, wide):
    pixels = cv2.resize(draw_phantoms(7000, 1, 600)[0], (wide, high))
    for options in ({}, {"exif": _turned(6)}, {"exif": _turned(1)}):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=90, **options)
        apart = np.abs(np.int16(page.evaluate(DECODED, list(file.getvalue()))) - decode_flat(file.getvalue()))
        assert apart.mean() < 0.25 and apart.max() <= 3


def decode_flat(data):
    return decoding.decode_square(data, STORED).ravel()


def _turned(orientation):
    told = Image.Exif()
    told[274] = orientation
    return told


@pytest.mark.long
def test_files_of_every_kind_are_read_as_python_reads_them_or_refused(page, bundle, tmp_path, said):
    files = write_files(tmp_path)
    score(page, files)
    found = {row["path"]: row for row in saved(page)}
    elsewhere = {"deep.png": "PNG must have 8 bits", "picture.tif": "a TIFF", "dicom.dcm": "a DICOM file",
                 "turned.webp": "a WebP that its EXIF turns"}  # fmt: skip
    for one in judged(bundle, files):
        row = found[Path(one.path).name]
        if row["path"] in elsewhere:
            assert row["status"] == "refused" and row["reason"].startswith(elsewhere[row["path"]])
            assert "python -m pneumo_utils predict" in row["reason"]
            continue
        assert row["status"] == one.status, (row, one)
        if one.status == "scored":
            assert abs(float(row["probability"]) - one.probability) < 0.01, one.path
    assert found["letter, old.txt"]["reason"] == "not an image (none of JPEG, PNG, WebP or BMP)"
    assert {name for name in found if found[name]["status"] == "scored"} >= {
        "grey.jpg",
        "turned.jpg",
        "filled.jpg",
        "ink.jpg",
        "restarts.jpg",
        "film.jpg",
        "large-exif.webp",
        "upright.webp",
    }
    assert found["surplus.png"]["reason"] == "damaged PNG: it holds more than its rows"
    assert found["unmarked-ink.jpg"]["reason"].startswith("a CMYK JPEG without Adobe's marker, which may be a negative")
    assert found["twice.jpg"]["reason"] == "holds 2 pictures: a radiograph is one"
    assert found["short.bmp"]["reason"] == "truncated: the BMP ends early"
    assert {found[name]["status"] for name in found if name.startswith(("cut-", "hole-in-"))} == {"refused"}
    assert said == []


@pytest.mark.long
def test_the_page_works_without_a_connection_after_it_was_loaded(browser, folder, bundle, tmp_path, said):
    cv2.imwrite(str(tmp_path / "one.png"), draw_phantoms(3000, 1, 200)[0])
    with browser_pages.serving(folder) as address:
        page = opened(browser, address, said)
        assert "works without a connection" in page.locator("#kept").inner_text()
    page.context.set_offline(True)
    page.reload()
    page.get_by_role("status").get_by_text("Ready.").wait_for(timeout=60_000)
    score(page, [tmp_path / "one.png"])
    assert saved(page)[0]["status"] == judged(bundle, [tmp_path / "one.png"])[0].status == "scored"
    page.context.close()
    assert said == []


def test_nothing_can_be_sent_from_the_page_or_its_worker(browser, folder):
    asks = "fetch('{}', {{ method: 'POST', body: 'x', mode: 'no-cors' }}).then(one => one.status, () => 'refused')"
    asked = []
    with browser_pages.serving(folder, asked) as address:
        page = opened(browser, address, [])
        before = list(asked)
        for place in (page, page.workers[0]):
            assert place.evaluate(asks.format("http://127.0.0.1:1/")) == "refused"
            assert place.evaluate(asks.format("somewhere")) == 404, "the service worker answers itself"
            assert place.evaluate("fetch('somewhere').then(one => one.status)") == 404
        page.context.close()
    assert len(before) > 10 and asked == before


def test_a_page_with_an_altered_network_scores_nothing(browser, folder, tmp_path, said):
    altered = tmp_path / "browser"
    altered.mkdir()
    for path in folder.iterdir():
        (altered / path.name).write_bytes(path.read_bytes())
    network = altered / "cnn-0.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    page = browser.new_context().new_page()
    with browser_pages.serving(altered) as address:
        page.goto(address)
        page.get_by_role("status").get_by_text("This page cannot score").wait_for(timeout=60_000)
    assert page.locator("#files").is_disabled()
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_the_page_is_faultless_empty_and_filled(browser, address, said, bundle, tmp_path, width, scheme):
    axe = Axe()
    cv2.imwrite(str(tmp_path / "one.png"), draw_phantoms(3000, 1, 200)[0])
    cv2.imwrite(str(tmp_path / "dark.png"), draw_phantoms(3000, 1, 200)[0] // 20)
    (tmp_path / "letter.txt").write_text("Dear colleague,")
    page = opened(browser, address, said, viewport={"width": width, "height": 844}, color_scheme=scheme)
    found = [one["id"] for one in axe.run(page).response["violations"]] + page.evaluate(INSPECT)
    score(page, sorted(tmp_path.glob("*.*")))
    found += [f"{one['id']}: {one['nodes'][0]['html'][:90]}" for one in axe.run(page).response["violations"]]
    found += page.evaluate(INSPECT)
    notice = page.locator("footer")
    assert notice.inner_text() == bundle.contents.notice and "not for diagnosis" in notice.inner_text()
    for place in (0, 400, 10**6):
        page.evaluate(f"scrollTo(0, {place})")
        box = notice.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 845, "the notice is always in sight"
    page.context.close()
    assert found == [] and said == []


@pytest.mark.long
def test_the_page_is_worked_by_keyboard_alone(page, tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), draw_phantoms(3000, 1, 200)[0])
    page.on("filechooser", lambda _: None)  # from now on: asked for with the key, it may come too late
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "files"
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Space")
    chosen.value.set_files([str(tmp_path / "one.png")])
    page.get_by_role("status").get_by_text("1 file done").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "save"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "files" and page.locator("#cards > li").count() == 0


def test_an_address_that_browsers_do_not_trust_is_told(browser, folder):
    context = browser.new_context()
    page = context.new_page()
    page.route("http://telephone.test/**", functools.partial(_answer, folder))
    page.goto("http://telephone.test/")
    page.get_by_role("status").get_by_text("it must be opened over https or on localhost").wait_for()
    context.close()


def _answer(folder, route):
    name = route.request.url.removeprefix("http://telephone.test/") or "index.html"
    kind = "text/javascript" if name.endswith(".js") else None
    route.fulfill(path=folder / name, content_type=kind)
