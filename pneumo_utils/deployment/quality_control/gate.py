"""Whether a picture may be scored at all: is it like the radiographs that the network was trained on?

Several checks, one decision. What each check measures is turned into how rare it is among radiographs held out from
training, and a picture is refused where any of them is rarer than a limit. The limits are chosen for all checks
together, so that of the study's own radiographs about a given share or less is refused (after split conformal: Vovk et
al. 2005, doi:10.1007/b106715; Bates et al. 2023, doi:10.1214/22-AOS2244). It is approximate: tails are fitted to the
pictures whose ranks then set the limits, and a patient may have several. Page 07 measures it on the test part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from pneumo_utils.deployment.quality_control import (
    changed_radiographs,
    picture_kinds,
    picture_remarks,
    picture_statistics,
)
from pneumo_utils.deployment.quality_control.picture_kinds import KindClassifier
from pneumo_utils.deployment.quality_control.picture_remarks import Usual
from pneumo_utils.deployment.quality_control.picture_statistics import Lungs
from pneumo_utils.deployment.quality_control.principal_distance import PrincipalDistance
from pneumo_utils.deployment.quality_control.rarity import Rarity, choose_limit
from pneumo_utils.imaging import lung_fields

FEWEST = 20  # pictures to learn from, and held out: with fewer there is no tail to speak of
CHECKS = ("kind", "distance", "lungs")  # before the network
_PICTURES = 1000  # of the training set, at most, whose greys and edges are learned
# By how much rarer lungs must be to be refused: a white lung is a sick child, and other checks find what has none.
_EASE = np.array([0.0, 0.0, np.log(4)])
_VARIATIONS = 2  # mild ones of each picture held out
_LEAST_AREA = 0.005  # added to the area of the lungs before its logarithm is taken
_NEAR = 0.8  # of the limit: rarer than this is told


class GateError(ValueError):
    """Too little, or nothing fit, to learn the gate from."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a picture."""

    refused: str = ""  # why no number may be given, one sentence; "" where it may
    flags: tuple[str, ...] = ()  # remarks
    check: str = ""  # which check refused: "exposure", one of `CHECKS`, or "features"


@dataclass(frozen=True)
class Gate:
    """All that decides whether a picture may be scored; made by `fit`."""

    kinds: KindClassifier
    pictures: PrincipalDistance
    features: PrincipalDistance
    rarities: tuple[Rarity, ...]  # of `CHECKS`, then of the network's features
    limits: np.ndarray  # float (2,): largest rarity before the network, and after it
    usual: Usual
    finder: lung_fields.Weights | None = field(default=None, compare=False)  # of the lungs; None: of this package

    def look(self, picture: np.ndarray) -> Verdict:
        """Judge a picture before the network runs.

        Args:
            picture: uint8 (s, s), squashed to a square as the study stores it.
        """
        small = picture_statistics.shrink(picture)
        exposure = picture_statistics.measure_exposure(small)
        lungs = picture_statistics.find_lungs(small, self.finder)
        if hidden := picture_remarks.find_unseen(exposure):
            return Verdict(hidden, check="exposure")
        values, kinds = _measure(self.kinds, self.pictures, small[None], [lungs])
        rare = _rate(self.rarities, values)[0]
        flags = picture_remarks.remark(self.usual, exposure, lungs, picture_statistics.measure_frame(small))
        if not (rare <= self.limits[0]).all():  # what is no number is no radiograph, either
            check = CHECKS[int(np.argmax(~(rare <= self.limits[0])))]
            return Verdict(self._reason(check, values[0], kinds[0], lungs), flags, check)
        if rare.max() > _NEAR * self.limits[0]:
            flags += ("unusual among the radiographs of the study, but not enough to be refused",)
        return Verdict("", flags)

    def look_at_features(self, features: np.ndarray) -> Verdict:
        """Judge what the network makes of a picture.

        Args:
            features: float (d,), of the same layer, network and test views as those the gate was made from.

        Raises:
            GateError: another number of features.
        """
        if features.shape != self.features.mean.shape:
            raise GateError(f"features must be of shape {self.features.mean.shape}, got {features.shape}")
        value = float(_log_distance(self.features, features[None])[0])
        if not self.rarities[-1].rate(value) <= self.limits[1]:
            return Verdict(self._far(value, self.rarities[-1].value(self.limits[1])), check="features")
        return Verdict()

    def _reason(self, check: str, values: np.ndarray, kinds: np.ndarray, lungs: Lungs) -> str:
        n = CHECKS.index(check)
        limit = self.rarities[n].value(self.limits[0] + _EASE[n])
        if check == "kind":
            return picture_kinds.ADVICE[1 + int(np.argmax(kinds[1:]))]
        if check == "lungs":
            least = _lung_area(limit)
            return f"no lungs found: they must fill at least {least:.1%} of the picture, got {lungs.area:.1%}"
        return "the picture " + self._far(values[n], limit)

    @staticmethod
    def _far(value: float, limit: float) -> str:
        """Distances are kept as logarithms."""
        return (
            "is too far from the chest radiographs that this network knows: distance at most "
            f"{np.exp(limit):.2f}, got {np.exp(value):.2f}"
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is known as arrays that `numpy.savez` keeps without pickle."""
        return (
            self.kinds.arrays() | self.pictures.arrays("pictures") | self.features.arrays("features")
            | {"rarities": np.array([one.row() for one in self.rarities]), "limits": self.limits}
            | {f"usual.{one.name}": np.asarray(getattr(self.usual, one.name)) for one in fields(Usual)}
        )  # fmt: skip

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], finder: lung_fields.Weights | None = None) -> Gate:
        """The gate that gave these arrays, with a lung finder: the one that was there when it was fitted.

        Raises:
            GateError: an array is missing.
        """
        try:
            return cls(
                KindClassifier.of(arrays),
                *(PrincipalDistance.of(arrays, name) for name in ("pictures", "features")),
                tuple(Rarity(*map(float, row)) for row in arrays["rarities"]),
                arrays["limits"],
                Usual(arrays["usual.mean"], float(arrays["usual.contrast"]), float(arrays["usual.edge"])),
                finder,
            )
        except KeyError as error:
            raise GateError(f"arrays must hold all that the gate knows, got none named {error}") from error


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
    pictures = PrincipalDistance.fit(_describe(np.concatenate([train, upright])))
    rarities, rare, before, usual = _calibrate(kinds, pictures, plain, false_alarms, generator)
    known = PrincipalDistance.fit(features)
    distance = _log_distance(known, held_out_features)
    far = Rarity.fit(distance)
    after = choose_limit(np.where(rare > before, np.inf, far.rate(distance)), false_alarms)
    if varied_features is not None:
        after = max(after, choose_limit(far.rate(_log_distance(known, varied_features)), false_alarms))
    return Gate(kinds, pictures, known, (*rarities, far), np.array([before, after]), usual)


def _calibrate(
    kinds: KindClassifier,
    pictures: PrincipalDistance,
    plain: np.ndarray,
    false_alarms: float,
    generator: np.random.Generator,
) -> tuple[list[Rarity], np.ndarray, float, Usual]:
    """Tails of `CHECKS`, how rare each picture held out is, float (m,), the limit before the network, what is usual."""
    m = len(plain)
    varied = [changed_radiographs.vary_mildly(one, generator) for _ in range(_VARIATIONS) for one in plain]
    every = np.concatenate([plain, varied])
    lungs = [picture_statistics.find_lungs(one) for one in every]
    values, _ = _measure(kinds, pictures, every, lungs)
    rarities = [Rarity.fit(column) for column in values.T]
    rare = _rate(rarities, values).max(axis=1)
    exposures = [picture_statistics.measure_exposure(one) for one in plain]
    rare[:m][[picture_remarks.find_unseen(one) != "" for one in exposures]] = np.inf
    before = max(choose_limit(rare[:m], false_alarms / 2), choose_limit(rare[m:], false_alarms))
    return rarities, rare[:m], before, Usual.fit(exposures, lungs[:m])


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


def _describe(small: np.ndarray) -> np.ndarray:
    return np.stack([picture_statistics.describe(one) for one in small])


def _measure(
    kinds: KindClassifier, pictures: PrincipalDistance, small: np.ndarray, lungs: Sequence[Lungs]
) -> tuple[np.ndarray, np.ndarray]:
    """What each of `CHECKS` measures, float (n, checks), the larger the less like a radiograph; then the
    logarithms of the probabilities of kinds, float (n, kinds).
    """
    described = _describe(small)
    of_kinds = kinds.log_probabilities(described)
    little = [-np.log(one.area + _LEAST_AREA) for one in lungs]
    return np.column_stack([picture_kinds.doubt(of_kinds), _log_distance(pictures, described), little]), of_kinds


def _rate(rarities: Sequence[Rarity], values: np.ndarray) -> np.ndarray:
    """How rare each value is, float (n, checks)."""
    return np.column_stack([one.rate(part) for one, part in zip(rarities, values.T, strict=False)]) - _EASE


def _lung_area(little: float) -> float:
    return max(float(np.exp(-little)) - _LEAST_AREA, 0.0)


def _log_distance(known: PrincipalDistance, rows: np.ndarray) -> np.ndarray:
    return np.log(known.measure(rows) + 1e-9)
