"""Every test radiograph on one page, and what another operating point or prevalence would mean for each network.

The page computes in the reader's browser, from the same probabilities and with the bootstrap's own draws of patients,
so that its numbers are those of the tables. Drawing library: none. What is drawn is two lines, a histogram and a list;
a bundled Vega-Lite would weigh more than the pictures of a small study.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from pneumo_utils.evaluation import calibration, operating_points
from pneumo_utils.evaluation.intervals import resample_patients
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import ENSEMBLE, IMAGE_MODELS, MODELS
from pneumo_utils.reporting import page_shell, wordings
from pneumo_utils.study.definition import Study

_JSON = {"separators": (",", ":"), "allow_nan": False}  # a browser reads no NaN
_DRAWS = 200  # of patients: fewer than in the tables, as a browser goes through them while a reader drags
_SIDE = 96  # of a thumbnail, pixels
_QUALITY = 70  # of its JPEG
_LEVELS = 15  # of a heat map above 0: more cannot be told apart on a thumbnail


def write(store: Store, study: Study, notices: list[str]) -> None:
    """Write `cases.html`.

    Args:
        store: the run directory, evaluation done.
        study: the parameters it ran with.
        notices: what a reader must know before the numbers.
    """
    seed = study.training.seeds[0]
    said = store.read("predictions").query("seed == @seed")
    frozen = operating_points.of_rule(store.read("operating_points"), study.evaluation.threshold_rule)
    page_shell.write(
        store.folder / "cases.html",
        "cases.html.j2",
        scripts=("case_measures.js", "cases.js"),
        data=json.dumps(_data(store, said, frozen, seed, study.evaluation.bootstrap_seed), **_JSON),
        seeds=_which_seeds(study.training.seeds, ENSEMBLE in set(said["model"])),
        study=store.study,
        heading="Every test radiograph",
        description="What another operating point would mean, and whom each network would miss.",
        title=study.about.title,
        point=wordings.describe_point(study.evaluation.threshold_rule),
        n=said.loc[said["split"] == "test", "path"].nunique(),
        draws=_DRAWS,
        notices=notices,
    )


def _which_seeds(seeds: Sequence[int], with_ensemble: bool) -> str:
    """Whose probabilities the page has, where a network was trained several times; else nothing."""
    if len(seeds) < 2:
        return ""
    pooled = "; the ensemble is the mean over all seeds" if with_ensemble else ""
    return f" Of {len(seeds)} seeds each network is shown by the first, {seeds[0]}{pooled}."


def _data(store: Store, answers: pd.DataFrame, frozen: dict, seed: int, bootstrap_seed: int) -> dict:
    """All that the script needs: cases in the order of the split, networks, draws of patients."""
    test, validation = (answers[answers["split"] == split] for split in ("test", "validation"))
    models = [model for model in IMAGE_MODELS if model in set(test["model"])]
    said = test.pivot(index="path", columns="model", values="probability")
    cases = test.drop_duplicates("path").set_index("path")
    said = said.loc[cases.index]
    pictures = store.pictures(pd.Series(cases.index))
    draws = resample_patients(cases["patient"].to_numpy(), _DRAWS, bootstrap_seed)
    return {
        "models": [
            {"title": IMAGE_MODELS[model], "frozen": float(frozen[model, seed]), "said": said[model].tolist()}
            | _calibration(validation[validation["model"] == model])
            | (_heat_maps(store, model, seed, cases.index) if model in MODELS else {})
            for model in models
        ],
        "label": cases["label"].tolist(),
        "etiology": cases["etiology"].tolist(),
        "patient": cases["patient"].astype(str).tolist(),
        "path": cases.index.tolist(),
        "picture": [_thumbnail(one) for one in pictures],
        "draws": ["".join(np.base_repr(count, 36) for count in draw) for draw in draws],
    }


def _calibration(own: pd.DataFrame) -> dict:
    """What makes a risk of a network's probability, as in `decision_curve.csv`: Platt's line, and its prevalence."""
    label = own["label"].to_numpy()
    platt = calibration.Platt.fit(label, own["probability"].to_numpy())
    return {"slope": platt.slope, "intercept": platt.intercept, "prevalence": float(label.mean())}


def _heat_maps(store: Store, model: str, seed: int, paths: pd.Index) -> dict:
    """The heat map of every case as a string, a digit of sixteen a place, row by row.

    Their `grid` comes with them, and, unless it tiles the picture, where it begins and the `step` of its cells, as
    shares of the side.
    """
    known, maps, (first, step) = store.read_test_maps(model, seed)
    own, begin = maps[known.get_indexer(paths)], first - step / 2
    if step and begin + step * own.shape[1] < 1:  # the last cells are drawn up to the edge
        own = np.pad(own, ((0, 0), (0, 1), (0, 1)), mode="edge")
    levels = np.rint(_LEVELS * own / np.maximum(own.max(axis=(1, 2), keepdims=True), 1e-12)).astype(int)
    digits = ["".join(f"{level:x}" for level in one.ravel()) for one in levels]
    return {"grid": own.shape[1:], "begin": begin, "step": step, "maps": digits}


def _thumbnail(image: np.ndarray) -> str:
    """A radiograph, uint8 (side, side), as a small JPEG in base64."""
    side = min(_SIDE, len(image))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    _, file = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return base64.b64encode(file.tobytes()).decode()
