"""The page that scores radiographs: what it says of the networks, and how an answer travels to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_utils.deployment import score_rows
from pneumo_utils.deployment.answers.heat_map_overlays import HeatMaps
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.bundle_contents import Contents
from pneumo_utils.deployment.score_rows import DIGITS
from pneumo_utils.deployment.scores import Score

if TYPE_CHECKING:
    from jinja2 import Template

SHARED = ("scoring_page.css", "cards.js", "file_drop.js")  # which both pages load
_PACKAGE = "pneumo_utils.deployment.web"
_LEAST, _LONGEST = 384, 768  # longer side of a picture on the page, pixels
_QUALITY = 90  # of its JPEG
_MAP_SIDE = 128  # of a heat map, pixels; the browser enlarges it smoothly


def open_maps(bundle: Bundle) -> HeatMaps:
    """What draws the heat maps of a bundle; the first of all compiles, and nobody shall wait for it."""
    maps, size = HeatMaps(bundle), bundle.contents.preparation.stored_size
    maps.draw_map(np.zeros((size, size), np.uint8))
    return maps


def read_asset(name: str) -> str:
    """The text of the file `name` that the page loads."""
    return resources.files(_PACKAGE).joinpath(f"templates/{name}").read_text(encoding="utf-8")


def open_template(name: str, escaped: bool = True) -> Template:
    """The template `name`, whose values are escaped for HTML or, in a script, not."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_PACKAGE, "templates"), autoescape=escaped, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


def render(
    bundle: Bundle, how: str, limits: Mapping[str, int], no_maps: str = "", warning: str = "", card: str = ""
) -> str:
    """The page as HTML.

    Args:
        bundle: that answers.
        how: the engine, with what else changes an answer.
        limits: `bytes` of a file, and `files` at once.
        no_maps: why there are no heat maps, one sentence; empty where there are.
        warning: what who reads the page must know of the way to it, one sentence.
        card: address of the model card; empty: there is none.
    """
    return open_template("scoring_page.html.j2").render(
        how=how, limits=limits, no_maps=no_maps, warning=warning, digest=bundle.digest[:DIGITS],
        header=score_rows.header().decode().strip(), card=card, **describe_bundle(bundle),
    )  # fmt: skip


def describe_bundle(bundle: Bundle) -> dict[str, object]:
    """What this page and that of `browser_page` say of a bundle, by the names that their templates use."""
    told = bundle.contents
    learned_from, only_for = _describe_population(told)
    return {
        "told": told,
        "networks": ", ".join(f"{one.model} (seed {one.seed})" for one in told.networks),
        "unsure": bundle.decision.referral_range(),
        "learned_from": learned_from,
        "only_for": only_for,
        "refused": _describe_refusals(told),
    }


def _describe_population(told: Contents) -> tuple[str, str]:
    """Whom the networks have learned from, and for whom they are."""
    if told.drawn:
        learned = "Drawn pictures of chest radiographs, with no person on them. Of a person the number says nothing."
        return learned, "Only for drawn radiographs."
    if told.least_age is None or told.largest_age is None:
        learned = "Chest radiographs of a folder. Who is on them, and of what age, is not recorded."
        unlike = "For people unlike them the number means nothing."
        return f"{learned} {unlike}", "Only for people like those of the study, whose ages are not recorded."
    whom = f"children aged {told.least_age:g} to {told.largest_age:g} years"
    learned = f"Chest radiographs, seen from the front, of {whom}. For others the number means nothing."
    return learned, f"Only for {whom}, and for radiographs seen from the front."


def _describe_refusals(told: Contents) -> str:
    """What share of the study's own radiographs the gate was allowed to refuse, and refuses, as far as it is known."""
    allowed = f"Of the study's own radiographs {told.false_alarms:.1%} may be refused, by limits set on validation"
    if (found := told.test_refusals) is None:
        return f"{allowed}."
    share = f"{found.refused / found.n:.1%}"
    if found.lower is not None and found.upper is not None:
        share += f", 95% interval {found.lower:.1%} to {found.upper:.1%}"
    return f"{allowed}; of the test part {found.refused:,} of {found.n:,} were ({share})."


def describe(score: Score, bundle: Bundle, how: str, whole: np.ndarray | None = None) -> dict:
    """An answer as the page takes it.

    Args:
        score: of one file.
        bundle: that answered.
        how: as in `render`.
        whole: uint8 (height, width), the radiograph in its own shape; None where there is none.

    Returns:
        `score` (fields of `Score.as_json`), `row` (its line of the table, CSV), `picture` (a data URL, or null).
    """
    own = {"bundle": bundle.digest[:DIGITS], "engine": how}
    return {
        "score": score.as_json(),
        "row": score_rows.render(score, own, False).decode(),
        "picture": None if whole is None else _encode_picture(whole),
    }


def encode_map(heat: np.ndarray) -> str:
    """A heat map as a data URL: coloured, and the less opaque the colder.

    Args:
        heat: float (rows, columns) in [0, 1].
    """
    small = np.clip(cv2.resize(heat.astype(np.float32), (_MAP_SIDE, _MAP_SIDE), interpolation=cv2.INTER_AREA), 0, 1)
    levels = np.rint(255 * small).astype(np.uint8)
    drawn = np.dstack([cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA), levels])
    return _data_url("png", cv2.imencode(".png", drawn)[1])


def _encode_picture(whole: np.ndarray) -> str:
    longest = max(whole.shape)
    scale = min(max(longest, _LEAST), _LONGEST) / longest
    height, width = (max(1, round(side * scale)) for side in whole.shape)
    grey = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return _data_url("jpeg", cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])


def _data_url(kind: str, encoded: np.ndarray) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"
