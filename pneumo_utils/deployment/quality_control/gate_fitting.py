"""How the gate learns what the study's radiographs look like, and where its limits lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pneumo_utils.deployment.quality_control import changed_radiographs, gate, picture_remarks, picture_statistics
from pneumo_utils.deployment.quality_control.gate import Gate, GateError
from pneumo_utils.deployment.quality_control.picture_kinds import KindClassifier
from pneumo_utils.deployment.quality_control.picture_remarks import Usual
from pneumo_utils.deployment.quality_control.principal_distance import PrincipalDistance
from pneumo_utils.deployment.quality_control.rarity import Rarity, choose_limit

FEWEST = 20  # pictures to learn from, and held out: with fewer there is no tail to speak of
_PICTURES = 1000  # of the training set, at most, whose greys and edges are learned
_VARIATIONS = 2  # mild ones of each picture held out


def fit(
    train: np.ndarray,
    features: np.ndarray,
    held_out: np.ndarray,
    held_out_features: np.ndarray,
    false_alarms: float = 0.02,
    seed: int = 0,
    varied_features: np.ndarray | None = None,
) -> Gate:
    """Learn what the study's radiographs look like, and set the limits on those held out.

    Half of the false alarms allowed may be spent before the network runs, and all of them on pictures held out that
    were changed mildly (`changed_radiographs.vary_mildly`); what is left is spent on the features. Of m pictures held
    out so many may lie beyond the limits that a new one like them is refused with about the chance asked for. Where m
    is too small for that (below 1 / `false_alarms`), limits lie beyond the rarest, as far as an exponential tail needs.

    Args:
        train: uint8 (n, s, s), of the training set, n at least `FEWEST`.
        features: float (n, d), what the network made of them.
        held_out: uint8 (m, s, s), of the validation set, m at least `FEWEST`; never of the test set.
        held_out_features: float (m, d).
        false_alarms: share of the study's own radiographs that all checks together may refuse, in (0, 1).
        seed: of variations and drawn pictures, at least 0.
        varied_features: float (k, d), of pictures held out that were changed mildly; given, their features are refused
            no more often than `false_alarms` either, and without them a framed or turned radiograph may be.

    Raises:
        GateError: an argument breaks its rule.
    """
    _check(train, features, held_out, held_out_features, false_alarms)
    generator = np.random.default_rng([seed, 0])
    chosen = train[generator.permutation(len(train))[:_PICTURES]]
    train, plain = (np.stack([picture_statistics.shrink(one) for one in part]) for part in (chosen, held_out))
    kinds = KindClassifier.fit(train, seed)
    upright = np.stack([changed_radiographs.vary_mildly(one, generator) for one in train])
    pictures = PrincipalDistance.fit(gate.describe(np.concatenate([train, upright])))
    noise = [picture_statistics.measure_noise(one) for one in held_out]
    rarities, rare, before, usual = _calibrate(kinds, pictures, plain, noise, false_alarms, generator)
    known = PrincipalDistance.fit(features)
    distance = gate.log_distance(known, held_out_features)
    far = Rarity.fit(distance)
    after = choose_limit(np.where(rare > before, np.inf, far.rate(distance)), false_alarms)
    if varied_features is not None:
        after = max(after, choose_limit(far.rate(gate.log_distance(known, varied_features)), false_alarms))
    return Gate(kinds, pictures, known, (*rarities, far), np.array([before, after]), usual)


def _calibrate(
    kinds: KindClassifier,
    pictures: PrincipalDistance,
    plain: np.ndarray,
    noise: Sequence[float],
    false_alarms: float,
    generator: np.random.Generator,
) -> tuple[list[Rarity], np.ndarray, float, Usual]:
    """Tails of `CHECKS`, how rare each picture held out is, float (m,), the limit before the network, what is usual."""
    m = len(plain)
    varied = [changed_radiographs.vary_mildly(one, generator) for _ in range(_VARIATIONS) for one in plain]
    every = np.concatenate([plain, varied])
    lungs = [picture_statistics.find_lungs(one) for one in every]
    values, _ = gate.measure(kinds, pictures, every, lungs)
    rarities = [Rarity.fit(column) for column in values.T]
    rare = gate.rate(rarities, values).max(axis=1)
    exposures = [picture_statistics.measure_exposure(one) for one in plain]
    usual = Usual.fit(exposures, lungs[:m], noise)
    unseen = np.array([picture_remarks.find_unseen(one) != "" for one in exposures])
    rare[:m][unseen | [picture_remarks.find_noisy(usual, one) != "" for one in noise]] = np.inf
    before = max(choose_limit(rare[:m], false_alarms / 2), choose_limit(rare[m:], false_alarms))
    return rarities, rare[:m], before, usual


def _check(
    train: np.ndarray, features: np.ndarray, held_out: np.ndarray, held_out_features: np.ndarray, false_alarms: float
) -> None:
    for name, part, known in (("train", train, features), ("held_out", held_out, held_out_features)):
        if len(part) < FEWEST:
            raise GateError(f"{name} must hold at least {FEWEST} pictures, got {len(part)}")
        if len(part) != len(known):
            raise GateError(f"features of {name} must be as many as its {len(part)} pictures, got {len(known)}")
    if not 0 < false_alarms < 1:
        raise GateError(f"false_alarms must be in (0, 1), got {false_alarms}")
