"""The model bundle: one folder that holds all that scoring needs, and can be copied anywhere.

`bundle.json` names every other file with its SHA-256, and says how pictures are prepared, how the networks' answers are
averaged, and which decisions follow. Nothing of the study's tables or parameter files is needed any more.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pneumo_utils.deployment.decision import Decision
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import atomic_folder
from pneumo_utils.records.bundle_names import BUNDLE_FILE, CARD_FILE
from pneumo_utils.records.vocabulary import ENGINES

VERSION = 1  # of the schema; grows with what older programs would misread


class BundleError(ValueError):
    """A folder that is no bundle, or one that is damaged or too new."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a later program may add what this one need not know


class Network(_Part):
    """One network, in the files of the engines that run it."""

    model: str = Field(description="cnn, vgg16 or resnet50")
    seed: int = Field(ge=0, description="it was trained from")
    files: dict[str, str] = Field(description="by engine, relative to the bundle; keras is always there")


class OperatingPoint(_Part):
    """Frozen on validation before the test part was read."""

    rule: str = Field(description="by which the threshold was chosen")
    threshold: float = Field(ge=0, le=1, description="a probability at or above it is called pneumonia")
    band: float | None = Field(ge=0, description="referral band, logits around the threshold; null: all are referred")
    slope: float = Field(description="of Platt scaling")
    intercept: float = Field(description="of Platt scaling")


class Preparation(_Part):
    """From a file to what the networks see."""

    stored_size: int = Field(ge=1, description="side of the square that a picture is squashed to, pixels")
    image_size: int = Field(ge=1, description="side of the square that a network sees, pixels")
    test_views: int = Field(ge=1, description="views of a picture that are averaged")
    test_average: Literal["probability", "logit"] = Field(description="what of the views is averaged")
    smallest_side: int = Field(ge=1, description="a picture with a shorter side is refused, pixels")
    least_grey_range: int = Field(ge=0, description="a picture with fewer grey levels between darkest and brightest is")


class Contents(_Part):
    """What `bundle.json` says."""

    version: int = Field(ge=1, description="of this schema")
    title: str = Field(description="of the study")
    study: str = Field(description="its name")
    created: str = Field(description="day on which the bundle was written, ISO 8601")
    model: str = Field(description="name of the network or of the ensemble in the study's tables")
    networks: list[Network] = Field(min_length=1, description="whose probabilities are averaged")
    preparation: Preparation
    operating_point: OperatingPoint
    heat_map: str = Field(description="method of the overlays")
    explained_layers: dict[str, str] = Field(description="by model: layer whose activations the overlays weigh")
    least_age: float = Field(description="of the children that the network learned from, years")
    largest_age: float = Field(description="likewise")
    false_alarms: float = Field(description="share of the study's own radiographs that the gate may refuse")
    notice: str = Field(description="what the network may not be used for")
    hashes: dict[str, str] = Field(description="SHA-256 of every other file, by its path in the bundle")


class Bundle:
    """A bundle that is there and whole.

    Args:
        folder: of the bundle.

    Raises:
        BundleError: there is none, it was written by a later program, or `bundle.json` is damaged.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        text = self._text()
        self.digest = hashlib.sha256(text).hexdigest()
        self.contents = _parse(text, self.folder / BUNDLE_FILE)

    def file(self, name: str) -> Path:
        """The file `name` of the bundle, which is looked at before anybody reads it.

        Raises:
            BundleError: it is missing or altered.
        """
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise BundleError(f"files of a bundle must lie in it, got {name}")
        wanted, found = self.contents.hashes.get(name, ""), fingerprint.of_file(path)
        if not found or found != wanted:
            rule = f"{name} of the bundle must have SHA-256 {wanted[:12] or 'in bundle.json'}"
            raise BundleError(f"{rule}, got {found[:12] or 'no such file'}: copy {self.folder} anew")
        return path

    def networks(self, engine: str) -> list[Path]:
        """The files of the networks for `engine`.

        Raises:
            BundleError: the bundle has none for it.
        """
        self.check_engine(engine)
        return [self.file(network.files[engine]) for network in self.contents.networks]

    def check_engine(self, engine: str) -> None:
        """Whether there are networks for `engine`; no file is read.

        Raises:
            BundleError: there are none.
        """
        there = [one for one in ENGINES if all(one in network.files for network in self.contents.networks)]
        if engine not in there:
            raise BundleError(f"engine must be one that the bundle has ({', '.join(there)}), got {engine}")

    @property
    def card(self) -> str | None:
        """The text of its model card; None while the study that wrote it is not finished."""
        path = self.folder / CARD_FILE
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    @property
    def decision(self) -> Decision:
        """What follows from a probability."""
        point = self.contents.operating_point
        band = float("inf") if point.band is None else point.band
        return Decision(point.threshold, band, point.slope, point.intercept)

    def _text(self) -> bytes:
        try:
            return (self.folder / BUNDLE_FILE).read_bytes()
        except OSError as error:
            rule = f"model must be a folder with {BUNDLE_FILE}, as a study writes it to reports/<study>/model"
            raise BundleError(f"{rule}, got {self.folder} ({error.strerror})") from error


def _parse(text: bytes, path: Path) -> Contents:
    try:
        told = json.loads(text)
        version = told["version"]
        if not isinstance(version, int) or version > VERSION:
            raise BundleError(f"version of {path} must be at most {VERSION}, got {version}: use a later pneumo-utils")
        return Contents.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{where} of {path} must be valid, got: {first['msg']}") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{path} must be the JSON that a study writes, got {type(error).__name__}") from error


def write(folder: Path, fill: Callable[[Path], dict]) -> Bundle:
    """Write a bundle whole or not at all; one that is there is replaced, and what somebody has laid into it kept.

    Args:
        folder: where it goes.
        fill: puts every file but `bundle.json` into the folder it is given, and returns what that says but the version
            and the hashes.

    Returns:
        the bundle, read back.
    """
    with atomic_folder(folder) as part:
        told = fill(part)
        files = sorted(path for path in part.rglob("*") if path.is_file())
        hashes = {path.relative_to(part).as_posix(): fingerprint.of_file(path) for path in files}
        contents = Contents.model_validate(told | {"version": VERSION, "hashes": hashes})
        (part / BUNDLE_FILE).write_text(contents.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for name in _foreign(folder):
            if not (part / name).exists():
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / name, part / name)
    return Bundle(folder)


def _foreign(folder: Path) -> list[str]:
    """Files in a bundle that its list does not have; none where there is no list to go by."""
    try:
        own = json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))["hashes"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return sorted(names - {BUNDLE_FILE, CARD_FILE, *own})
