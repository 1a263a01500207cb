"""What is asked of networks to explain them, and kept: nothing is asked twice of the same network, pictures and code.

Another operating point, or another number of bootstrap draws, asks no network anything: TensorFlow is not even loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.explanation import faithfulness, heat_maps, plausibility, sanity_check
from pneumo_utils.records import fingerprint, kept_arrays, provenance
from pneumo_utils.records.store import Store

Answer = dict[str, np.ndarray]  # by name, of numbers or of text


class CachedExplainer:
    """One trained network of a run directory, asked where it looks.

    Args:
        store: the run directory; answers are kept in it, beside the network.
        model: key of `vocabulary.MODELS`.
        seed: it was trained from.
        methods: of `heat_maps.METHODS`; checks are made of the first one's maps.
        layer: whose activations are weighed; empty: the last one with height and width. Where none is named and the
            network stands on a frozen trunk, maps start from the activations that its training kept.

    Raises:
        run_directory.MissingArtefactError: there is no such network; when it is asked.
        models.ModelError: there is no such layer; when it is asked.
    """

    def __init__(self, store: Store, model: str, seed: int, methods: Sequence[str], layer: str = ""):
        self._store, self._model, self._seed = store, model, seed
        self._methods, self._layer = list(methods), layer

    @property
    def layer(self) -> str:
        """Name of the layer that is asked."""
        return str(self._shape["layer"])

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of its maps before they are enlarged."""
        return tuple(int(side) for side in self._shape["grid"])

    @property
    def places(self) -> heat_maps.Places | None:
        """Where the cells of that grid look; None: they tile the picture."""
        return heat_maps.find_places(self._model, self.layer, int(self._shape["size"]))

    def coarse(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Heat maps of pictures, uint8 (n, side, side), as the layer gives them: float32 (n, *grid) by method."""
        activations = self._store.activations_folder(self._model)
        return self._obtain("maps", [images], lambda: self._explainer.coarse(images, activations))

    def maps(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The same, enlarged to the pictures: float32 (n, side, side) in [0, 1] by method."""
        coarse = self.coarse(images)
        return {method: heat_maps.enlarge(coarse[method], images.shape[1], self.places) for method in self._methods}

    def trace_answers(
        self,
        cases: pd.DataFrame,
        images: np.ndarray,
        fills: np.ndarray,
        orders: dict[str, np.ndarray],
        threshold: float,
    ) -> pd.DataFrame:
        """`faithfulness.trace_answers` by the answers of this network."""
        asked = self._named(cases), images, fills, orders
        given = [images, fills, np.array(list(orders)), *orders.values(), cases[["path", "patient"]].to_numpy(str)]

        def run() -> pd.DataFrame:
            return faithfulness.trace_answers(*asked, self._explainer.predict, self._seed, threshold)

        return self._table("traced_answers", [*given, np.array(threshold)], run)

    def weight_randomisation(self, cases: pd.DataFrame, images: np.ndarray, shufflings: int) -> pd.DataFrame:
        """`sanity_check.weight_randomisation_test` of the maps of this network, its trunk shuffled, too."""

        def run() -> pd.DataFrame:
            from pneumo_utils.explanation import gradcam

            maps = gradcam.Explainer(self._network, self._layer, methods=self._methods[:1]).maps
            asked = self._named(cases), images, self._seed, shufflings
            return sanity_check.weight_randomisation_test(self._network, maps, *asked)

        given = [images, cases["patient"].to_numpy(str), np.array(shufflings)]
        return self._table("weight_randomisation", given, run)

    def _named(self, cases: pd.DataFrame) -> pd.DataFrame:
        return cases[["path", "patient"]].assign(model=self._model, seed=self._seed)

    @cached_property
    def _shape(self) -> Answer:
        return self._obtain(
            "layer", [], lambda: {name: np.array(getattr(self._explainer, name)) for name in ("layer", "grid", "size")}
        )

    @cached_property
    def _network(self):
        from pneumo_utils.networks import models  # imported here: TensorFlow takes its time, and often all is known

        return models.load(self._file)

    @cached_property
    def _explainer(self):
        from pneumo_utils.explanation import gradcam
        from pneumo_utils.networks import models

        below = None if self._layer else models.CUT_POINTS[self._model].frozen_to
        return gradcam.Explainer(self._network, self._layer, below, self._methods)

    @property
    def _file(self) -> Path:
        return self._store.require_network(self._model, self._seed)

    @cached_property
    def _identity(self) -> list[str]:
        rooms = fingerprint.of_room("explanation.cached_explainer")
        return [fingerprint.of_file(self._file), self._layer, *self._methods, rooms]

    def _obtain(self, name: str, given: list[np.ndarray], make: Callable[[], Answer]) -> Answer:
        file = self._store.explanation_file(self._model, self._seed, name)
        return _load_or_make(file, [*self._identity, *map(fingerprint.of_array, given)], make)

    def _table(self, name: str, given: list[np.ndarray], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        return pd.DataFrame(self._obtain(name, given, lambda: _columns(make())))


def lung_masks(store: Store, images: np.ndarray) -> np.ndarray:
    """`plausibility.lung_masks`, kept in the run directory."""
    rooms = fingerprint.of_room("explanation.plausibility")
    made_of = [rooms, fingerprint.of_array(images)]
    found = _load_or_make(store.lungs_file, made_of, lambda: {"masks": plausibility.lung_masks(images)})
    return found["masks"]


def _load_or_make(file: Path, of: list[str], make: Callable[[], Answer]) -> Answer:
    """What `file` holds if it was made of the same, or else what is made now, and kept."""
    key = fingerprint.of(of, provenance.versions())
    found = kept_arrays.read(file, key)
    if found is None:
        found = make()
        kept_arrays.write(file, key, found)
    return found


def _columns(frame: pd.DataFrame) -> Answer:
    """Columns as arrays; text as such, since objects would have to be pickled."""
    number = pd.api.types.is_numeric_dtype
    return {name: of.to_numpy() if number(of) else of.to_numpy(str) for name, of in frame.items()}
