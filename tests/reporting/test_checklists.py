"""Checklists: complete, honest by rule, and every link leads to a heading that is there."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from support.cards import DRAWN, OTHER, finished_study
from support.examples import example

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.reporting import card_facts, card_markdown, checklists, notebook_cells

ROWS = {"claim": 44, "tripod": 52, "stard": 48}  # items with their parts, as published
ITEMS = {"claim": 44, "tripod": 27, "stard": 40}
FRONT = {"findings", "result", "pages", "rerun", "provenance"}


@pytest.fixture(scope="module", params=["kermany", "drawn", "other"])
def study(request, tmp_path_factory):
    return finished_study(tmp_path_factory.mktemp("reports"), request.param)


def answered(name, store, study):
    return checklists.answers(name, card_facts.of_study(store, study))


@pytest.mark.parametrize("name", checklists.NAMES)
def test_a_checklist_has_every_item_once_and_in_order(name):
    items = [row[0] for row in card_markdown.read_yaml(f"checklist_{name}.yaml")["items"]]
    numbers = [int(re.sub("[a-z]", "", item)) for item in items]
    assert len(items) == len(set(items)) == ROWS[name]
    assert sorted(set(numbers)) == list(range(1, ITEMS[name] + 1)) and numbers == sorted(numbers)


def test_every_answer_is_asked_for_by_a_checklist():
    asked = {row[2] for name in checklists.NAMES for row in card_markdown.read_yaml(f"checklist_{name}.yaml")["items"]}
    assert asked == set(card_markdown.read_yaml("checklist_answers.yaml"))


@pytest.mark.parametrize("name", checklists.NAMES)
def test_every_item_has_a_status_and_a_sentence(name, study):
    found = answered(name, *study)
    assert set(found["status"]) <= set(checklists.STATUSES)
    assert found["answer"].str.fullmatch(r"[A-Z“0-9].*[.]").all(), found["answer"][
        ~found["answer"].str.fullmatch(r"[A-Z“0-9].*[.]")
    ].tolist()
    assert sum(checklists.count(found).values()) == len(found)


@pytest.mark.parametrize("name", checklists.NAMES)
def test_nothing_is_called_answered_without_a_place_in_the_report(name, study):
    found = answered(name, *study)
    assert (found.loc[found["status"].isin(["answered", "partly"]), "href"] != "").all()


@pytest.mark.parametrize(
    ("name", "item"),
    [("claim", "33"), ("claim", "42"), ("tripod", "10"), ("tripod", "18d"), ("tripod", "19"), ("stard", "29")],
)
def test_what_was_not_done_is_said_whatever_the_pictures_are(name, item, study):
    found = answered(name, *study).set_index("item")
    assert found.loc[item, "status"] == "not done"


def headings(notebook: str) -> set[str]:
    """Ids that a page of this notebook has, by the renderer itself."""
    cells = json.loads((PROJECT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).split("\n")]
    titles = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    soup = BeautifulSoup("".join(f"<h2>{title}</h2>" for title in titles), "html.parser")
    return {heading.anchor for heading in notebook_cells._anchor(soup)}


@pytest.mark.parametrize("name", checklists.NAMES)
def test_every_link_leads_to_a_heading_of_its_notebook(name, study):
    for href in filter(None, answered(name, *study)["href"]):
        page, _, anchor = href.partition("#")
        notebook = re.sub("-.*", "", page.removesuffix(".html"))
        there = {"index": FRONT, "cards": {"model-cards", "data-card", "checklists"}}.get(notebook)
        assert anchor in (headings(notebook) if there is None else there), href


def test_numbers_in_answers_are_those_of_the_tables(tmp_path):
    store, study = finished_study(tmp_path, "kermany")
    found = answered("claim", store, study).set_index("item")
    assert "0.971 (0.951–0.991); n = 40" in found.loc["32", "answer"]
    assert "no calculation" not in found.loc["21", "answer"] and "4 test radiographs" in found.loc["21", "answer"]


@pytest.mark.parametrize(("name", "item"), [("tripod", "27a"), ("stard", "19"), ("tripod", "22")])
def test_refusals_unsure_answers_and_the_bundle_are_told_of_with_the_page_that_shows_them(name, item, study):
    found = answered(name, *study).set_index("item").loc[item]
    assert found["href"].startswith("07_deployment.html#")
    words = {
        "27a": "0 of 2 normal radiographs and 0 of 2 radiographs with pneumonia",
        "19": "referral band",
        "22": "Platt scaling",
    }
    assert words[item] in found["answer"]


def test_a_phantom_is_never_given_the_words_for_children(tmp_path):
    store, study = finished_study(tmp_path, DRAWN)
    assert card_facts.kind(store, study) == "drawn"
    told = " ".join(answered("stard", store, study)["answer"])
    assert "Guangzhou" not in told and "physician" not in told.replace("No physician", "")


def test_a_folder_of_other_names_is_not_called_the_published_set(tmp_path):
    store, study = finished_study(tmp_path, OTHER)
    assert card_facts.kind(store, study) == "other"
    told = " ".join(answered("claim", store, study)["answer"])
    assert "Guangzhou" not in told and "CC BY" not in told and "Kermany" not in told


def test_tests_are_called_what_they_are_and_only_networks_that_were_compared_are_said_to_be(tmp_path):
    store, study = finished_study(tmp_path, "kermany")
    alone = study.model_copy(update={"training": study.training.model_copy(update={"models": ["cnn"]})})
    several, one = (answered("claim", store, asked).set_index("item")["answer"] for asked in (study, alone))
    assert "sensitivity and specificity by McNemar's" in several["29"] and "McNemar" not in one["29"]
    assert "to compare them" in several["4"] and "compare" not in one["4"]


def test_a_point_that_was_fixed_beforehand_is_not_said_to_come_from_validation(tmp_path):
    store, study = finished_study(tmp_path, "kermany")
    told = answered("tripod", store, study).set_index("item")["answer"]["15"]
    assert study.evaluation.threshold_rule == "half"
    assert "operating point of 0.5, fixed beforehand" in told and "validation" not in told


def test_an_ensemble_is_not_among_the_networks_that_were_built_and_trained(tmp_path):
    store, study = finished_study(tmp_path, "kermany")
    rates = store.read("seed_spread")
    both = pd.concat([rates, rates[rates["model"] == "cnn"].assign(model="ensemble")], ignore_index=True)
    store.write("seed_spread", both)
    told = answered("claim", store, study).set_index("item")["answer"]
    assert told["4"].startswith("To train Small CNN, ") and told["22"].startswith("Small CNN: a trunk")
    assert "Ensemble 0.971" in told["32"]


def test_drawn_radiographs_of_a_folder_are_not_promised_to_come_again_from_a_seed(tmp_path):
    for kind, promised in ((DRAWN, True), ("kermany", False)):
        store, study = finished_study(tmp_path / kind, kind)
        store.write("localisation", example("localisation", 1))
        told = answered("tripod", store, study).set_index("item").loc["18e"]
        assert card_facts.kind(store, study) == DRAWN
        assert ("again from seed" in told["answer"]) == promised == (told["status"] == "answered")


def test_an_unknown_checklist_is_refused(tmp_path):
    with pytest.raises(checklists.ChecklistError, match="must be one of claim, tripod, stard, got 'x'"):
        checklists.title("x")
