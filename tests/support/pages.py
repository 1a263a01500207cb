"""Small executed notebooks and the pages made of them."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from pneumo_utils.evaluation import metrics
from pneumo_utils.reporting import display
from pneumo_utils.reporting.index_page import HEADLINE, FrontPage, Page, render_index
from pneumo_utils.reporting.pages import Link, Nav, render_notebook

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

INDEX = Link("index.html", "Study smoke")
ALT = "A line rising from 0 to 1"


def shown_by(monkeypatch, fig, alt):
    """Return the (data, metadata) that `display.figure` sends to the notebook."""
    sent = []
    monkeypatch.setattr(display, "display", sent.append)
    display.figure(fig, alt)
    return sent[0]._repr_mimebundle_()


def picture(alt=ALT):
    """Return a display output that holds a small real PNG."""
    fig, ax = plt.subplots(figsize=(4, 3))
    ax.plot([0, 1])
    with pytest.MonkeyPatch.context() as patch:
        data, metadata = shown_by(patch, fig, ALT)
    return new_output("display_data", data, metadata={"image/png": {"alt": alt}} if alt is None else metadata)


def code(source, *outputs, tags=(), ran=1):
    return new_code_cell(source, outputs=list(outputs), execution_count=ran, metadata={"tags": list(tags)})


def cells():
    table = display.table(pd.DataFrame({"AUC": [0.93, np.nan]}, index=["cnn", "vgg16"]), "Two models (n = 20)")
    return [
        new_markdown_cell("# 04 Evaluation\n\nHow well?\n\nReads `a.csv` · Writes `b.csv`."),
        code("import numpy as np"),
        code("seed: int = 1", tags=["parameters"]),
        code("# Parameters\nseed = 2", tags=["injected-parameters"]),
        new_markdown_cell("## Numbers & sums\n\nBayes: $P(a|b)$.\n\n| a | b |\n|---|--:|\n| x | 1 |"),
        code("fig", picture()),
        code("t", new_output("execute_result", {"text/html": table.data, "text/plain": "x"}, execution_count=1)),
        new_markdown_cell("## Numbers & sums\n\n### Detail\n\nSee <https://example.org>."),
        code(
            "print()",
            new_output("stream", name="stdout", text="1/2\r2/2\n"),
            new_output("stream", name="stdout", text="done <now>\n"),
            new_output("stream", name="stderr", text="a warning\n"),
        ),
        code("print()", new_output("stream", name="stdout", text="line\n" * 30)),
        code("say", new_output("display_data", {"text/markdown": "**n = 20**", "text/plain": "x"})),
    ]


def written(folder, content, name="04_evaluation.ipynb"):
    notebook = new_notebook(cells=content, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, folder / name)
    return folder / name


def rendered(folder, content=None, **options):
    target = folder / "pages" / "04_evaluation.html"
    options = {
        "study": "smoke",
        "nav": Nav(INDEX, Link("a.html", "Before"), Link("b.html", "After")),
    } | options
    render_notebook(written(folder, cells() if content is None else content), target, **options)
    return target


def soup_of(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def headline():
    values = np.linspace(0.8, 0.97, 20).reshape(4, 5)
    names = ["Small CNN", "VGG16", "ResNet-50", "No lungs: acquisition data alone"]
    table = pd.DataFrame(values, columns=list(HEADLINE), index=names)
    return table.map(lambda value: metrics.format_interval(value, value - 0.05, value + 0.02))


def index_page(folder, **options):
    options = {
        "study": "smoke",
        "summary": "Three networks on phantom radiographs.",
        "pages": [
            Page("04_evaluation.html", "Evaluation", "How well?", 8.4),
            Page("b.html", "After", "Why?"),
        ],
        "headline": headline(),
        "caption": "Phantom test set (n = 20), threshold 0.5",
        "provenance": {"Commit": "3f2a9c1", "Data": "13efc0556297" * 5},
        "notices": ["This is the phantom demo."],
    } | options
    render_index(folder / "index.html", FrontPage(**options))
    return folder / "index.html"


def demo_study(folder: Path) -> Path:
    """Write an index and two notebook pages, linked to each other, and return their folder."""
    pages = [
        Page("04_evaluation.html", "Evaluation", "How well?", 8.4),
        Page("05_gradcam.html", "Grad-CAM", "Where?"),
    ]
    links = [Link(page.href, page.title) for page in pages]
    out = folder / "pages"
    nav = Nav(INDEX, None, links[1])
    render_notebook(written(folder, cells()), out / pages[0].href, study="smoke", nav=nav, notices=["A demo."])
    wide = pd.DataFrame({f"column {i}": ["test/NORMAL/NORMAL2-IM-0001-0001.jpeg"] for i in range(8)})
    mixed = pd.DataFrame(
        {
            "network": ["VGG16", "Small CNN", "ResNet50", "ensemble"],
            "AUC": ["0.91 (0.90–0.95)", None, "0.95 (0.93–0.97)", "0.89 (0.80–0.95)"],
            "images": [1341, 9, 390, 10],
            "move": [-0.5, 0.25, 1e-7, -2.0],
            "change": ["−0.037 (−0.168 to 0.135)", "", "−0.168 (−0.287 to −0.050)", "0.015 (−0.119 to 0.130)"],
            "odds": [np.inf, -np.inf, 2.0, 1.0],
        }
    )
    content = [
        new_markdown_cell("# 05 Grad-CAM\n\nWhere do they look?\n\n## A wide table"),
        code("long = " + "1 + " * 80 + "1"),
        code("t", new_output("display_data", {"text/html": display.table(wide, "Wide (n = 1)").data})),
        code("m", new_output("display_data", {"text/html": display.table(mixed, "Mixed, to be sorted").data})),
    ]
    notebook = written(folder, content, "05_gradcam.ipynb")
    render_notebook(notebook, out / pages[1].href, study="smoke", nav=Nav(INDEX, links[0]))
    index_page(out, pages=pages)
    (out / "tables").mkdir()
    (out / "tables" / "seed_spread.csv").write_text("model,value\n", encoding="utf-8")
    return out
