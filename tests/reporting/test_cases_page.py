"""The page of cases computes in the browser what Python computes: at any threshold, at any prevalence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from support.examples import example

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.evaluation import calibration, clinical_utility, intervals, metrics
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import cases_page
from pneumo_utils.study.definition import load

N, FROZEN = 40, {"cnn": 0.4567, "vgg16": 0.61}


def predictions() -> pd.DataFrame:
    """Forty radiographs of twenty patients, judged by two networks."""
    generator, parts = np.random.default_rng(3), []
    label = np.arange(N) % 3 > 0
    etiology = np.where(label, np.where(np.arange(N) % 2, "bacterial", "viral"), "normal")
    for model in FROZEN:
        probability = np.clip(generator.normal(0.35 + 0.3 * label, 0.2), 0.01, 0.99)
        given = {"model": model, "seed": 0, "split": "test"}
        parts.append(example("predictions", N).assign(
            path=[f"test/{'PNEUMONIA' if ill else 'NORMAL'}/<{i}>.jpeg" for i, ill in enumerate(label)],
            patient=[f"p{i // 2}" for i in range(N)], label=label.astype(int), etiology=etiology,
            probability=probability, **given,
        ))  # fmt: skip
        parts.append(parts[-1].assign(split="validation", probability=parts[-1]["probability"] ** 1.5))
    return pd.concat(parts, ignore_index=True)


def heat_maps() -> np.ndarray:
    """A map of 2 x 3 places for each radiograph; the first is dark everywhere."""
    maps = np.random.default_rng(5).uniform(0, 2, (N, 2, 3))
    maps[0] = 0
    return maps


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """The page of a study of two networks, and what they said."""
    store, said = Store("smoke", tmp_path_factory.mktemp("reports")), predictions()
    store.write("predictions", said)
    point = {"rule": "sensitivity", "seed": 0}
    points = [example("operating_points", 1, model=model, threshold=cut, **point) for model, cut in FROZEN.items()]
    store.write("operating_points", pd.concat(points, ignore_index=True))
    own = said[(said["model"] == "cnn") & (said["split"] == "test")]
    store.write("splits", example("splits", N).assign(**own[["path", "patient", "label", "etiology", "split"]]))
    store.write_images(np.random.default_rng(0).integers(0, 256, (N, 32, 32), dtype=np.uint8), N, 32)
    for model in FROZEN:  # in another order than the predictions
        store.write_test_maps(model, 0, own["path"][::-1], heat_maps()[::-1])
    cases_page.write(store, load("smoke", PROJECT / "params"), [])
    return store.folder / "cases.html", said


@pytest.fixture(scope="module")
def page(cases, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.faults = []
    page.on("console", lambda message: page.faults.append(message.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(cases[0].as_uri())
    return page


def row(page, number: int) -> list[str]:
    return page.locator("#measures tbody tr").nth(number).locator("th, td").all_inner_texts()


def expected(answers: pd.DataFrame, threshold: float, prevalence: float) -> list[str]:
    """What the tables of the study would say, with the draws of the page."""
    said, validation = (answers[answers["split"] == split] for split in ("test", "validation"))
    fitted = calibration.Platt.fit(validation["label"].to_numpy(), validation["probability"].to_numpy())
    calibrated = fitted.apply(np.array([threshold, *said["probability"]]))
    cut, *risks = calibration.shift_prevalence(calibrated, validation["label"].mean(), prevalence)
    label, probability = said["label"].to_numpy(), said["probability"].to_numpy()
    called = metrics.decide(probability, threshold)
    draws = intervals.resample_patients(said["patient"].to_numpy(), 200, 0).astype(float)

    def measures(weight: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            right = {1: (label == 1) & (called == 1), 0: (label == 0) & (called == 0)}
            ill, well = (np.sum(weight * right[one]) / np.sum(weight * (label == one)) for one in (1, 0))
            ppv = ill * prevalence / (ill * prevalence + (1 - well) * (1 - prevalence))
            npv = well * (1 - prevalence) / (well * (1 - prevalence) + (1 - ill) * prevalence)
        gain = ill * prevalence - (1 - well) * (1 - prevalence) * cut / (1 - cut)
        return np.array([ill, well, ppv, npv, gain])

    plain, drawn = measures(np.ones(len(label))), np.array([measures(draw) for draw in draws])
    gain = clinical_utility.net_benefit(label, np.array(risks), np.array([cut]), prevalence)[0]
    np.testing.assert_allclose(plain[4], gain, atol=1e-12)
    patients = [said["patient"][label == one].nunique() for one in (1, 0)] + [0, 0, 0]
    bounds = [intervals.interval(value, drawn[:, k], patients=patients[k]) for k, value in enumerate(plain)]
    return [metrics.format_interval(value, *bound) for value, bound in zip(plain, bounds, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("threshold", "prevalence"), [(0.3, 0.1), (0.55, 0.5), (0.8, 0.9), (0.005, 0.5), (0.7255, 0.005)]
)
def test_what_is_typed_moves_every_number_to_what_python_computes(page, cases, threshold, prevalence):
    page.locator("#threshold-number").fill(str(threshold))
    page.locator("#prevalence-number").fill(str(prevalence))
    for number, (model, frozen) in enumerate(FROZEN.items()):
        own = cases[1][cases[1]["model"] == model]
        for offset, cut in ((0, threshold), (1, frozen)):
            shown = row(page, 2 * number + offset)
            assert shown[1] == f"{cut:.3f}" and shown[2:7] == expected(own, cut, prevalence)
            test = own[own["split"] == "test"]
            called = metrics.decide(test["probability"].to_numpy(), cut)
            spared, alarms, missed, found = metrics.confusion(test["label"].to_numpy(), called).ravel()
            assert [int(text) for text in shown[7:]] == [found, missed, alarms, spared]
    assert page.faults == []


@pytest.mark.slow
def test_the_slider_when_dragged_moves_the_same_numbers(page):
    slider = page.locator("#threshold")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    typed = page.locator("#threshold-number").input_value()
    assert 0.65 < float(typed) < 0.85 and row(page, 0)[1] == f"{float(typed):.3f}"


@pytest.mark.slow
def test_a_click_on_a_count_lists_those_radiographs_and_filters_narrow_them(page, cases):
    own = cases[1].query("model == 'vgg16' and split == 'test'")
    missed = own[(own["label"] == 1) & (own["probability"] < FROZEN["vgg16"])]
    page.locator("#measures tbody tr").nth(3).get_by_role("button").nth(1).click()
    assert page.locator("#cards li").count() == len(missed)
    texts = page.locator("#cards li").all_inner_texts()
    assert all(any(path in text for text in texts) for path in missed["path"])
    page.locator("#kind").select_option("viral")
    page.locator("#measures tbody tr").nth(3).get_by_role("button").nth(1).click()
    assert page.locator("#cards li").count() == len(missed), "a click on a count shows as many, whatever was chosen"
    assert page.evaluate("document.activeElement.id") == "list"
    assert all(", missed: " in text for text in page.locator("#cards li").all_inner_texts())
    page.locator("#kind").select_option("viral")
    assert page.locator("#cards li").count() == (missed["etiology"] == "viral").sum()
    for chosen in ("#kind", "#outcome"):
        page.locator(chosen).select_option("")
    counts = []
    for agreement in ("agree", "differ"):
        page.locator("#agreement").select_option(agreement)
        counts.append(page.locator("#cards li").count())
    assert sum(counts) == N and min(counts) > 0 and page.faults == []


@pytest.mark.slow
def test_every_thumbnail_is_a_picture(page):
    page.locator("#agreement").select_option("")
    widths = "images => Promise.all(images.map(image => image.decode().then(() => image.naturalWidth)))"
    assert page.eval_on_selector_all("#cards img", widths) == [32] * N


@pytest.mark.slow
def test_every_radiograph_wears_its_own_heat_map_until_they_are_taken_off(page, cases):
    own = cases[1].query("model == 'cnn' and split == 'test'").reset_index(drop=True)
    page.locator("#network").select_option(label="Small CNN")
    opacity = """items => items.map(item => {
      const canvas = item.querySelector("canvas");
      const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return [item.textContent.match(/<(\\d+)>/)[1], [...dots].filter((_, k) => k % 4 === 3)];
    })"""
    drawn = dict(page.eval_on_selector_all("#cards li", opacity))
    assert len(drawn) == N == len(own)
    for number, shown in enumerate(heat_maps()):
        highest = max(shown.max(), 1e-12)
        assert drawn[str(number)] == (12 * np.rint(15 * shown.ravel() / highest)).astype(int).tolist()
    page.locator("#heat").uncheck()
    assert page.locator("#cards canvas").count() == 0 and page.faults == []
    page.locator("#heat").check()


@pytest.mark.slow
def test_the_button_goes_back_to_the_frozen_operating_point(page):
    page.locator("#network").select_option(label="Small CNN")
    page.locator("#threshold-number").fill("0.9")
    page.locator("#reset").click()
    assert row(page, 0)[1:] == row(page, 1)[1:] and row(page, 0)[1] == "0.457"


def test_the_page_says_what_to_do_without_a_script_and_holds_names_as_text(cases):
    text = cases[0].read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert "needs JavaScript" in page.noscript.get_text() and page.select_one("#tool").has_attr("hidden")
    assert "<7>.jpeg" not in text and "\\u003c7>.jpeg" in text
