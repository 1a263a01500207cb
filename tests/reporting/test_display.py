"""What a notebook shows: figures, tables, findings and notices."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from support.pages import shown_by

from pneumo_utils.reporting import display

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


def test_a_figure_needs_a_description_and_is_closed(monkeypatch):
    fig = plt.figure()
    with pytest.raises(ValueError, match="alt must describe the figure"):
        display.figure(fig, "  ")
    data, metadata = shown_by(monkeypatch, fig, "An empty\n figure")
    assert metadata["image/png"]["alt"] == "An empty figure"
    assert not plt.fignum_exists(fig.number)


def test_a_figure_full_of_radiographs_is_kept_small_and_lines_stay_sharp(monkeypatch):
    noise, kinds = np.random.default_rng(0).integers(0, 256, (300, 300)), []
    for draw in (lambda axis: axis.imshow(noise, cmap="gray"), lambda axis: axis.plot(noise.ravel()[:3000], lw=0.1)):
        fig, axis = plt.subplots(figsize=(7, 7))
        draw(axis)
        data, metadata = shown_by(monkeypatch, fig, "Noise")
        (kind,) = (name for name in data if name.startswith("image/"))
        assert metadata[kind] == {"alt": "Noise", "width": metadata[kind]["width"], "height": metadata[kind]["height"]}
        kinds.append(kind)
    assert kinds == ["image/jpeg", "image/png"]


def test_a_table_formats_each_kind_of_value():
    frame = pd.DataFrame(
        {
            "name": ["a<b", "c", None],
            "count": [5856.0, np.nan, -3.0],
            "rate": [0.93, 1.2e-6, np.inf],
            "interval": ["0.93 (0.90–0.95)", "0.91 (0.88–0.94)", "—"],
            "kept": [True, False, True],
        }
    )
    soup = BeautifulSoup(display.table(frame, "A <caption>").data, "html.parser")
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in soup.select("tbody tr")]
    assert rows[0] == ["a<b", "5,856", "0.930", "0.93 (0.90–0.95)", "yes"]
    assert rows[1] == ["c", "—", "1.2×10−6", "0.91 (0.88–0.94)", "no"]
    assert rows[2] == ["—", "−3", "∞", "—", "yes"]
    assert soup.find("span", title="not defined") is not None
    assert soup.caption.get_text() == "A <caption>"
    assert [cell["class"][0] for cell in soup.select("thead th")] == [
        "text",
        "number",
        "number",
        "text",
        "text",
    ]


def test_a_table_keeps_every_level_of_its_index_as_row_headers():
    frame = pd.DataFrame(
        {("test", "n"): [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["x", "y"])
    )
    soup = BeautifulSoup(display.table(frame, "Two levels").data, "html.parser")
    assert [cell.get_text() for cell in soup.select("thead th")] == ["x", "y", "test · n"]
    assert len(soup.select("tbody th[scope=row]")) == 4


@pytest.mark.parametrize(("caption", "digits"), [(" ", 3), ("Fine", -1)])
def test_a_table_refuses_an_empty_caption_and_negative_digits(caption, digits):
    with pytest.raises(ValueError, match="got"):
        display.table(pd.DataFrame({"a": [1]}), caption, digits)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("-0.060 against", "−0.060 against"), ("(-0.1 to +0.2)", "(−0.1 to +0.2)"), ("0.1-0.2, VGG-16, 1e-05", None)],
)
def test_say_writes_a_minus_sign_before_numbers_and_leaves_ranges_and_names_alone(text, shown):
    assert display.say(text).data == (shown or text)


def test_a_table_writes_a_minus_sign_in_text_but_leaves_names_of_files_alone():
    page = display.table(pd.DataFrame({"way": ["Rotation, -15", "NORMAL2-IM-1362-0001.jpeg"]}), "Ways").data
    assert "Rotation, −15" in page and "NORMAL2-IM-1362-0001.jpeg" in page


def test_a_table_breaks_no_line_within_an_equation():
    html = display.table(
        pd.DataFrame({"difference": ["0.1 (0.0–0.2), n = 37", "0.1, p < 0.001", "map = 3"]}), "Found"
    ).data
    assert "n\u00a0=\u00a037" in html and "p\u00a0&lt;\u00a00.001" in html and "map = 3" in html


def test_a_long_sentence_in_a_table_is_given_room():
    frame = pd.DataFrame(
        {"reason": ["lungs were not found (2); looks cut off (1); too far from the study's radiographs"]}
    )
    long, short = (display.table(rows, "Refused").data for rows in (frame, frame.assign(reason="none")))
    assert 'class="text long"' in long and "long" not in short
    assert (
        "long"
        not in display.table(pd.DataFrame({"gap": ["0.086 (−0.015 to 0.179), no clear difference"]}), "Gaps").data
    )


def test_say_is_markdown():
    assert display.say("**n = 3**").data == "**n = 3**"
