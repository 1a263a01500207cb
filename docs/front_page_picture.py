"""Takes the picture of a front page that the README shows: `make picture` after `make report`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from pneumo_utils.reporting.study_pdf import BROWSERS, find_browser

PROJECT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 1280, 1500  # CSS pixels: down to the table of results


def main(study: str = "demo") -> None:
    """Write `reports/index.png` from the front page of a finished study; ends with a sentence where that cannot be."""
    page = PROJECT / "reports" / study / "index.html"
    browser = find_browser()
    if not page.is_file():
        sys.exit(f"error: make report must be run first, got no {page}")
    if browser is None:
        sys.exit(f"error: one of {', '.join(BROWSERS)} must be on the path, got none")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        shown = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        shown.goto(page.as_uri())
        taken = shown.screenshot()
        opened.close()
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(64)  # a palette: a quarter of the bytes
    picture.save(PROJECT / "reports" / "index.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
