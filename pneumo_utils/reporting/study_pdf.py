"""The pages of a study as one PDF, printed by the browser that is at hand: what a reviewer can file or send by mail."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bs4 import BeautifulSoup
from pypdf import PdfWriter

from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import finished_study

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_SECONDS = 180  # for one page, on a slow machine
_QUIET = ("--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer")


class PdfError(RuntimeError):
    """A study cannot be printed."""


def find_browser() -> str | None:
    """The first of `BROWSERS` on the path, if any."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def write(store: Store, names: Sequence[str]) -> Path:
    """Print the pages of a finished study, the front page first, each with a bookmark.

    Args:
        store: of the study, with its pages.
        names: stems of the pages in reading order.

    Returns:
        the PDF, beside the pages and called like the folder.

    Raises:
        PdfError: the study is not finished, no browser is found, or it prints nothing.
    """
    folder, rule = store.folder, "study must be finished before it is printed"
    pages = [folder / f"{name}.html" for name in names]
    if missing := [page.name for page in pages if not page.is_file()]:
        raise PdfError(f"{rule}, got no {', '.join(missing)} in {folder}")
    if not finished_study.is_finished(store.study, store.reports):  # pages of two runs, or of one that goes on
        raise PdfError(f"{rule}, got one in {folder} that runs, or has stopped")
    browser = find_browser()
    if browser is None:
        raise PdfError(
            f"a browser must be on the path to print with, {', '.join(BROWSERS)}, got none: "
            f"install one, or open {pages[0]} in any browser and print it"
        )
    target = folder / f"{folder.name}.pdf"
    with tempfile.TemporaryDirectory(prefix="pneumo") as scratch, PdfWriter() as whole:
        for page in pages:
            whole.append(_print(page, Path(scratch), browser), outline_item=_title(page))
        with atomic_write(target) as part:
            whole.write(part)
    return target


def _print(page: Path, scratch: Path, browser: str) -> Path:
    printed = scratch / f"{page.stem}.pdf"
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # Chromium refuses otherwise
    given = [*_QUIET, *as_root, f"--user-data-dir={scratch / 'profile'}", f"--print-to-pdf={printed}", page.as_uri()]
    try:
        subprocess.run([browser, *given], check=True, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise PdfError(f"{browser} must print {page.name}, got {type(error).__name__}") from error
    if not printed.is_file():
        raise PdfError(f"{browser} must print {page.name}, got no file")
    return printed


def _title(page: Path) -> str:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").h1.get_text()
