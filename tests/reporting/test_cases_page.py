"""The page of cases computes in the browser what Python computes: at any threshold, at any prevalence."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from sklearn import metrics as sk
from support.examples import example

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.evaluation import calibration, clinical_utility, intervals, metrics, net_benefit, reliability
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import cases_page
from pneumo_utils.study.definition import load

N, FROZEN = 42, {"cnn": 0.4567, "vgg16": 0.61}


def predictions() -> pd.DataFrame:
    """Forty-two radiographs of 22 patients, of whom two are not known, judged by two networks."""
    generator, parts = np.random.default_rng(3), []
    label = np.arange(N) % 3 > 0
    etiology = np.where(label, np.where(np.arange(N) % 2, "bacterial", "viral"), "normal")
    for model in FROZEN:
        probability = np.clip(generator.normal(0.35 + 0.3 * label, 0.2), 0.01, 0.99)
        given = {"model": model, "seed": 0, "split": "test"}
        path = [f"test/{'PNEUMONIA' if ill else 'NORMAL'}/<{i}>.jpeg" for i, ill in enumerate(label)]
        parts.append(example("predictions", N).assign(
            path=path, patient=[f"p{i // 2}" if i > 1 else path[i] for i in range(N)], label=label.astype(int),
            etiology=etiology, probability=probability, **given,
        ))  # fmt: skip
        parts.append(parts[-1].assign(split="validation", probability=parts[-1]["probability"] ** 1.5))
    return pd.concat(parts, ignore_index=True)


def heat_maps() -> np.ndarray:
    """A map of 2 x 3 places for each radiograph; the first is dark everywhere."""
    maps = np.random.default_rng(5).uniform(0, 2, (N, 2, 3))
    maps[0] = 0
    return maps


def written(folder, said: pd.DataFrame, seeds=(0,)):
    """The page of a study whose networks said this."""
    store, models = Store("smoke", folder), list(dict.fromkeys(said["model"]))
    store.write("predictions", said)
    point = {"rule": "sensitivity", "seed": 0}
    points = [example("operating_points", 1, model=model, threshold=FROZEN[model], **point) for model in models]
    store.write("operating_points", pd.concat(points, ignore_index=True))
    own = said[(said["model"] == "cnn") & (said["split"] == "test")].reset_index(drop=True)
    store.write("splits", example("splits", len(own)).assign(**own[["path", "patient", "label", "etiology", "split"]]))
    store.write_images(np.random.default_rng(0).integers(0, 256, (len(own), 32, 32), dtype=np.uint8), len(own), 32)
    for model in models:  # in another order than the predictions
        store.write_test_maps(model, 0, own["path"][::-1], np.resize(heat_maps(), (len(own), 2, 3))[::-1])
    study = load("smoke", PROJECT / "params")
    training = study.training.model_copy(update={"seeds": list(seeds)})
    cases_page.write(store, study.model_copy(update={"training": training}), [])
    return store.folder / "cases.html"


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """The page of a study of two networks, and what they said."""
    said = predictions()
    return written(tmp_path_factory.mktemp("reports"), said), said


@pytest.fixture(scope="module")
def page(cases, browser):
    return opened(browser, cases[0])


def opened(browser, file):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.faults = []
    page.on("console", lambda message: page.faults.append(message.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(file.as_uri())
    return page


def fill(page, threshold: float, prevalence: float):
    page.locator("#threshold-number").fill(str(threshold))
    page.locator("#prevalence-number").fill(str(prevalence))


def row(page, number: int) -> list[str]:
    return page.locator("#measures tbody tr").nth(number).locator("th, td").all_inner_texts()


def expected(answers: pd.DataFrame, threshold: float, prevalence: float) -> list[str]:
    """What the tables of the study would say, with the draws of the page."""
    said, validation = (answers[answers["split"] == split] for split in ("test", "validation"))
    fitted = calibration.Platt.fit(validation["label"].to_numpy(), validation["probability"].to_numpy())
    calibrated = fitted.apply(np.array([threshold, *said["probability"]]))
    cut, *risks = calibration.shift_prevalence(calibrated, validation["label"].mean(), prevalence)
    label, patient = said["label"].to_numpy(), said["patient"].to_numpy()
    right, draws = metrics.decide(said["probability"], threshold) == label, intervals.resample_patients(patient, 200, 0)
    found = [
        reliability.proportion_with_interval(right[of], patient[of], draws[:, of]) for of in (label == 1, label == 0)
    ]
    predicted = clinical_utility.predictive_table(said, threshold, [prevalence], 200, 0)
    found += predicted[["value", "lower", "upper"]].to_numpy().tolist()
    curves = net_benefit.decision_curves(said.assign(probability=risks), prevalence, [cut], 200, 0)
    found += curves.query("strategy == 'model'")[["net_benefit", "lower", "upper"]].to_numpy().tolist()
    *rates, benefit = [metrics.format_interval(*one) for one in found]
    return [*rates, f"{cut:.3f}", benefit]  # a net benefit is that of a threshold probability


@pytest.mark.slow
@pytest.mark.parametrize(
    ("threshold", "prevalence"), [(0.3, 0.1), (0.55, 0.5), (0.8, 0.9), (0.005, 0.5), (0.7255, 0.005)]
)
def test_what_is_typed_moves_every_number_to_what_python_computes(page, cases, threshold, prevalence):
    fill(page, threshold, prevalence)
    for number, (model, frozen) in enumerate(FROZEN.items()):
        own = cases[1][cases[1]["model"] == model]
        for offset, cut in ((0, threshold), (1, frozen)):
            shown = row(page, 2 * number + offset)
            assert shown[1] == f"{cut:.3f}" and shown[2:8] == expected(own, cut, prevalence)
            test = own[own["split"] == "test"]
            called = metrics.decide(test["probability"].to_numpy(), cut)
            spared, alarms, missed, found = metrics.confusion(test["label"].to_numpy(), called).ravel()
            assert [int(text) for text in shown[8:]] == [found, missed, alarms, spared]
    assert page.faults == []


@pytest.mark.slow
@pytest.mark.parametrize("without", ["a miss", "a false alarm"])
def test_a_network_without_an_error_of_a_kind_has_the_intervals_of_the_tables(page, cases, without):
    own = cases[1].query("model == 'vgg16' and split == 'test'")
    ill, well = (own["probability"][own["label"] == one] for one in (1, 0))
    threshold = float(ill.min()) if without == "a miss" else float(well.max()) + 1e-6
    fill(page, threshold, 0.05)
    shown = row(page, 2)
    assert shown[2:8] == expected(cases[1].query("model == 'vgg16'"), threshold, 0.05)
    assert shown[{"a miss": 9, "a false alarm": 10}[without]] == "0" and "0" not in (shown[8], shown[11])
    assert page.faults == []


@pytest.mark.slow
def test_numbers_are_rounded_and_signed_as_python_does(page):
    values = [*(k / 16 for k in range(-17, 18)), -0.0003, -0.0006, 1234.5, 12.0625]
    shown = page.evaluate("values => values.map(fixed)", values)
    minus = [
        f"{value:.3f}".replace("-0.000", "0.000").replace("-", "\N{MINUS SIGN}") for value in values if value != 1234.5
    ]
    assert [text for text in shown if "e" not in text] == minus and "\N{MINUS SIGN}0.001" in shown


@pytest.mark.slow
def test_at_the_prevalence_of_the_study_its_precision_is_the_headline(page, cases):
    fill(page, 0.3, 0.9)
    page.locator("#reset").click()
    own = cases[1].query("model == 'cnn' and split == 'test'")
    called = metrics.decide(own["probability"], FROZEN["cnn"])
    share = own["label"].mean()
    assert share != round(share, 2), "or nothing is rounded"
    assert row(page, 1)[4].startswith(f"{sk.precision_score(own['label'], called):.3f} (")
    assert page.evaluate("rare") == share and len(page.locator("#prevalence-number").input_value()) < 6


@pytest.mark.slow
def test_another_network_keeps_the_prevalence_that_was_typed_and_has_its_own_threshold(page):
    fill(page, 0.3, 0.07)
    page.locator("#network").select_option(label="VGG16")
    assert page.locator("#prevalence-number").input_value() == "0.07"
    assert row(page, 2)[1:] == row(page, 3)[1:] and row(page, 3)[1] == "0.610"
    page.locator("#network").select_option(label="Small CNN")
    page.locator("#reset").click()


@pytest.mark.slow
def test_what_is_not_yet_a_number_in_range_is_told_when_it_is_left_not_while_it_is_typed(page):
    page.evaluate("""() => { told = []; for (const name of ['checkValidity', 'reportValidity']) {
      const own = HTMLInputElement.prototype[name];
      HTMLInputElement.prototype[name] = function () { told.push(name); return own.call(this); };
    } }""")
    before = row(page, 0)
    page.locator("#prevalence-number").fill("7")
    assert page.evaluate("told") == ["checkValidity"] and row(page, 0) == before
    page.locator("#prevalence-number").blur()
    assert page.evaluate("told.at(-1)") == "reportValidity"
    page.locator("#reset").click()


@pytest.mark.slow
def test_the_curve_passes_every_point_that_a_threshold_can_give(page, cases):
    own = cases[1].query("model == 'vgg16' and split == 'test'")
    page.locator("#network").select_option(label="VGG16")
    points = page.locator("#roc polyline").get_attribute("points").split()
    alarms, found, _ = sk.roc_curve(own["label"], own["probability"], drop_intermediate=False)
    drawn = np.array([[float(value) for value in point.split(",")] for point in points])
    np.testing.assert_allclose(drawn, np.column_stack([200 * alarms, 200 - 200 * found]), atol=1e-9)
    page.locator("#network").select_option(label="Small CNN")


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


def test_the_page_says_whose_probabilities_it_has_where_there_are_several_seeds(tmp_path, cases):
    said = "Of 2 seeds each network is shown by the first, 0"
    pooled = cases[1].assign(model=cases[1]["model"].replace("vgg16", "ensemble"))
    FROZEN["ensemble"] = FROZEN["vgg16"]
    texts = {}
    for name, given, seeds in (("one", pooled, [0]), ("nets", cases[1], [0, 1]), ("all", pooled, [0, 1])):
        texts[name] = written(tmp_path / name, given, seeds).read_text(encoding="utf-8")
    del FROZEN["ensemble"]
    assert "is shown by the first" not in texts["one"] and f"{said}." in texts["nets"]
    assert f"{said}; the ensemble is the mean over all seeds." in texts["all"]


@pytest.fixture(scope="module")
def long_page(browser, tmp_path_factory):
    """The page of a single network on twice as many radiographs."""
    said = predictions().query("model == 'cnn'")
    more = said.assign(path=said["path"].str.replace("<", "<more "), patient=said["patient"] + "more")
    return opened(browser, written(tmp_path_factory.mktemp("reports"), pd.concat([said, more], ignore_index=True)))


@pytest.mark.slow
def test_show_more_goes_on_with_the_first_new_radiograph(long_page):
    assert long_page.locator("#cards li").count() == 60
    long_page.locator("#more").focus()
    long_page.keyboard.press("Enter")
    assert long_page.locator("#cards li").count() == 2 * N and long_page.locator("#more").is_hidden()
    assert long_page.evaluate("[...document.querySelectorAll('#cards li')].indexOf(document.activeElement)") == 60
    assert long_page.faults == []


@pytest.mark.slow
def test_on_paper_every_radiograph_stands_and_afterwards_the_first_again(long_page):
    long_page.locator("#order").select_option("low")
    assert long_page.locator("#cards li").count() == 60
    count = "() => { printed = document.querySelectorAll('#cards img[loading=eager]').length; }"
    long_page.evaluate(f"addEventListener('beforeprint', {count})")
    long_page.pdf()
    assert long_page.evaluate("printed") == 2 * N and long_page.locator("#cards li").count() == 60


@pytest.mark.slow
def test_a_single_network_can_neither_agree_nor_differ(long_page):
    assert long_page.locator("#agreement").is_hidden() and long_page.locator("#kind").is_visible()
    assert "the others" not in long_page.locator("#count").inner_text()


@pytest.mark.slow
def test_a_patient_who_is_not_known_is_no_path(page):
    page.locator("#agreement").select_option("")
    texts = page.locator("#cards li").all_inner_texts()
    unknown = [text for text in texts if "; patient not known, test/" in text]
    assert {re.search(r"<(\d+)>", text)[1] for text in unknown} == {"0", "1"}
    assert sum(bool(re.search(r"; patient p\d+, test/", text)) for text in texts) == N - 2
