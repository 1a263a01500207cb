"""`export`: a folder of files that scores radiographs in a browser, on any web server or none.

Everything is computed on the device that opens the page; its service worker keeps the page and lets no request pass.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import logging
import shlex
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from pneumo_utils.deployment.bundle import Bundle, BundleError
from pneumo_utils.deployment.web import browser_data, browser_runtime, web_page
from pneumo_utils.records.atomic import atomic_folder

POLICY = (  # wasm-unsafe-eval: compiling WebAssembly, and nothing else
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "img-src data: blob:; worker-src 'self'; base-uri 'none'; form-action 'none'"
)
_OWN = "study.json"  # a folder without it was not written here, and is not replaced
_PAGE, _KEEPER = "index.html", "service_worker.js"
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")  # nobody's: whoever only looks at a folder leaves it
_CARD = "model_card.txt"  # which browsers show, in UTF-8 by its mark; many download .md
_TEMPLATES = resources.files("pneumo_utils.deployment.web") / "templates" / "browser"

_log = logging.getLogger(__name__)


class BrowserPageError(ValueError):
    """The page cannot be written."""


def run(given: argparse.Namespace) -> int:
    """Write the page that was asked for.

    Returns:
        0.

    Raises:
        ValueError: the bundle has no networks for it, the folder is another, or the runtime cannot be had.
    """
    bundle = Bundle(given.model)
    out = given.out or bundle.folder.resolve().parent / "browser"
    _check_folder(out)
    _find_networks(bundle)  # before anything is downloaded
    folder = write(bundle, out, browser_runtime.find(given.cache, given.runtime))
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    _log.info("%s: %.0f MB, for any web server over https", folder, size)
    _log.info("try it here: python -m http.server --bind 127.0.0.1 --directory %s 8080", shlex.quote(str(folder)))
    _log.info("and open http://localhost:8080; Ctrl-C ends it")
    return 0


def write(bundle: Bundle, folder: Path, archive: Path) -> Path:
    """Write the page of a bundle, whole or not at all.

    Args:
        bundle: with networks for the engine `onnx`.
        folder: where it goes; a page that is there is replaced.
        archive: of the runtime, by `browser_runtime.find`.

    Returns:
        the folder.

    Raises:
        BundleError: the bundle has no networks for it, or a file is damaged.
        BrowserPageError: the folder holds something else.
        RuntimeFileError: the archive is damaged.
    """
    _check_folder(folder)
    files = _collect(bundle, browser_runtime.unpack(archive))
    with atomic_folder(folder) as part:
        for name, content in files.items():
            (part / name).write_bytes(content)
    return folder


def _check_folder(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        own, foreign = False, []
    else:
        there = {path.name for path in folder.iterdir()} - set(_LITTER) if folder.exists() else set()
        own = not there or _OWN in there
        # its own files are those that the page keeps; a note, say, or a repository was laid beside them by somebody
        keeper = folder / _KEEPER
        kept = keeper.read_text(encoding="utf-8") if own and keeper.is_file() else ""
        foreign = sorted(name for name in there if name != _KEEPER and json.dumps(name) not in kept)
    if not own:
        raise BrowserPageError(f"out must be a new folder or a page written before, got {folder}: it is left as it is")
    if foreign:
        got = f"{folder} with {', '.join(foreign[:3])}"
        raise BrowserPageError(f"out must hold nothing but the page, which is replaced, got {got}: it is left as it is")


def _find_networks(bundle: Bundle) -> list[Path]:
    if any("onnx" not in network.files for network in bundle.contents.networks):
        rule = "model must have networks for the engine onnx (add it to the parameter exported_engines and run again)"
        raise BundleError(f"{rule}, got {bundle.folder} without")
    return bundle.networks("onnx")


def _collect(bundle: Bundle, runtime: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file of the page by its name."""
    networks = {path.name: path.read_bytes() for path in _find_networks(bundle)}
    gate = bundle.open_gate()
    index, packed = browser_data.pack(gate, bundle.lungs_file())
    loaded = {"arrays.bin": packed, **runtime, **networks}
    told = browser_data.describe(bundle, gate, list(networks), index, _hash_all(loaded))
    files = loaded | {_OWN: json.dumps(told).encode(), "LICENSE.txt": bundle.file("LICENSE").read_bytes()}
    if card := bundle.card:
        files[_CARD] = card.encode("utf-8-sig")
    for asset in _TEMPLATES.iterdir():
        if not asset.name.endswith(".j2"):
            files[asset.name] = asset.read_bytes()
    files |= {name: web_page.read_asset(name).encode() for name in web_page.SHARED}
    files[_PAGE] = _render_page(bundle, round(sum(map(len, files.values())) / 1e6), _CARD if card else "")
    integrity = _hash_all(files)
    version = hashlib.sha256(json.dumps(integrity, sort_keys=True).encode()).hexdigest()[:16]
    return files | {_KEEPER: _render(_KEEPER, integrity=integrity, policy=POLICY, version=version)}


def _render_page(bundle: Bundle, megabytes: int, card: str) -> bytes:
    return _render(
        _PAGE, policy=POLICY, megabytes=megabytes, card=card, runtime=browser_runtime.VERSION,
        **web_page.describe_bundle(bundle), **browser_data.describe_table(bundle),
    )  # fmt: skip


def _render(name: str, **given: object) -> bytes:
    return web_page.open_template(f"browser/{name}.j2", escaped=name == _PAGE).render(**given).encode()


def _hash_all(files: Mapping[str, bytes]) -> dict[str, str]:
    """The integrity of each file, as browsers take it (W3C Subresource Integrity)."""
    digests = {name: hashlib.sha256(content).digest() for name, content in files.items()}
    return {name: f"sha256-{base64.b64encode(digest).decode()}" for name, digest in digests.items()}
