"""What takes longest begins first, so that no worker is left alone with it at the end; drawn examples stay the same."""

from __future__ import annotations

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright
from support.browser import ARGS, CHROMIUM

settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
settings.load_profile("same every time")

_FIRST = ("test_smoke.py", "test_full_disk.py")  # minutes each, in one piece


def pytest_collection_modifyitems(items):
    """Files are handed to workers in this order, the rest as it stands."""
    place = {name: at for at, name in enumerate(_FIRST)}
    items.sort(key=lambda item: place.get(item.path.name, len(_FIRST)))


@pytest.fixture(scope="module")
def browser():
    """A Chromium of this machine, driven by playwright; where there is none the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on the path")
    with sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield one
        one.close()
