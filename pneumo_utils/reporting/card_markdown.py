"""Cards as Markdown, and that Markdown as part of a page: templates that are filled in, tables, text kept harmless."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib import resources

import pandas as pd
from bs4 import BeautifulSoup, Tag
from jinja2 import Environment, PackageLoader, StrictUndefined
from ruamel.yaml import YAML

_MARKUP = re.compile(r"([\\`*_\[\]|$#])")
_NUMBER = re.compile(r"[−-]?\d[\d.,]*( \(.*\))?$|not defined")  # 1,341, 0.93 (0.90–0.95), 12 (4)
_DOI = re.compile(r"\bdoi:(10\.[0-9]{4,}/[\w./()-]*\w)")


@cache
def read_yaml(name: str) -> dict:
    """What the file `name` among the templates holds; not to be changed."""
    text = resources.files("pneumo_utils.reporting").joinpath(f"templates/{name}").read_text(encoding="utf-8")
    return YAML(typ="safe", pure=True).load(text)


def fill_template(name: str, values: dict) -> str:
    """The Markdown template `name` with `values`; blank lines are never more than one.

    Args:
        name: of a file among the templates.
        values: what it asks for; a text from outside the project goes through its filter `plain`.

    Raises:
        jinja2.UndefinedError: the template asks for something else.
    """
    text = _environment().get_template(name).render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def fill_sentence(text: str, values: dict) -> str:
    """One sentence with `values` in it; same errors."""
    return " ".join(_environment().from_string(text).render(values).split())


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 (Markdown is escaped by the filter `plain`)
        loader=PackageLoader("pneumo_utils.reporting", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.globals["table"] = table
    return environment


def plain(text: object) -> str:
    """A text from outside as one line of Markdown that shows it as it is."""
    return _MARKUP.sub(r"\\\1", escape(" ".join(str(text).split()), quote=False))


def table(frame: pd.DataFrame, caption: str) -> str:
    """A Markdown table under its caption in bold.

    Args:
        frame: texts and whole numbers; the first column names the rows.
        caption: what it counts, with n.
    """
    heads = [plain(name) for name in frame.columns]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    rule = ["--:" if all(_NUMBER.match(str(value)) for value in frame[name]) else "---" for name in frame.columns]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))
    return f"**{plain(caption)}**\n\n{lines}\n"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else plain(value)


def page_html(markdown: str, level: int, prefix: str) -> str:
    """A card as part of a page: its headings begin at `level`, its tables scroll, its header and title are left out.

    Args:
        markdown: as `fill_template` returns it; a YAML header before it is dropped.
        level: of its sections on the page, 2 to 5.
        prefix: begins the ids of its sections, so that two cards do not share one.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath  # seconds to load

    body = re.sub(r"\A---\n.*?\n---\n", "", markdown, flags=re.DOTALL)
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)  # `plain` has escaped what is not ours
    soup = BeautifulSoup(MarkdownWithMath(renderer=renderer).render(body), features="html.parser")
    for heading in soup.find_all(re.compile("^h[1-6]$")):
        if heading.name == "h1":
            heading.decompose()
            continue
        heading["id"] = f"{prefix}-{anchor(heading.get_text())}"
        heading.name = f"h{min(6, int(heading.name[1]) - 2 + level)}"
    for one in soup.find_all("table"):
        _dress(soup, one)
    return link_dois(str(soup).strip())


def _dress(soup: BeautifulSoup, table: Tag) -> None:
    """A table as those of the other pages: a region that scrolls, with the bold line above as its caption."""
    above = table.find_previous_sibling("p")
    caption = soup.new_tag("caption")
    caption.append(soup.new_tag("span"))
    caption.span.string = above.extract().get_text()
    table.insert(0, caption)
    table["class"] = "data"
    for cell in table.find_all(["th", "td"]):
        cell["class"] = "number" if "right" in cell.attrs.pop("style", "") else "text"
        if cell.name == "th":
            cell["scope"] = "col"
    for row in table.tbody.find_all("tr"):
        row.td["scope"] = "row"
        row.td.name = "th"
    table.wrap(soup.new_tag("div", attrs={"class": "table-scroll"}))


def link_dois(html: str) -> str:
    """Let every `doi:10...` in markup lead to its publication."""
    return _DOI.sub(r'<a href="https://doi.org/\1">doi:\1</a>', html)


def anchor(heading: str) -> str:
    """The id that a heading is given on a page; as `notebook_cells`, for headings that stand there once."""
    return re.sub(r"\W+", "-", " ".join(heading.lower().split())).strip("-")
