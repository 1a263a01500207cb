"""Reporting checklists, answered from a finished study: item by item, with what was not done.

Items are in our own words, by the numbers of CLAIM 2024 (Tejani et al. 2024, doi:10.1148/ryai.240300), TRIPOD+AI
(Collins et al. 2024, doi:10.1136/bmj-2023-078378) and STARD-AI (Sounderajah et al. 2025,
doi:10.1038/s41591-025-03953-8). They and the answers stand in `templates/checklist_*.yaml`.
"""

from __future__ import annotations

import pandas as pd

from pneumo_utils.reporting import card_markdown

NAMES = ("claim", "tripod", "stard")
STATUSES = ("answered", "partly", "not done", "does not apply")


class ChecklistError(ValueError):
    """There is no such checklist, or one of its items has no answer."""


def title(name: str) -> str:
    """How readers call the checklist, one of `NAMES`."""
    return _read(name)["title"]


def source(name: str) -> str:
    """Who made the checklist, one of `NAMES`, with the doi."""
    return _read(name)["source"]


def answers(name: str, facts: dict) -> pd.DataFrame:
    """Answer a checklist.

    Args:
        name: one of `NAMES`.
        facts: of `card_facts.of_study`.

    Returns:
        a row per item, texts: `item`, `asks`, `status` (one of `STATUSES`), `answer`, and where the report shows it,
        `section` and `href`, both empty where nothing does.

    Raises:
        ChecklistError: no such checklist.
    """
    known = card_markdown.read_yaml("checklist_answers.yaml")
    rows = [{"item": item, "asks": asks} | _answer(known, key, facts) for item, asks, key in _read(name)["items"]]
    return pd.DataFrame(rows)


def count(answered: pd.DataFrame) -> dict[str, int]:
    """How many items have each of `STATUSES`.

    Args:
        answered: as `answers` returns it.
    """
    return {status: int((answered["status"] == status).sum()) for status in STATUSES}


def sum_up(answered: pd.DataFrame) -> str:
    """`24 of 44 answered, 9 in part, 10 not done, 1 does not apply`.

    Args:
        answered: as `answers` returns it.
    """
    found = count(answered)
    idle = found["does not apply"]
    rest = f", {idle} {'does' if idle == 1 else 'do'} not apply" if idle else ""
    told = f"{found['answered']} of {len(answered)} answered, {found['partly']} in part"
    return f"{told}, {found['not done']} not done{rest}"


def to_markdown(name: str, answered: pd.DataFrame) -> str:
    """The checklist as Markdown.

    Args:
        name: one of `NAMES`.
        answered: as `answers` returns it.
    """
    shown = answered.assign(where=answered["section"].where(answered["href"] != "", "—"))
    shown = shown[["item", "asks", "status", "answer", "where"]]
    caption = f"{title(name)}: {sum_up(answered)}"
    return f"# {title(name)}\n\n{source(name)}. Items in our own words.\n\n{card_markdown.table(shown, caption)}"


def _answer(known: dict, key: str, facts: dict) -> dict[str, str]:
    if key not in known:
        raise ChecklistError(f"an answer must be one of those in checklist_answers.yaml, got {key!r}")
    own = known[key]
    status, text = own.get(facts["kind"], (own.get("status", "answered"), own["answer"]))
    status = card_markdown.fill_sentence(status, facts)
    if status not in STATUSES:
        raise ChecklistError(f"status must be one of {', '.join(STATUSES)}, got {status!r} for {key}")
    page, _, section = own.get("at", "").partition(": ") if status != "does not apply" else ("", "", "")
    return {"status": status, "answer": card_markdown.fill_sentence(text, facts)} | _place(page, section, facts)


def _place(page: str, section: str, facts: dict) -> dict[str, str]:
    if not page:
        return {"section": "", "href": ""}
    file = f"03_finetune-{facts['first_model']}" if page == "training" else page
    number = file[1:2] if file[:2].isdigit() else {"index": "Front page", "cards": "This page"}[page]
    return {"section": f"{number}: {section}", "href": f"{file}.html#{card_markdown.anchor(_ID.get(section, section))}"}


_ID = {"How to rerun it": "rerun"}  # sections of the front page that have an id of their own


def _read(name: str) -> dict:
    if name not in NAMES:
        raise ChecklistError(f"checklist must be one of {', '.join(NAMES)}, got {name!r}")
    return card_markdown.read_yaml(f"checklist_{name}.yaml")
