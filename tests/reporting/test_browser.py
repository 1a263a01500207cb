"""The pages in a real browser: quiet console, no request, nothing cut off, enough contrast."""

from __future__ import annotations

import pytest
from support.browser import CHROMIUM, faults
from support.pages import demo_study


@pytest.fixture(scope="module")
def chromium() -> str:
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on the path")
    return CHROMIUM


@pytest.mark.slow
def test_the_pages_of_a_study_are_faultless_in_a_browser(chromium, tmp_path):
    assert faults(demo_study(tmp_path), chromium) == []


@pytest.mark.slow
def test_the_inspection_sees_a_fault_when_there_is_one(chromium, tmp_path):
    page = "<p style='width:3000px;color:#999'>x</p><a href='#gone'>a</a><a href='gone.html'>b</a>"
    (tmp_path / "bad.html").write_text(page + "<img src='https://example.org/x.png'>", encoding="utf-8")
    text = "\n".join(faults(tmp_path, chromium))
    for fault in ("overflows", "contrast", "#gone", "gone.html", "alternative text", "request: https"):
        assert fault in text
