"""From a probability to a decision: the frozen operating point, the referral band and the calibration of a bundle.

The same formulas as in `evaluation.referral` and `evaluation.calibration`, for one picture and without pandas: whoever
scores a single radiograph should not wait a second for it. A test holds both together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CLIP = 1e-7  # as `evaluation.log_odds.LOGIT_CLIP`


@dataclass(frozen=True)
class Decision:
    """What was frozen on validation."""

    threshold: float  # a probability at or above it is called pneumonia
    band: float  # in logits: what lies nearer to the threshold is left to a human; infinity: everything
    slope: float  # of Platt scaling
    intercept: float

    def decide(self, probability: float) -> str:
        """`pneumonia` or `normal`, for a probability in [0, 1]."""
        return "pneumonia" if probability >= self.threshold else "normal"

    def unsure(self, probability: float) -> bool:
        """Whether a probability in [0, 1] lies inside the referral band."""
        return abs(_logit(probability) - _logit(self.threshold)) < self.band

    def referral_range(self) -> tuple[float, float]:
        """Smallest and largest probability, in [0, 1], between which the referral band lies."""
        centre = _logit(self.threshold)
        return _sigmoid(centre - self.band), _sigmoid(centre + self.band)

    def calibrate(self, probability: float) -> float:
        """The calibrated probability, in (0, 1), for one in [0, 1]."""
        odds = self.slope * _logit(probability) + self.intercept
        return min(max(_sigmoid(odds), CLIP), 1 - CLIP)


def _logit(probability: float) -> float:
    kept = min(max(probability, CLIP), 1 - CLIP)
    return math.log(kept / (1 - kept))


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
