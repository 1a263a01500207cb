"""Pages as a browser sees them: everything that is wrong, in sentences."""

from __future__ import annotations

import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

from support import reliability

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Width in CSS pixels, a telephone's and a desk's, and colour scheme; `make test-long` opens each in both schemes.
WINDOWS = ((390, "dark"), (1440, "light"), *(((390, "light"), (1440, "dark")) if reliability.ASKED else ()))
_TURNS = 1 if reliability.ASKED else 2  # of the pages of a folder, each is opened in every so-and-so-many-th window

# Everything wrong with the page as it stands: a list of sentences.
INSPECT = """() => {
  const wrong = [];
  const over = document.documentElement.scrollWidth - window.innerWidth;
  if (over > 0) wrong.push(`overflows by ${over} px`);
  for (const image of document.images) {
    if (!image.alt.trim()) wrong.push('an image has no alternative text');
    if (image.loading !== 'lazy' && (!image.complete || !image.naturalWidth)) wrong.push(`broken image: ${image.alt}`);
  }
  for (const table of document.querySelectorAll('.front .table-scroll'))
    if (window.innerWidth > 1000 && table.scrollWidth > table.clientWidth) wrong.push('the headline table is cut off');
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.hash.slice(1))) wrong.push(`no target for ${link.hash}`);
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  for (const cell of document.querySelectorAll('.code-cell')) {
    const [first, ...others] = [...cell.querySelectorAll('summary')].map(one => one.getBoundingClientRect());
    if (others.some(one => one.width && overlap(first, one))) wrong.push(`what is folded overlaps: ${cell.innerText}`);
  }
  for (const part of document.querySelectorAll('details')) part.open = true;
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const backdrop = node => {
    for (let at = node; at; at = at.parentElement) {
      const rgb = channels(getComputedStyle(at).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
    return [255, 255, 255];
  };
  for (const node of document.body.querySelectorAll('*')) {
    if (![...node.childNodes].some(c => c.nodeType === Node.TEXT_NODE && c.data.trim())) continue;
    const [a, b] = [light(channels(getComputedStyle(node).color)), light(backdrop(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${node.textContent.slice(0, 30)}`);
  }
  return wrong;
}"""


def faults(folder: Path, browser, which: str = "*.html") -> list[str]:
    """Open every page of a folder, offline, and list what is wrong, axe's finds too.

    `make test-long` opens each in all `WINDOWS`, `make test` in one, turn about.

    Parameters
    ----------
    folder : pathlib.Path
        A folder of `.html` pages.
    browser : playwright.sync_api.Browser
        A Chromium.
    which : str
        Pattern of the names of the pages.

    Returns
    -------
    list of str
        `page, width, scheme: fault`; empty when all is well.
    """
    axe = Axe()
    found = []
    for at, path in enumerate(sorted(folder.glob(which))):
        for width, scheme in WINDOWS[at % _TURNS :: _TURNS]:
            place = f"{path.name}, {width} px, {scheme}"
            found += [f"{place}: {fault}" for fault in _faults_of(browser, axe, path, width, scheme)]
    return found


def _faults_of(browser, axe, path: Path, width: int, scheme: str) -> list[str]:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, reduced_motion="reduce"
    )
    page = context.new_page()
    found: list[str] = []
    page.on("console", lambda message: found.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("request", lambda request: found.extend(_strange(request.url)))
    page.goto(path.as_uri())
    found += _axe_finds(axe, page) if reliability.ASKED else []
    found += page.evaluate(INSPECT)  # which opens all that is folded
    found += [f"opened, {fault}" for fault in _axe_finds(axe, page)]
    found += [f"dead link: {href}" for href in _dead_links(page, path.parent)]
    context.close()
    return found


def _axe_finds(axe, page) -> list[str]:
    return [f"axe {one['id']}: {one['nodes'][0]['html'][:80]}" for one in axe.run(page).response["violations"]]


def _strange(url: str) -> list[str]:
    return [] if url.startswith(("file:", "data:")) else [f"request: {url}"]


def _dead_links(page, folder: Path) -> list[str]:
    hrefs = page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
    inner = [href for href in hrefs if "://" not in href and not href.startswith(("#", "mailto:", "blob:"))]
    return [href for href in inner if not _is_there(folder, *href.partition("#")[::2])]


def _is_there(folder: Path, name: str, anchor: str) -> bool:
    """Whether a link of this folder leads to a file, and to a place in it where it names one."""
    file = folder / name
    return file.is_file() and (not anchor or f'id="{anchor}"' in file.read_text(encoding="utf-8"))
