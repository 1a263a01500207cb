"""The page of cards and checklists: model cards, data card, and what reporting guidelines ask, folded one by one.

Beside the page the same lies as Markdown, in the folder `cards`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup
from markupsafe import Markup

from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import IMAGE_MODELS
from pneumo_utils.reporting import (
    card_facts,
    card_markdown,
    checklists,
    data_card,
    model_card,
    network_facts,
    page_shell,
)
from pneumo_utils.reporting.display import table_html
from pneumo_utils.study.definition import Study

PAGE, FOLDER = "cards.html", "cards"


@dataclass(frozen=True)
class _Card:
    """What is folded: title, what its line tells, body as markup, and the `href` of the Markdown."""

    title: str
    told: str
    html: Markup
    href: str


def write_page(store: Store, study: Study, notices: list[str]) -> Path:
    """Write `cards.html`, and its cards and lists as Markdown beside it.

    Args:
        store: the run directory of a finished study.
        study: the parameters it ran with.
        notices: what a reader must know before the numbers.

    Returns:
        path of the page.
    """
    facts = card_facts.of_study(store, study)
    measured = set(store.read("seed_spread")["model"])
    models = [_model(store, study, model, facts) for model in IMAGE_MODELS if model in measured]
    answered = {name: checklists.answers(name, facts) for name in checklists.NAMES}
    page_shell.write(
        store.folder / PAGE,
        "cards.html.j2",
        study=store.study,
        heading="Cards and checklists",
        description="What the networks and the data are, what they are not for, and what was not done.",
        title=study.about.title,
        notices=notices,
        models=models,
        data=_data(store, facts),
        summary=Markup(_summary(answered)),
        lists=[_list(store, name, found) for name, found in answered.items()],
    )
    return store.folder / PAGE


def _model(store: Store, study: Study, model: str, facts: dict) -> _Card:
    text = model_card.of_facts(store, study, model, facts)
    auc = network_facts.of_network(store, study, model)["measured"].loc["auc_roc"]
    measured = format_interval(auc["mean"], auc["lower"], auc["upper"])
    told = f"AUC-ROC {measured} on the test part, n = {auc['n']:,.0f}; no external test"
    return _card(store, f"model_card-{model}.md", text, IMAGE_MODELS[model], told)


def _data(store: Store, facts: dict) -> _Card:
    named = {"drawn": "Drawn radiographs", "kermany": "Kermany et al. 2018", "other": "A folder of radiographs"}
    return _card(store, "data_card.md", data_card.of_facts(store, facts), named[facts["kind"]], facts["whom"])


def _list(store: Store, name: str, answered: pd.DataFrame) -> dict:
    file = f"{name}.md"
    _keep(store, file, checklists.to_markdown(name, answered))
    return {
        "title": checklists.title(name),
        "told": checklists.sum_up(answered),
        "source": Markup(card_markdown.link_dois(escape(checklists.source(name)))),
        "table": Markup(_table(answered, f"{checklists.title(name)}, item by item")),
        "href": f"{FOLDER}/{file}",
    }


def _card(store: Store, file: str, text: str, title: str, told: str) -> _Card:
    _keep(store, file, text)
    html = Markup(card_markdown.page_html(text, level=3, prefix=file.removesuffix(".md").replace("_", "-")))
    return _Card(title, told, html, f"{FOLDER}/{file}")


def _keep(store: Store, file: str, text: str) -> None:
    with atomic_write(store.folder / FOLDER / file) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def _summary(answered: dict[str, pd.DataFrame]) -> str:
    """How many items of each list have which status."""
    rows = {checklists.title(name): {"items": len(found)} | checklists.count(found) for name, found in answered.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index").rename(columns={"partly": "in part"})
    return table_html(frame.rename_axis("checklist"), "Items of each checklist by what this report can say to them")


def _table(answered: pd.DataFrame, caption: str) -> str:
    """A row per item; the section that answers is a link."""
    shown = answered[["item", "asks", "status", "answer"]].rename(columns={"asks": "what it asks"})
    soup = BeautifulSoup(table_html(shown.assign(where=answered["section"]), caption), features="html.parser")
    soup.table["class"] = "data checklist"
    for row, status, href in zip(soup.tbody.find_all("tr"), answered["status"], answered["href"], strict=True):
        row["class"] = status.replace(" ", "-")
        cell = row.find_all("td")[-1]
        if href:
            link = soup.new_tag("a", href=href)
            link.string = cell.get_text()
            cell.clear()
            cell.append(link)
        else:
            cell.string = "—"
    return card_markdown.link_dois(str(soup))
