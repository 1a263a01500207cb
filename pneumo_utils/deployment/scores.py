"""What is answered for one file, and how an answer becomes a row."""

from __future__ import annotations

from dataclasses import dataclass

SCORED, REFUSED = "scored", "refused"
TERMINAL = "-"  # in place of a file
ANSWER_FILES = {  # that may be written beside the table
    "heatmaps": "folder for overlays: the heat map laid over each radiograph that is scored, PNG; none where a "
    "DICOM header says that text is burned into the picture",
    "dicom-out": "folder for DICOM answers: a structured report and a secondary capture for each DICOM file scored; "
    "the exit code is 3 where one could not be written",
    "fhir-out": "folder for FHIR answers: a DiagnosticReport with its Observation for each file, JSON",
}
_DIGITS = 9  # of a probability: more than a float32 holds


@dataclass(frozen=True)
class Score:
    """The answer for one file: a probability and what follows from it, or why there is none."""

    path: str  # as it was given
    sha256: str  # of the file, 64 hex digits; empty where it could not be read
    status: str  # `SCORED` or `REFUSED`
    probability: float | None = None  # of the network, as in the study's table `predictions`
    calibrated: float | None = None  # after Platt scaling that was fitted on validation
    decision: str = ""  # pneumonia or normal, at the frozen operating point; empty where refused
    unsure: bool | None = None  # inside the referral band: leave it to a human
    flags: tuple[str, ...] = ()  # remarks on quality, short sentences, no patient data
    reason: str = ""  # why it was refused, one sentence

    def as_row(self) -> dict[str, str]:
        """By column, as text."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "status": self.status,
            "probability": _number(self.probability),
            "calibrated": _number(self.calibrated),
            "decision": self.decision,
            "unsure": "" if self.unsure is None else str(self.unsure).lower(),
            "flags": "; ".join(self.flags),
            "reason": self.reason,
        }

    def as_json(self) -> dict:
        """By column, with the kinds of JSON; what is not there is null."""
        return {
            "path": self.path,
            "sha256": self.sha256 or None,
            "status": self.status,
            "probability": None if self.probability is None else float(_number(self.probability)),
            "calibrated": None if self.calibrated is None else float(_number(self.calibrated)),
            "decision": self.decision or None,
            "unsure": self.unsure,
            "flags": list(self.flags),
            "reason": self.reason or None,
        }


def refuse(path: str, reason: str, sha256: str = "", flags: tuple[str, ...] = ()) -> Score:
    """The answer for a file that is not scored."""
    return Score(path, sha256, REFUSED, flags=flags, reason=" ".join(reason.split()))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DIGITS}f}"
