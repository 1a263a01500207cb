"""What is written beside the table for one file: an overlay, and answers that a PACS or a record system takes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from pneumo_utils.deployment.answers import dicom_answers, fhir_answers, heat_map_overlays
from pneumo_utils.deployment.answers.dicom_report import Algorithm
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.radiograph_reading import Radiograph
from pneumo_utils.deployment.scores import SCORED, Score
from pneumo_utils.imaging import dicom_files
from pneumo_utils.records.atomic import alone


class AnswerFiles:
    """Writes the files that were asked for.

    Args:
        bundle: that answers.
        folders: by a key of `scores.ANSWER_FILES`; None: not wanted.
        beside: whether other processes fill the same folders: of two files with the same content, each may have one.
    """

    def __init__(self, bundle: Bundle, folders: Mapping[str, Path | None], beside: bool = False):
        self._beside, self.missing = beside, 0  # DICOM answers that could not be written
        self._folders = {kind: folder for kind, folder in folders.items() if folder is not None}
        told = bundle.contents
        self._algorithm = Algorithm(
            name=f"{told.title} ({told.model})", version=f"{told.created} {bundle.digest[:12]}",
            digest=bundle.digest, threshold=told.operating_point.threshold,
        )  # fmt: skip
        drawn = self._folders.keys() & {"heatmaps", "dicom-out"}
        self._maps = heat_map_overlays.HeatMaps(bundle) if drawn else None
        for folder in self._folders.values():
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def wanted(self) -> bool:
        """Whether anything is: radiographs are then needed in their own shape, and DICOM files whole."""
        return bool(self._folders)

    def are_there(self, sha256: str, status: str, is_dicom: bool) -> bool:
        """Whether an earlier run has written all that is wanted for the file with this hash."""
        places = [fhir_answers.place(self._folders["fhir-out"], sha256)] if "fhir-out" in self._folders else []
        if status == SCORED and "heatmaps" in self._folders:
            places.append(self._overlay_file(sha256))
        if status == SCORED and is_dicom and "dicom-out" in self._folders:
            places.append(self._dicom_folder(sha256))
        return all(place.exists() for place in places)

    def write(self, score: Score, radiograph: Radiograph) -> Score:
        """Write what is wanted for one file.

        Returns:
            the score, with a remark where an answer could not be written.
        """
        if score.status == SCORED and self._maps is not None:
            score = self._draw(score, radiograph)
        if "fhir-out" in self._folders and score.sha256:
            where = {"view": radiograph.view}
            if radiograph.dicom is not None:
                where["study_uid"] = dicom_files.read_reference(radiograph.dicom).study
            with self._alone("fhir-out"):
                fhir_answers.write(score, self._algorithm, self._folders["fhir-out"], **where)
        return score

    def _alone(self, kind: str) -> AbstractContextManager:
        return alone(self._folders[kind]) if self._beside else nullcontext()

    def _draw(self, score: Score, radiograph: Radiograph) -> Score:
        overlay = heat_map_overlays.lay_over(radiograph.whole, self._maps.draw_map(radiograph.picture))
        if "heatmaps" in self._folders:
            with self._alone("heatmaps"):
                heat_map_overlays.write(overlay, self._overlay_file(score.sha256))
        if "dicom-out" not in self._folders or radiograph.dicom is None:
            return score
        try:
            with self._alone("dicom-out"):
                dicom_answers.write(radiograph.dicom, score, overlay, self._algorithm, self._dicom_folder(score.sha256))
        except dicom_answers.AnswerError as error:
            self.missing += 1
            return replace(score, flags=(*score.flags, f"no DICOM answer: {error}"))
        return score

    def _overlay_file(self, sha256: str) -> Path:
        """Named by its hash: a file's own name may tell the patient's, and two folders may hold the same."""
        return self._folders["heatmaps"] / f"{sha256[:16]}.png"

    def _dicom_folder(self, sha256: str) -> Path:
        return self._folders["dicom-out"] / sha256[:16]
