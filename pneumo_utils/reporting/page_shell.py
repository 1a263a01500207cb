"""The frame of every page: one style sheet and one script inside, a strict policy, written whole or not at all.

A page opens from the file system and asks nothing of anyone: no request. It is complete without the script; with it
tables sort. The same input gives the same bytes, so a page can be compared and its hash recorded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from bs4 import BeautifulSoup
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from pneumo_utils.records import durations
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.reporting.notebook_cells import check_self_contained

TITLE = "Pneumonia detection on paediatric chest radiographs"


def _inlined(name: str) -> str:
    return resources.files("pneumo_utils.reporting").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def _csp_hash(script: str) -> str:
    """What the content-security policy of a page allows to run: this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def write(
    target: Path, template: str, scripts: Sequence[str] = (), templates: Path | None = None, **values: object
) -> None:
    """Render a template, check it, and put it in place in one step.

    Args:
        target: the `.html` to write, atomically; its folder is made if missing.
        template: name of a template that extends `shell.html.j2`.
        scripts: names of those that the page runs besides `tables.js`.
        templates: folder of further templates.
        values: what the template asks for.

    Raises:
        PageError: an image has no alternative text, or something would run or load.
    """
    own = PackageLoader("pneumo_utils.reporting", "templates")
    environment = Environment(
        loader=ChoiceLoader([*([FileSystemLoader(templates)] if templates else []), own]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = durations.in_words
    css, *inlined = (_inlined(name) for name in ("report.css", "tables.js", *scripts))
    allowed = Markup(" ".join(f"'{_csp_hash(script)}'" for script in inlined))
    html = environment.get_template(template).render(
        css=Markup(css), scripts=[Markup(script) for script in inlined], script_hashes=allowed, **values
    )
    soup = BeautifulSoup(html, features="html.parser")
    for script in soup.find_all("script"):  # the page's own, and its data; any other is refused
        if script.string in inlined or script.get("type") == "application/json":
            script.extract()
    check_self_contained(soup, target.name)
    with atomic_write(target) as part:
        part.write_text(html, encoding="utf-8", newline="\n")
