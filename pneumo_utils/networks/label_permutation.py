"""A network that knows labels by heart which mean nothing: what its heat maps show cannot be disease.

The label randomisation of Adebayo et al. 2018 (arXiv:1810.03292): a map that looks the same for such a network is
drawn by the architecture and the picture. It only tells anything if the network has learned its labels, so it is
trained on few pictures, always the same and without variations. Its AUC is of those pictures; its maps are of the
radiographs that every network is asked about. Pictures of another size than it was trained on it would not know again,
so it is trained at the size at which maps are drawn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.auc import auc_with_interval
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import optimisation
from pneumo_utils.networks.replicates import Recipe

_PICTURES, _EPOCHS = 96, 24


def choose_rows(splits: pd.DataFrame, seed: int) -> np.ndarray:
    """Rows of at most `_PICTURES` training pictures, half of each class as far as there are enough: int (k,)."""
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(splits["split"] == "train"))
    label = splits["label"].to_numpy()[drawn]
    return np.concatenate([drawn[label == one][: _PICTURES // 2] for one in (0, 1)])


def permute_labels(splits: pd.DataFrame, chosen: np.ndarray, seed: int) -> pd.DataFrame:
    """Contract `splits` of the pictures in rows `chosen` with permuted labels, once to train and once to validate on.

    Args:
        splits: contract `splits` of the study.
        chosen: of `choose_rows`.
        seed: of the shuffling.

    Returns:
        (2 k, ...) rows: first all as `train`, then the same as `validation`.
    """
    own = splits.iloc[chosen]
    own = own.assign(label=np.random.default_rng(seed).permutation(own["label"].to_numpy()))
    return pd.concat([own.assign(split=split) for split in ("train", "validation")], ignore_index=True)


def memorising_recipe(of: Recipe) -> Recipe:
    """The recipe of a network that learns by heart: end to end, without anything that would keep it from doing so.

    Its pictures are few, so that larger ones cost little.

    Args:
        of: the recipe of its model in the study; the rate is that of its phase end to end, or what it would be.
    """
    hardest = {"weight_decay": 0.0, "label_smoothing": 0.0, "ema_momentum": 0.0, "logit_penalty": 0.0}
    settings = replace(of.settings, patience=_EPOCHS, frozen_blocks=0, cached_views=1, test_views=1, **hardest)
    settings, seen = replace(settings, test_image_size=0), of.settings.test_image_size or of.image_size
    # rates of the head are far too high for a whole network, those of the top block may be too low
    rates = [phase.learning_rate for phase in of.phases if phase.name == "end_to_end"] or [of.end_to_end_learning_rate]
    phases = (optimisation.Phase("end_to_end", _EPOCHS, rates[-1]),)
    return replace(of, image_size=seen, phases=phases, settings=settings, augmentation=Augmentation(), dropout=0.0)


def measure_auc(answers: pd.DataFrame) -> float:
    """AUC, in [0, 1], of what the kept network says of the pictures and labels that it was to learn by heart.

    Args:
        answers: contract `predictions` of that network.
    """
    return auc_with_interval(*(answers[name].to_numpy() for name in ("label", "probability", "patient")))[0]
