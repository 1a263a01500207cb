"""What a training needs to go on where it was killed: kept whole after every epoch, and good for nothing else.

A state holds weights, batch-normalisation statistics and dropout's random state, also of the whole network where a copy
of it learns, the optimiser with its averages, the history so far, and what early stopping remembers. The order of the
pictures and their variations follow from seed and epoch. So a training that goes on ends with the bits of one that was
never interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from pneumo_utils.records.atomic import atomic_write

Arrays = list[np.ndarray]


@dataclass
class Snapshot:
    """The state after an epoch."""

    phase: int  # number of the phase, from 0
    epoch: int = 0  # epochs of it that are over
    finished: list[list[dict]] = field(default_factory=list)  # history of the phases before, row by row
    logs: list[dict] = field(default_factory=list)  # of the epochs of this phase
    stopped: bool = False  # whether early stopping has ended it
    patience: dict = field(default_factory=dict)  # numbers that early stopping remembers
    variables: Arrays = field(default_factory=list)  # of what is trained
    optimiser: Arrays = field(default_factory=list)
    before: Arrays = field(default_factory=list)  # weights as the phase began, where they may come back
    best: Arrays = field(default_factory=list)  # weights of early stopping's best epoch
    dropout: Arrays = field(default_factory=list)  # random state of the whole network's as the phase began
    ends: list[Arrays] = field(default_factory=list)  # weights at the ends of cycles


_ARRAYS = ("variables", "optimiser", "before", "best", "dropout")
_NUMBERS = ("phase", "epoch", "finished", "logs", "stopped", "patience")


class TrainingState:
    """The last whole epoch of one training, on disk.

    Args:
        file: where it is kept; None: nowhere, and every training begins at its beginning.
        key: of what the training is made of; the state of another is not read.
    """

    def __init__(self, file: Path | None = None, key: str = ""):
        self._file, self._key = file, key

    @property
    def kept(self) -> bool:
        """Whether anything is kept at all."""
        return self._file is not None

    def load(self) -> Snapshot | None:
        """The last state; None where there is none, it is of another training, or it is damaged."""
        if self._file is None:
            return None
        try:
            with np.load(self._file) as kept:
                told = json.loads(str(kept["told"]))
                if told.pop("key") != self._key:
                    return None
                names = sorted(kept.files)
                arrays = {name: [kept[one] for one in _numbered(names, name)] for name in _ARRAYS}
                ends = [[kept[one] for one in _numbered(names, f"end{k}")] for k in range(told.pop("ends"))]
        except Exception:  # of a damaged file numpy, zipfile, zlib and json raise a dozen kinds
            return None
        return Snapshot(**told, **arrays, ends=ends)

    @property
    def seconds(self) -> float:
        """What the epochs took that the last state has behind it; 0 where `load` finds none."""
        last = self.load()
        return sum(epoch["seconds"] for epoch in chain(last.logs, *last.finished)) if last else 0.0

    def save(self, now: Snapshot) -> None:
        """Keep a state in place of the last one, whole or not at all."""
        if self._file is None:
            return
        told = {name: getattr(now, name) for name in _NUMBERS} | {"key": self._key, "ends": len(now.ends)}
        lists = {name: getattr(now, name) for name in _ARRAYS} | {f"end{k}": one for k, one in enumerate(now.ends)}
        arrays = {f"{name}-{k:05}": one for name, every in lists.items() for k, one in enumerate(every)}
        with atomic_write(self._file) as part, part.open("wb") as stream:
            np.savez(stream, told=np.array(json.dumps(told)), **arrays)

    def delete(self) -> None:
        """Forget it: the training is over."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def _numbered(names: Sequence[str], kind: str) -> list[str]:
    """Entries of a kind in their order."""
    return [name for name in names if name.rpartition("-")[0] == kind]
