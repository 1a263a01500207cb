"""What is written to the run directory of a study and read from it: checked, and whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.records import ensemble_predictions, kernel_locks, progress, tables
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.run_directory import NETWORK_TABLES, RunDirectory
from pneumo_utils.records.vocabulary import MODELS

_ANSWERS = ("predictions", "varied_predictions", "perturbed_predictions")  # probabilities, which may be averaged
_TRAINED = ("models/*", "other-splits/*/work/models/*")  # folders of networks of one model
_ASIDE = "set-aside"
_JOINED = tuple(dict.fromkeys((*NETWORK_TABLES, *_ANSWERS)))


class Store(RunDirectory):
    """The run directory of one study; arguments as `RunDirectory`."""

    def for_splits(self, name: str) -> Store:
        """A run directory for other splits of the same pictures, inside this one."""
        return _OtherSplits(self, name)

    @property
    def label_permutation(self) -> Store:
        """The run directory of a network that is trained on permuted labels, to see what its heat maps are worth."""
        return Store("label-permutation", self.work / "other-splits")

    def read(self, name: str) -> pd.DataFrame:
        """Read the table `name`, checked against its contract."""
        tables.contract(name)
        return tables.read(name, self.require(name, self.table_file(name)))

    def write(self, name: str, frame: pd.DataFrame) -> None:
        """Write the table `name`, checked against its contract."""
        tables.write(name, frame, self.table_file(name))

    def write_network_table(self, name: str, model: str, seed: int, frame: pd.DataFrame) -> None:
        """Write what one network adds to the table `name`."""
        tables.write(name, frame, self.network_table_file(name, model, seed))

    def read_network_table(self, name: str, model: str, seed: int) -> pd.DataFrame:
        """Read what one network adds to the table `name`."""
        return tables.read(name, self.require(name, self.network_table_file(name, model, seed)))

    def join_network_tables(self, members: list[str], seeds: list[int]) -> None:
        """Join the tables of single networks into those that travel on, and add the ensemble.

        After a change of the pictures the networks judge them anew one after another: until the last one has, there is
        no ensemble.

        Args:
            members: the models that are averaged, once all of them are there; none: no ensemble.
            seeds: of the study; the ensemble is given the first.
        """
        networks = [(model, seed) for model in MODELS for seed in self.seeds(model)]
        if networks:
            with kernel_locks.of_file(self.join_lock):  # notebooks that run side by side both join
                self._join(networks, members, seeds)

    def _join(self, networks: list[tuple[str, int]], members: list[str], seeds: list[int]) -> None:
        for name in _JOINED:
            there = {}
            for model, seed in networks:
                with suppress(FileNotFoundError, tables.TableError):  # a damaged one is made anew with its network
                    there[model, seed] = self.read_network_table(name, model, seed)
            if not there:
                continue
            joined = pd.concat(there.values(), ignore_index=True)
            complete = set(itertools.product(members, seeds)) <= set(there)
            if name in _ANSWERS and complete and not ensemble_predictions.incomplete_paths(joined, members):
                joined = ensemble_predictions.add_ensemble(joined, members, seeds[0])
            if not tables.holds(name, joined, self.table_file(name)):  # edited, lost, or not yet joined
                self.write(name, joined)

    def set_aside_networks_except(self, wanted: Collection[tuple[str, int]]) -> list[str]:
        """Move every trained network that is not among the (model, seed) of `wanted` out of the way of joined tables.

        It comes back as soon as it is wanted again; a network's own key tells whether it is still good. Activations,
        which are large and soon made anew, are deleted.

        Returns:
            what was moved now, relative to the folder of work, sorted.
        """
        models = {model for model, _ in wanted}
        self.bring_back_networks(wanted)
        moved = []
        for folder in _networks(self.work):
            name, model = folder.relative_to(self.work), folder.parent.name
            unwanted = name.parts[0] == "models" and (model, folder.name) not in _folders(wanted)
            if unwanted or model not in models:
                place = self.work / _ASIDE / name
                shutil.rmtree(place, ignore_errors=True)
                place.parent.mkdir(parents=True, exist_ok=True)
                folder.replace(place)
                moved.append(name.as_posix())
        for folder in [one for pattern in _TRAINED for one in self.work.glob(pattern)]:
            if folder.name not in models:
                shutil.rmtree(folder)
        return sorted(moved)

    def bring_back_networks(self, wanted: Collection[tuple[str, int]]) -> None:
        """Move back what `set_aside_networks_except` has moved, where it is wanted and not trained anew since."""
        for folder in _networks(self.work / _ASIDE):
            place = self.work / folder.relative_to(self.work / _ASIDE)
            if (folder.parent.name, folder.name) in _folders(wanted) and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):  # another process did
                    folder.replace(place)

    def delete_unfinished(self) -> None:
        """Delete what a run that was killed left half-written; nobody else may be running the study.

        A table of scores that somebody keeps beside the pages, and whose run may go on, is none of it.
        """
        own = [(self.folder, False), (self.bundle_folder, False), (self.tables, True), (self.work, True)]
        for folder, deep in own:
            endings = ("*.part.*", "*.part") if deep else ("*.part.*",)
            for part in [one for ending in endings for one in (folder.rglob if deep else folder.glob)(ending)]:
                if part.is_dir():
                    shutil.rmtree(part, ignore_errors=True)
                else:
                    part.unlink(missing_ok=True)
        shutil.rmtree(self.bundle_folder.with_name(f"{self.bundle_folder.name}.part"), ignore_errors=True)

    def delete_activations(self, model: str) -> None:
        """Delete what the frozen trunk of `model` gave: large, and of no use once nothing more is trained on it."""
        shutil.rmtree(self.activations_folder(model), ignore_errors=True)

    def write_images(self, images: Iterator[np.ndarray], count: int, size: int) -> None:
        """Write `count` pictures, uint8 (size, size), in the order of `splits`, one at a time.

        Raises:
            ValueError: there are fewer or more pictures than `count`, or one is of another size.
        """
        self._write_squares(self.images_file, "keeping the pictures", images, count, size)

    def write_perturbed(self, images: Iterator[np.ndarray], count: int, size: int) -> None:
        """The same for the pictures made harder, in the order of the table `perturbations`."""
        self._write_squares(self.perturbed_file, "drawing the pictures made harder", images, count, size)

    @staticmethod
    def _write_squares(file: Path, stage: str, images: Iterator[np.ndarray], count: int, size: int) -> None:
        shape = (count, size, size)
        with atomic_write(file) as part, part.open("wb") as out:  # a map would die of a full disk, not say so
            np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
            told = progress.track(images, stage, count)
            for _, image in zip(range(count), told, strict=True):
                if image.shape != shape[1:]:
                    raise ValueError(f"a picture must be of shape {shape[1:]}, got {image.shape}")
                out.write(image.astype(np.uint8, casting="safe").tobytes())

    def read_images(self) -> np.ndarray:
        """The pictures, uint8 (n, size, size), mapped from disk and not to be written."""
        return np.load(self.require("images", self.images_file), mmap_mode="r")

    def read_perturbed(self) -> np.ndarray:
        """The pictures made harder, uint8 (n, size, size), mapped from disk and not to be written."""
        return np.load(self.require("perturbations", self.perturbed_file), mmap_mode="r")

    def pictures(self, paths: pd.Series) -> np.ndarray | None:
        """The preprocessed pictures of `paths`, uint8 (k, size, size); None where only the tables are at hand.

        Raises:
            ValueError: a path is not in `splits`, or there are not as many pictures as it has rows.
        """
        if not self.images_file.is_file():
            return None
        known, images = pd.Index(self.read("splits")["path"]), self.read_images()
        if len(images) != len(known):
            raise ValueError(f"pictures must be one a row of splits, {len(known)}, got {len(images)}")
        rows = known.get_indexer(paths)
        if (rows < 0).any():
            raise ValueError(f"path must be in splits, got {paths.iloc[int((rows < 0).argmax())]!r}")
        return images[rows]

    def write_network(self, model: str, seed: int, save: Callable[[Path], None]) -> None:
        """Keep the network `model` trained from `seed`; `save` writes it to the path it is given."""
        with atomic_write(self.network_file(model, seed)) as part:
            save(part)

    def write_test_maps(
        self, model: str, seed: int, paths: pd.Series, maps: np.ndarray, first: float = 0.0, step: float = 0.0
    ) -> None:
        """Keep the heat maps of the test part, float (n, rows, columns), at least 0, one a path.

        `first` and `step` say where their cells look, as shares of the side; of a step of 0 they tile the picture.
        """
        with atomic_write(self.explanation_file(model, seed, "test_maps")) as part, part.open("wb") as stream:
            np.savez_compressed(stream, paths=paths.to_numpy(str), maps=maps, cells=(first, step))

    def read_test_maps(self, model: str, seed: int) -> tuple[pd.Index, np.ndarray, tuple[float, float]]:
        """Paths of the test part, the heat map of each, and where the cells look; as of `write_test_maps`."""
        with np.load(self.require("test_maps", self.explanation_file(model, seed, "test_maps"))) as kept:
            return pd.Index(kept["paths"]), kept["maps"], tuple(kept["cells"].tolist())

    def write_data_folder(self, root: Path, source: str) -> None:
        """Remember where the radiographs lie (read-only from here on) and where they came from."""
        with atomic_write(self.data_file) as part:
            relative = os.path.relpath(root.resolve(), self.folder.resolve())
            part.write_text(json.dumps({"root": relative, "source": source}), encoding="utf-8")

    def data_folder(self) -> Path:
        """The folder that holds `train` and `test`."""
        found = json.loads(self.require("data", self.data_file).read_text(encoding="utf-8"))
        return (self.folder / found["root"]).resolve()

    def data_hash(self) -> str:
        """SHA-256 over path and content hash of every radiograph in the manifest, 64 hex digits."""
        manifest = self.read("manifest")
        return hashlib.sha256((manifest["path"] + " " + manifest["sha256"]).str.cat(sep="\n").encode()).hexdigest()


class _OtherSplits(Store):
    """Has splits and networks of its own, and the pictures of the run directory that it lies in."""

    def __init__(self, outer: Store, name: str):
        super().__init__(name, outer.work / "other-splits")
        self._outer = outer

    @property
    def images_file(self) -> Path:
        """The pictures of the outer one."""
        return self._outer.images_file


def _networks(work: Path) -> list[Path]:
    """Folders of networks, one a seed."""
    return [folder for pattern in _TRAINED for folder in work.glob(f"{pattern}/seed-*")]


def _folders(networks: Collection[tuple[str, int]]) -> set[tuple[str, str]]:
    return {(model, f"seed-{seed}") for model, seed in networks}
