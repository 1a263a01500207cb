"""The run directory: the only room that knows file names.

    reports/<study>/index.html, <page>.html     what people read
    reports/<study>/tables/*.csv                what travels between notebooks
    reports/<study>/work/                       pixels, networks, executed notebooks: large, can be made again

Everything is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from pneumo_utils import contracts, tables
from pneumo_utils.atomic import whole

# which notebook a reader has to run first when something is missing
_WRITERS = {
    "data": "01_eda",
    "manifest": "01_eda",
    "left_out": "01_eda",
    "splits": "02_preprocessing",
    "images": "02_preprocessing",
    "history": "03_finetune",
    "predictions": "03_finetune",
    "models": "03_finetune",
    "network": "03_finetune",
    **dict.fromkeys(contracts.EVALUATION, "04_evaluation"),
}
_PER_MODEL = ("history", "predictions", "models")


class MissingArtefact(FileNotFoundError):
    """Something an earlier notebook writes is not there yet; the message names that notebook."""


class Store:
    """The run directory of one study.

    Args:
        study: name of the study; its folder under `reports`.
        reports: folder of all reports.
    """

    def __init__(self, study: str, reports: str | Path):
        self.study = study
        self.folder = Path(reports) / study
        self.work = self.folder / "work"

    def table_file(self, name: str) -> Path:
        """Where the table `name` lies."""
        return self.folder / "tables" / f"{name}.csv"

    def model_table_file(self, name: str, model: str) -> Path:
        """Where one network's share of the table `name` lies until `gather` joins the shares."""
        return self.work / "models" / model / f"{name}.csv"

    @property
    def images_file(self) -> Path:
        """The preprocessed pictures, one a row of `splits`."""
        return self.work / "images.npy"

    @property
    def data_file(self) -> Path:
        """Which folder the radiographs came from."""
        return self.work / "data.json"

    def network_file(self, model: str) -> Path:
        """The trained network `model`."""
        return self.work / "models" / model / "network.keras"

    def run_file(self, model: str) -> Path:
        """What the trained network `model` was made of."""
        return self.work / "models" / model / "run.json"

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

    def write_share(self, name: str, model: str, frame: pd.DataFrame) -> None:
        """Write the share that one network has in the table `name`."""
        tables.write(name, frame, self.model_table_file(name, model))

    def gather(self) -> None:
        """Join the networks' shares of history, predictions and models into the tables that travel on."""
        for name in _PER_MODEL:
            places = [self.model_table_file(name, model) for model in contracts.MODELS]
            shares = [tables.read(name, place) for place in places if place.is_file()]
            if shares:
                self.write(name, pd.concat(shares, ignore_index=True))

    def write_images(self, images: Iterator[np.ndarray], count: int, size: int) -> None:
        """Write `count` pictures, uint8 (size, size), in the order of `splits`, one at a time.

        Raises:
            ValueError: there are fewer or more pictures than `count`.
        """
        with whole(self.images_file) as part:
            rows = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(count, size, size))
            for row, image in zip(rows, images, strict=True):  # fewer pictures would leave black rows at the end
                row[:] = image
            rows.flush()

    def read_images(self) -> np.ndarray:
        """The pictures, uint8 (n, size, size), mapped from disk and not to be written."""
        return np.load(self._there("images", self.images_file), mmap_mode="r")

    def write_network(self, model: str, save: Callable[[Path], None]) -> None:
        """Keep the trained network `model`; `save` writes it to the path it is given."""
        with whole(self.network_file(model)) as part:
            save(part)

    def write_data_folder(self, root: Path, source: str) -> None:
        """Remember where the radiographs lie (read-only from here on) and where they came from."""
        with whole(self.data_file) as part:
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

    def network_there(self, model: str) -> Path:
        """The file of the trained network `model`, which must exist."""
        return self._there("network", self.network_file(model))

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for large files that nobody needs afterwards; what a killed run left there goes, too."""
        for left in self.work.glob("scratch-*"):
            shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(prefix="scratch-", dir=self.work) as folder:
            yield Path(folder)

    def _there(self, name: str, path: Path) -> Path:
        if not path.is_file():
            raise MissingArtefact(
                f"{name} must be there before this notebook, got no {path.name} in {path.parent}: "
                f"run {_WRITERS[name]} first"
            )
        return path
