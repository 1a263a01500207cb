"""What is written beside the table for one file: an overlay, and answers that a PACS or a record system takes."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from pneumo_utils.deployment.answers import dicom_answers, fhir_answers, heat_map_overlays
from pneumo_utils.deployment.answers.algorithm import Algorithm
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.radiograph_reading import Radiograph
from pneumo_utils.deployment.scores import SCORED, Score
from pneumo_utils.imaging.image_files import ImageError
from pneumo_utils.records.atomic import alone

NO_PNG = "no heat map as PNG: text is burned into the picture, and may tell who the patient is"
_NEEDS = {"heatmaps": {"tensorflow": "cpu"}, "dicom-out": {"tensorflow": "cpu", "highdicom": "dicom"}}  # and the extra


class MissingPackageError(ValueError):
    """What is wanted needs a package that is not installed."""


class AnswerFiles:
    """Writes the files that were asked for, one at a time: other processes may fill the same folders.

    Args:
        bundle: that answers.
        how: the engine and what else changes an answer, as `scoring.engine_label` says it.
        folders: by a key of `scores.ANSWER_FILES`; None: not wanted.
    """

    def __init__(self, bundle: Bundle, how: str, folders: Mapping[str, Path | None]):
        self.missing = 0  # DICOM answers that could not be written
        self._folders = {kind: folder for kind, folder in folders.items() if folder is not None}
        # Another bundle, engine or limit of age gives other answers: none of these is taken for one of those.
        self._whose = hashlib.sha256(f"{bundle.digest}, {how}".encode()).hexdigest()[:8]
        told = bundle.contents
        self._algorithm = Algorithm(
            name=f"{told.title} ({told.model})", version=f"{told.created} {bundle.digest[:12]}",
            digest=bundle.digest, threshold=told.operating_point.threshold, how=how,
            heat_map=told.heat_map,
        )  # fmt: skip
        drawn = self._folders.keys() & {"heatmaps", "dicom-out"}
        self._maps = heat_map_overlays.HeatMaps(bundle) if drawn else None
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def need_whole(self) -> bool:
        """Whether radiographs are needed in their own shape, and DICOM files with all their bytes."""
        return self._maps is not None

    def are_there(self, sha256: str, status: str, flags: str, is_dicom: bool) -> bool:
        """Whether an earlier run has written all that is wanted for the file with this hash.

        Args:
            sha256: of the file.
            status: in its row.
            flags: likewise, as text.
            is_dicom: whether it is a DICOM file.
        """
        places = [self._place("fhir-out", sha256, ".json")] if "fhir-out" in self._folders else []
        if status == SCORED and "heatmaps" in self._folders and NO_PNG not in flags:
            places.append(self._place("heatmaps", sha256, ".png"))
        there = all(place.is_file() for place in places)
        if status == SCORED and is_dicom and "dicom-out" in self._folders:
            there = there and dicom_answers.are_whole(self._place("dicom-out", sha256))
        return there

    def write(self, score: Score, radiograph: Radiograph) -> Score:
        """Write what is wanted for one file.

        Returns:
            the score, with a remark where an answer could not be written.
        """
        if score.status == SCORED and self._maps is not None:
            score = self._draw(score, radiograph)
        if "fhir-out" in self._folders and score.sha256:
            where = {"view": radiograph.view, "study_uid": radiograph.study_uid}
            with self._alone("fhir-out"):
                fhir_answers.write(score, self._algorithm, self._place("fhir-out", score.sha256, ".json"), **where)
        return score

    def _draw(self, score: Score, radiograph: Radiograph) -> Score:
        wanted = "heatmaps" in self._folders
        withheld = wanted and radiograph.burned_in  # from a PNG alone: a DICOM answer names the patient anyway
        as_dicom = "dicom-out" in self._folders and radiograph.dicom is not None
        if as_dicom or (wanted and not withheld):
            overlay = heat_map_overlays.lay_over(radiograph.whole, self._maps.draw_map(radiograph.picture))
            if wanted and not withheld:
                with self._alone("heatmaps"):
                    heat_map_overlays.write(overlay, self._place("heatmaps", score.sha256, ".png"))
            if as_dicom:
                score = self._answer_in_dicom(score, radiograph.dicom, overlay)
        return replace(score, flags=(*score.flags, NO_PNG)) if withheld else score

    def _answer_in_dicom(self, score: Score, source: bytes, overlay: np.ndarray) -> Score:
        place = self._place("dicom-out", score.sha256)
        try:
            with self._alone("dicom-out"):
                dicom_answers.write(source, score, overlay, self._algorithm, place)
        except (dicom_answers.AnswerError, ImageError) as error:  # an element that scoring did not look at is damaged
            self.missing += 1
            with suppress(OSError):  # what was begun of another answer stays
                place.rmdir()
            return replace(score, flags=(*score.flags, f"no DICOM answer: {error}"))
        return score

    def _alone(self, kind: str) -> AbstractContextManager[None]:
        """By a lock in the folder: the one above it may be nobody's to write to, as where a volume is mounted."""
        return alone(self._folders[kind] / "answers")

    def _place(self, kind: str, sha256: str, ending: str = "") -> Path:
        """Named by the file's hash: its own name may tell the patient's, and two folders may hold the same."""
        return self._folders[kind] / f"{sha256[:16]}-{self._whose}{ending}"


def check(wanted: Mapping[str, Path]) -> None:
    """Whether answers of these kinds can be written here.

    Args:
        wanted: folder of each, by a key of `scores.ANSWER_FILES`.

    Raises:
        MissingPackageError: a package is not installed.
        NotADirectoryError: something else than a folder has that name.
        PermissionError: the folder, or the one that it would be made in, cannot be written to.
    """
    for kind, folder in wanted.items():
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"{kind} must be a folder, got the file {folder}")
        place = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        if not os.access(place, os.W_OK):
            raise PermissionError(f"{kind} must be a folder that can be written to, got {place}")
        for package, extra in _NEEDS.get(kind, {}).items():
            if importlib.util.find_spec(package) is None:
                rule = f"{package} must be installed for --{kind} (pip install 'pneumo-utils[{extra}]')"
                raise MissingPackageError(f"{rule}, got no such package")
