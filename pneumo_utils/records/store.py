"""The run directory: the only room that knows file names.

    reports/<study>/index.html, <page>.html     what people read
    reports/<study>/tables/*.csv                what travels between notebooks
    reports/<study>/work/                       pixels, activations, networks, notebooks: large, can be made again

Everything is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.records import ensemble, tables
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.contracts import datasets
from pneumo_utils.records.vocabulary import MODELS

# which notebook a reader has to run first when something is missing
_WRITERS = {
    "data": "01_eda",
    "manifest": "01_eda",
    "exclusions": "01_eda",
    "acquisition": "01_eda",
    "acquisition_audit": "01_eda",
    "acquisition_drift": "01_eda",
    "splits": "02_preprocessing",
    "framing": "02_preprocessing",
    "images": "02_preprocessing",
    "reference_predictions": "02_preprocessing",
    "perturbations": "02_preprocessing",
    "history": "03_finetune",
    "predictions": "03_finetune",
    "models": "03_finetune",
    "perturbed_predictions": "03_finetune",
    "resplit_predictions": "03_finetune",
    "network": "03_finetune",
    **dict.fromkeys(datasets.EVALUATION, "04_evaluation"),
    **dict.fromkeys(datasets.EXPLANATION, "05_gradcam"),
}
SHARES = ("history", "predictions", "models")  # what a training tells of its network
_GATHERED = (*SHARES, "perturbed_predictions")
_ANSWERS = ("predictions", "perturbed_predictions")  # probabilities, which may be averaged


class MissingArtefactError(FileNotFoundError):
    """Something an earlier notebook writes is not there yet; the message names that notebook."""


class Store:
    """The run directory of one study.

    Args:
        study: name of the study; its folder under `reports`.
        reports: folder of all reports.
    """

    def __init__(self, study: str, reports: str | Path):
        self.study = study
        self.reports = Path(reports)
        self.folder = self.reports / study
        self.work = self.folder / "work"

    def for_splits(self, name: str) -> Store:
        """A run directory for other splits of the same pictures, inside this one."""
        return _OtherSplits(self, name)

    @property
    def label_permutation(self) -> Store:
        """The run directory of a network that is trained on shuffled labels, to see what its heat maps are worth."""
        return Store("shuffled-labels", self.work / "beside")

    def table_file(self, name: str) -> Path:
        """Where the table `name` lies."""
        return self.folder / "tables" / f"{name}.csv"

    def network_table_file(self, name: str, model: str, seed: int) -> Path:
        """Where one network's share of the table `name` lies until `join_network_tables` joins the shares."""
        return self._network_folder(model, seed) / f"{name}.csv"

    @property
    def images_file(self) -> Path:
        """The preprocessed pictures, one a row of `splits`."""
        return self.work / "images.npy"

    @property
    def perturbed_file(self) -> Path:
        """The pictures made harder, one a row of `perturbations`."""
        return self.work / "perturbed.npy"

    @property
    def data_file(self) -> Path:
        """Which folder the radiographs came from."""
        return self.work / "data.json"

    def network_file(self, model: str, seed: int) -> Path:
        """The network `model` trained from `seed`."""
        return self._network_folder(model, seed) / "network.keras"

    def network_files(self, model: str, seed: int) -> list[Path]:
        """All that one training leaves behind: the network, and its shares of the tables."""
        return [self.network_file(model, seed), *(self.network_table_file(name, model, seed) for name in SHARES)]

    def run_file(self, model: str, seed: int) -> Path:
        """What the network `model` trained from `seed` was made of."""
        return self._network_folder(model, seed) / "run.json"

    def explanation_file(self, model: str, seed: int, name: str) -> Path:
        """What that network answered when it was asked `name` to explain it."""
        return self._network_folder(model, seed) / f"{name}.npz"

    @property
    def lungs_file(self) -> Path:
        """Where the lungs are in the pictures that are explained."""
        return self.work / "lungs.npz"

    def activations_folder(self, model: str) -> Path:
        """What the frozen trunk of `model` gave, for all seeds: large, can be computed again."""
        return self.work / "models" / model / "activations"

    def _network_folder(self, model: str, seed: int) -> Path:
        return self.work / "models" / model / f"seed-{seed}"

    def executed_notebook(self, page: str) -> Path:
        """The notebook of `page` with its outputs."""
        return self.work / "notebooks" / f"{page}.ipynb"

    def broken_notebook(self, page: str) -> Path:
        """What was reached of `page` when it broke."""
        return self.work / "notebooks" / f"{page}.broken.ipynb"

    def record_file(self, page: str) -> Path:
        """What the pipeline knows of the last good run of `page`."""
        return self.work / "records" / f"{page}.json"

    def page_file(self, page: str) -> Path:
        """The HTML of `page`."""
        return self.folder / f"{page}.html"

    def read(self, name: str) -> pd.DataFrame:
        """Read the table `name`, checked against its contract."""
        return tables.read(name, self._there(name, self.table_file(name)))

    def write(self, name: str, frame: pd.DataFrame) -> None:
        """Write the table `name`, checked against its contract."""
        tables.write(name, frame, self.table_file(name))

    def write_network_table(self, name: str, model: str, seed: int, frame: pd.DataFrame) -> None:
        """Write the share that one network has in the table `name`."""
        tables.write(name, frame, self.network_table_file(name, model, seed))

    def read_network_table(self, name: str, model: str, seed: int) -> pd.DataFrame:
        """Read the share that one network has in the table `name`."""
        return tables.read(name, self._there(name, self.network_table_file(name, model, seed)))

    def join_network_tables(self, members: list[str], seeds: list[int]) -> None:
        """Join the tables of single networks into those that travel on, and add the ensemble.

        After a change of the pictures the networks judge them anew one after another: until the last one has, there is
        no ensemble.

        Args:
            members: the models that are averaged, once all of them are there; none: no ensemble.
            seeds: of the study; the ensemble is given the first.
        """
        networks = [(model, seed) for model in MODELS for seed in self.seeds(model)]
        for name in _GATHERED:
            there = [network for network in networks if self.network_table_file(name, *network).is_file()]
            if not there:
                continue
            joined = pd.concat([self.read_network_table(name, *network) for network in there], ignore_index=True)
            complete = set(itertools.product(members, seeds)) <= set(there)
            if name in _ANSWERS and complete and not ensemble.incomplete_paths(joined, members):
                joined = ensemble.add_ensemble(joined, members, seeds[0])
            self.write(name, joined)

    def seeds(self, model: str) -> list[int]:
        """Seeds that `model` was trained from, rising."""
        folders = (self.work / "models" / model).glob("seed-*")
        return sorted(int(folder.name.removeprefix("seed-")) for folder in folders)

    def delete_networks_except(self, but: list[tuple[str, int]]) -> None:
        """Delete every trained network, and what belongs to it, that is not among the (model, seed) of `but`."""
        models = {model for model, _ in but}
        for folder in (*self.work.glob("models/*"), *self.work.glob("beside/*/work/models/*")):
            if folder.name not in models:
                shutil.rmtree(folder)
        for model in models:
            for seed in set(self.seeds(model)) - {one for other, one in but if other == model}:
                shutil.rmtree(self._network_folder(model, seed))

    def delete_activations(self, model: str) -> None:
        """Delete what the frozen trunk of `model` gave: large, and of no use once nothing more is trained on it."""
        shutil.rmtree(self.activations_folder(model), ignore_errors=True)

    def write_images(self, images: Iterator[np.ndarray], count: int, size: int) -> None:
        """Write `count` pictures, uint8 (size, size), in the order of `splits`, one at a time.

        Raises:
            ValueError: there are fewer or more pictures than `count`.
        """
        self._write_squares(self.images_file, images, count, size)

    def write_perturbed(self, images: Iterator[np.ndarray], count: int, size: int) -> None:
        """The same for the pictures made harder, in the order of the table `perturbations`."""
        self._write_squares(self.perturbed_file, images, count, size)

    @staticmethod
    def _write_squares(file: Path, images: Iterator[np.ndarray], count: int, size: int) -> None:
        with atomic_write(file) as part:
            rows = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(count, size, size))
            for row, image in zip(rows, images, strict=True):  # fewer pictures would leave black rows at the end
                row[:] = image
            rows.flush()

    def read_images(self) -> np.ndarray:
        """The pictures, uint8 (n, size, size), mapped from disk and not to be written."""
        return np.load(self._there("images", self.images_file), mmap_mode="r")

    def read_perturbed(self) -> np.ndarray:
        """The pictures made harder, uint8 (n, size, size), mapped from disk and not to be written."""
        return np.load(self._there("perturbations", self.perturbed_file), mmap_mode="r")

    def pictures(self, paths: pd.Series) -> np.ndarray | None:
        """The preprocessed pictures of `paths`, uint8 (k, size, size); None where only the tables are at hand."""
        if not self.images_file.is_file():
            return None
        rows = pd.Index(self.read("splits")["path"]).get_indexer(paths)
        return self.read_images()[rows]

    def write_network(self, model: str, seed: int, save: Callable[[Path], None]) -> None:
        """Keep the network `model` trained from `seed`; `save` writes it to the path it is given."""
        with atomic_write(self.network_file(model, seed)) as part:
            save(part)

    def write_data_folder(self, root: Path, source: str) -> None:
        """Remember where the radiographs lie (read-only from here on) and where they came from."""
        with atomic_write(self.data_file) as part:
            relative = os.path.relpath(root.resolve(), self.folder.resolve())
            part.write_text(json.dumps({"root": relative, "source": source}), encoding="utf-8")

    def data_folder(self) -> Path:
        """The folder that holds `train` and `test`."""
        found = json.loads(self._there("data", self.data_file).read_text(encoding="utf-8"))
        return (self.folder / found["root"]).resolve()

    def data_hash(self) -> str:
        """SHA-256 over path and content hash of every radiograph in the manifest, 64 hex digits."""
        manifest = self.read("manifest")
        return hashlib.sha256((manifest["path"] + " " + manifest["sha256"]).str.cat(sep="\n").encode()).hexdigest()

    def require_network(self, model: str, seed: int) -> Path:
        """The file of the network `model` trained from `seed`, which must exist."""
        return self._there("network", self.network_file(model, seed))

    def _there(self, name: str, path: Path) -> Path:
        if not path.is_file():
            raise MissingArtefactError(
                f"{name} must be there before this notebook, got no {path.name} in {path.parent}: "
                f"run {_WRITERS[name]} first"
            )
        return path


class _OtherSplits(Store):
    """Has splits and networks of its own, and the pictures of the run directory that it lies in."""

    def __init__(self, outer: Store, name: str):
        super().__init__(name, outer.work / "beside")
        self._outer = outer

    @property
    def images_file(self) -> Path:
        """The pictures of the outer one."""
        return self._outer.images_file
