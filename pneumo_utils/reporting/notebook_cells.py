"""From an executed notebook to the checked HTML of its cells and the headings in it.

What a reader must never meet stops the build here: an error, a cell that did not run, an image without a
description, anything that would load from elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from jinja2 import PackageLoader
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

MISSING_ALT = "No description has been provided for this image"  # what nbconvert writes in its place
DISPLAY_TYPES = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]
FINDINGS = "Findings"  # heading of the section that a page begins with
RESERVED = {"content", "contents-title"}  # ids of the page around the cells
_REMOTE_CSS = re.compile(r"@import|url\(\s*['\"]?(?!data:)", re.IGNORECASE)


class PageError(ValueError):
    """A notebook or a value cannot become a page."""


@dataclass(frozen=True)
class Heading:
    """One entry of the table of contents: text, the id it jumps to, and level 2 or 3."""

    text: str
    anchor: str
    level: int


@dataclass(frozen=True)
class Body:
    """The cells of a notebook as HTML, without its title; `title` is empty where the notebook has none."""

    title: str
    html: str
    contents: tuple[Heading, ...]


def read_body(notebook: Path) -> Body:
    """Convert an executed notebook to HTML without scripts, prompts or identifiers of the run.

    Args:
        notebook: an executed `.ipynb`.

    Returns:
        equal for notebooks that differ only in cell ids, execution counts and time stamps.

    Raises:
        PageError: a cell failed or did not run, an image has no alternative text, or something would run or load.
    """
    cells = nbformat.read(notebook, as_version=4)
    first = next((cell for cell in cells.cells if cell.cell_type == "code"), None)
    for number, cell in enumerate(cells.cells, start=1):
        _prepare(cell, number, f"{notebook.name}, cell {number}", cell is first)
    soup = BeautifulSoup(_convert(cells), features="html.parser")
    check_self_contained(soup, notebook.name)
    _scope_tables(soup)
    link_csv(soup)
    _lift_findings(soup)
    title = _take_title(soup)
    return Body(title=title, contents=tuple(_anchor(soup)), html=str(soup).strip() + "\n")


def check_self_contained(soup: BeautifulSoup, name: str) -> None:
    """Raise `PageError` unless everything in the markup is described and nothing in it runs or loads."""
    for element in soup.find_all(["script", "iframe", "object", "embed", "base", "form", "video", "audio"]):
        raise PageError(f"{_place(element, name)}: a page must not run or embed, got <{element.name}>")
    for element in soup.find_all(["img", "source", "link"]):
        source = element.get("src") or element.get("srcset") or element.get("href") or ""
        if not source.startswith("data:"):
            raise PageError(f"{_place(element, name)}: a page must load nothing, got {source[:80]!r}")
    for image in soup.find_all("img"):
        if image.get("alt", "").strip() in ("", MISSING_ALT):
            raise PageError(f"{_place(image, name)}: an image must have alternative text, got none")
    for element in soup.find_all(lambda tag: tag.name == "style" or tag.has_attr("style")):
        css = element.get_text() if element.name == "style" else element["style"]
        if found := _REMOTE_CSS.search(css):
            raise PageError(f"{_place(element, name)}: a style must load nothing, got {found[0]!r}")


def _place(element: Tag, name: str) -> str:
    cell = element.find_parent(attrs={"data-cell": True})
    return f"{name}, cell {cell['data-cell']}" if cell else name


def _prepare(cell: NotebookNode, number: int, place: str, is_first: bool) -> None:
    """Give a cell its label and tidy its outputs, in place; the first code cell is the setup."""
    cell.metadata["page"] = {"number": number}
    if cell.cell_type != "code":
        return
    _check_ran(cell, place)
    label, detail = _label(cell, is_first)
    cell.metadata["page"].update(label=label, detail=detail)
    cell.outputs = _tidy(cell.outputs)
    if "more" in cell.metadata.get("tags", []):
        cell.metadata["page"]["more"] = _subject(cell.outputs)


def _subject(outputs: list[NotebookNode]) -> str:
    """What a folded cell shows: captions of its tables and descriptions of its figures, up to the first comma."""
    texts = []
    for output in outputs:
        caption = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser").find("caption")
        drawn = next(filter(None, (output.get("metadata", {}).get(kind) for kind in ("image/png", "image/jpeg"))), {})
        texts.append(_text(caption) if caption else drawn.get("alt", ""))
    return "; ".join(dict.fromkeys(text.partition(",")[0] for text in texts if text))


def _check_ran(cell: NotebookNode, place: str) -> None:
    for output in cell.outputs:
        if output.output_type == "error":
            raise PageError(f"{place}: a cell must end without error, got {output.ename}: {output.evalue}")
    if cell.source.strip() and cell.execution_count is None:
        raise PageError(f"{place}: every cell must have run, got one without an execution count")


def _label(cell: NotebookNode, is_first: bool) -> tuple[str, str]:
    lines = len(cell.source.strip().splitlines())
    size = f"{lines} line{'' if lines == 1 else 's'}"
    tags = cell.metadata.get("tags", [])
    if "injected-parameters" in tags:
        return "Parameters of this run", "set by the study file, in place of the defaults above"
    if "parameters" in tags:
        return "Default parameters", size
    return ("Setup" if "setup" in tags or is_first else "Code"), size


def _tidy(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join streams cut in pieces, keep of a progress bar its last state, and treat results as displays."""
    tidy: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "execute_result":
            output = nbformat.v4.new_output("display_data", data=output.data, metadata=output.metadata)
        if output.output_type != "stream":
            tidy.append(output)
        elif tidy and tidy[-1].get("name") == output.name:
            tidy[-1].text += output.text
        else:
            tidy.append(NotebookNode(output))
    for output in tidy:
        if output.output_type == "stream":
            output.text = "\n".join(_last_state(line) for line in output.text.rstrip().split("\n"))
            output["lines"] = output.text.count("\n") + 1
    return [output for output in tidy if output.get("text", "-").strip()]


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2].replace("\b", "")


def _convert(notebook: NotebookNode) -> str:
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": DISPLAY_TYPES}}),
        extra_loaders=[PackageLoader("pneumo_utils.reporting", "templates")],
        template_name="classic",
        template_file="cells.html.j2",
        exclude_anchor_links=True,
    )
    html, _ = exporter.from_notebook_node(notebook)
    return html


def _scope_tables(soup: BeautifulSoup) -> None:
    """Say of every header cell whether it heads a column or a row, where Markdown and pandas do not."""
    for cell in soup.select("th:not([scope])"):
        cell["scope"] = "col" if cell.find_parent("thead") else "row"


def link_csv(soup: BeautifulSoup) -> None:
    """Let every table that names its source link the file, which lies beside the page."""
    for region in soup.select("[data-csv]"):
        link = soup.new_tag("a", href=f"tables/{region['data-csv']}.csv", download="", attrs={"class": "csv"})
        link.string = "CSV"
        region.find("caption").append(link)
        del region["data-csv"]


def _lift_findings(soup: BeautifulSoup) -> None:
    """Move the section of findings, which a notebook can only write at its end, to where a reader begins."""
    cells = soup.select(".cell")
    begins = [number for number, cell in enumerate(cells) if cell.find("h2")]
    own = next((at for at in begins if _text(cells[at].find("h2")) == FINDINGS), None)
    if own is None or own == begins[0]:
        return
    end = next((at for at in begins if at > own), len(cells))
    target = cells[0]
    for cell in cells[own:end]:
        target.insert_after(cell.extract())
        target = cell


def _take_title(soup: BeautifulSoup) -> str:
    """Take the first level-1 heading out, make any further one level 2, and return its text."""
    first, *further = soup.find_all("h1") or [None]
    for heading in further:
        heading.name = "h2"
    return "" if first is None else _text(first.extract())


def _anchor(soup: BeautifulSoup) -> list[Heading]:
    taken = set(RESERVED)
    entries = []
    for heading in soup.find_all(["h2", "h3"]):
        text = _text(heading)
        anchor = heading["id"] = _unique(re.sub(r"\W+", "-", text.lower()).strip("-") or "section", taken)
        entries.append(Heading(text, anchor, int(heading.name[1])))
    return entries


def _unique(slug: str, taken: set[str]) -> str:
    name, number = slug, 1
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    taken.add(name)
    return name


def _text(element: Tag) -> str:
    return " ".join(element.get_text().split())
