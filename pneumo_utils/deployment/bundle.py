"""The model bundle: one folder that holds all that scoring needs, and can be copied anywhere.

`bundle.json` names every other file with its SHA-256, and says how pictures are prepared, how the networks' answers are
averaged, and which decisions follow; `bundle.schema.json` is its schema. The model card, which is written last, has its
hash in a file beside it. Nothing of the study's tables or parameter files is needed any more.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from pneumo_utils.deployment import bundle_contents
from pneumo_utils.deployment.bundle_contents import VERSION, Contents
from pneumo_utils.deployment.decision import Decision
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.imaging import lung_fields
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import atomic_folder, atomic_write
from pneumo_utils.records.bundle_names import BUNDLE_FILE, CARD_FILE, CARD_HASH_FILE, LUNGS_FILE, SCHEMA_FILE
from pneumo_utils.records.vocabulary import ENGINES

# Bundles of version 1 hold no lung finder: they were made with the one of this SHA-256.
_FIRST_LUNGS = "570687bf315ee1a11b8830de2e757d986cd8f2719d7d41ec48ab19c256a411ff"


class BundleError(ValueError):
    """A folder that is no bundle, or one that is damaged or too new."""


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

    def open_gate(self) -> Gate:
        """The gate, with the lung finder that it was fitted with.

        Raises:
            BundleError: a file is missing or altered, or the bundle is too old to bring the lung finder.
        """
        finder = lung_fields.read(self.lungs_file())
        with np.load(self.file("gate.npz")) as arrays:
            return Gate.of(dict(arrays), finder)

    def lungs_file(self) -> Path:
        """The weights of the lung finder: its own, or of a bundle of version 1 those of this package, if they are the
        same.

        Raises:
            BundleError: they are missing, altered, or others.
        """
        if self.contents.version > 1:
            return self.file(LUNGS_FILE)
        if (found := fingerprint.of_file(lung_fields.WEIGHTS)) != _FIRST_LUNGS:
            rule = f"lung finder of a bundle of version 1 must have SHA-256 {_FIRST_LUNGS[:12]}"
            raise BundleError(f"{rule}, got {found[:12]} in this package: run the study of {self.folder} again")
        return lung_fields.WEIGHTS

    @property
    def card(self) -> str | None:
        """The text of its model card; None while the study that wrote it is not finished, or without the hash beside.

        Raises:
            BundleError: the card is altered.
        """
        path, beside = self.folder / CARD_FILE, self.folder / CARD_HASH_FILE
        if not (path.is_file() and beside.is_file()):
            return None
        text = path.read_bytes()
        if hashlib.sha256(text).hexdigest() != (wanted := beside.read_text(encoding="utf-8")[:64]):
            rule = f"{CARD_FILE} of the bundle must have SHA-256 {wanted[:12]}, as {CARD_HASH_FILE} says"
            raise BundleError(f"{rule}, got {hashlib.sha256(text).hexdigest()[:12]}: copy {self.folder} anew")
        return text.decode("utf-8")

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
        contents = Contents.model_validate(told)
        if contents.seal not in ("", found := bundle_contents.seal_of(told)):
            raise BundleError(
                f"{path} must be as it was written ({contents.seal[:12]}), got {found[:12]}: copy it anew"
            )
        return contents
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
        fill: puts all files but `bundle.json`, its schema and the lung finder into the folder it is given, and returns
            what `bundle.json` says but the version and the hashes.

    Returns:
        the bundle, read back.
    """
    with atomic_folder(folder) as part:
        told = fill(part)
        shutil.copyfile(lung_fields.WEIGHTS, part / LUNGS_FILE)
        (part / SCHEMA_FILE).write_text(bundle_contents.schema(), encoding="utf-8")
        files = sorted(path for path in part.rglob("*") if path.is_file())
        hashes = {path.relative_to(part).as_posix(): fingerprint.of_file(path) for path in files}
        contents = Contents.model_validate(told | {"version": VERSION, "hashes": hashes}).model_dump(mode="json")
        sealed = contents | {"seal": bundle_contents.seal_of(contents)}
        (part / BUNDLE_FILE).write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")
        for name in _foreign(folder):
            if not (part / name).exists():
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / name, part / name)
    return Bundle(folder)


def write_card(folder: Path, text: str) -> None:
    """Write the model card of a bundle, and its hash as `sha256sum` takes it; between the two there is no card.

    Args:
        folder: of the bundle.
        text: of the card, Markdown.
    """
    (folder / CARD_HASH_FILE).unlink(missing_ok=True)
    with atomic_write(folder / CARD_FILE) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    with atomic_write(folder / CARD_HASH_FILE) as part:
        part.write_text(f"{fingerprint.of_file(folder / CARD_FILE)}  {CARD_FILE}\n", encoding="utf-8", newline="\n")


def _foreign(folder: Path) -> list[str]:
    """Files in a bundle that its list does not have; none where there is no list to go by."""
    try:
        own = json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))["hashes"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return sorted(names - {BUNDLE_FILE, CARD_FILE, CARD_HASH_FILE, *own})
