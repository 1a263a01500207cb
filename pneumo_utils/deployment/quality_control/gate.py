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
    picture_kinds,
    picture_remarks,
    picture_statistics,
)
from pneumo_utils.deployment.quality_control.picture_kinds import KindClassifier
from pneumo_utils.deployment.quality_control.picture_remarks import Usual
from pneumo_utils.deployment.quality_control.picture_statistics import Lungs
from pneumo_utils.deployment.quality_control.principal_distance import PrincipalDistance
from pneumo_utils.deployment.quality_control.rarity import Rarity
from pneumo_utils.imaging import lung_fields

CHECKS = ("kind", "distance", "lungs")  # before the network
# By how much rarer lungs must be to be refused: a white lung is a sick child, and other checks find what has none.
_EASE = np.array([0.0, 0.0, np.log(4)])
_LEAST_AREA = 0.005  # added to the area of the lungs before its logarithm is taken
_NOISE_BEFORE = np.array([0.0, 4.0])  # is usual to a gate from before noise was looked at: half of what is refused
_NEAR = 0.8  # of the limit: rarer than this is told


class GateError(ValueError):
    """The gate cannot be used, or learned, from what it is given."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a picture."""

    refused: str = ""  # why no number may be given, one sentence; "" where it may
    flags: tuple[str, ...] = ()  # remarks
    check: str = ""  # which check refused: "exposure", "noise", "shades", one of `CHECKS`, or "features"


@dataclass(frozen=True)
class Gate:
    """All that decides whether a picture may be scored; made by `gate_fitting.fit`."""

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
        frame, noise = picture_statistics.measure_frame(small), picture_statistics.measure_noise(picture)
        if hidden := picture_remarks.find_unseen(exposure):
            return Verdict(hidden, check="exposure")
        if noisy := picture_remarks.find_noisy(self.usual, noise):
            return Verdict(noisy, check="noise")
        if poor := picture_remarks.find_poor(picture_statistics.measure_shades(picture)):
            return Verdict(poor, check="shades")
        lungs = picture_statistics.find_lungs(small, self.finder)
        values, kinds = measure(self.kinds, self.pictures, small[None], [lungs])
        rare = rate(self.rarities, values)[0]
        flags = picture_remarks.remark(self.usual, exposure, lungs, frame, noise)
        if not (rare <= self.limits[0]).all():  # what is no number is no radiograph, either
            check = CHECKS[int(np.argmax(~(rare <= self.limits[0])))]
            reason = self._reason(check, values[0], kinds[0], lungs)
            return Verdict(reason + picture_remarks.blame_frame(frame), flags, check)
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
        value = float(log_distance(self.features, features[None])[0])
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
                Usual(
                    arrays["usual.mean"],
                    float(arrays["usual.contrast"]),
                    float(arrays["usual.edge"]),
                    arrays.get("usual.noise", _NOISE_BEFORE),
                ),
                finder,
            )
        except KeyError as error:
            raise GateError(f"arrays must hold all that the gate knows, got none named {error}") from error


def describe(small: np.ndarray) -> np.ndarray:
    """`picture_statistics.describe` of each picture, uint8 (n, SIDE, SIDE): float32 (n, d)."""
    return np.stack([picture_statistics.describe(one) for one in small])


def measure(
    kinds: KindClassifier, pictures: PrincipalDistance, small: np.ndarray, lungs: Sequence[Lungs]
) -> tuple[np.ndarray, np.ndarray]:
    """What each of `CHECKS` measures, float (n, checks), the larger the less like a radiograph; then the
    logarithms of the probabilities of kinds, float (n, kinds).
    """
    described = describe(small)
    of_kinds = kinds.log_probabilities(described)
    little = [-np.log(one.area + _LEAST_AREA) for one in lungs]
    return np.column_stack([picture_kinds.doubt(of_kinds), log_distance(pictures, described), little]), of_kinds


def rate(rarities: Sequence[Rarity], values: np.ndarray) -> np.ndarray:
    """How rare each value is, float (n, checks)."""
    return np.column_stack([one.rate(part) for one, part in zip(rarities, values.T, strict=False)]) - _EASE


def _lung_area(little: float) -> float:
    return max(float(np.exp(-little)) - _LEAST_AREA, 0.0)


def log_distance(known: PrincipalDistance, rows: np.ndarray) -> np.ndarray:
    """Logarithm of the distance of each row, (n, d), from what is known: float (n,)."""
    return np.log(known.measure(rows) + 1e-9)
