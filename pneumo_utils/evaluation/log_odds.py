"""Log-odds of probabilities. A room of its own: networks average them, and rules of evaluation train nothing."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

LOGIT_CLIP = 1e-7  # calibration: p in [1e-7, 1 - 1e-7], where a float32 sigmoid saturates, or its logit is infinite


def logits(probability: np.ndarray | float) -> np.ndarray:
    """Log-odds of probabilities in [0, 1], any shape, that are first kept `LOGIT_CLIP` from 0 and 1."""
    return logit(np.clip(probability, LOGIT_CLIP, 1 - LOGIT_CLIP))
