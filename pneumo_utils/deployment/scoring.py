"""Scoring many files: reading, looking, judging and writing overlap, in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from pneumo_utils.deployment import input_files, radiograph_reading
from pneumo_utils.deployment.averaged_networks import BATCH, AveragedNetworks
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.radiograph_reading import Radiograph
from pneumo_utils.deployment.scores import SCORED, Score, refuse

_AHEAD = 96  # files read ahead of the network; one batch alone where whole pictures are kept: each has megabytes
_FEWEST = 2  # pictures that are judged at once: one alone has other last digits, and a batch may be cut short anywhere
_Looked = tuple[Radiograph, str, tuple[str, ...]]  # a file, why it is refused, remarks


def engine_label(engine: str, any_age: bool) -> str:
    """The engine, with what else changes an answer, as the table of scores has it."""
    return f"{engine}, any age" if any_age else engine


@dataclass(frozen=True)
class Answer:
    """A score, and what overlays and answers to a PACS are made of."""

    name: str  # of the file in the answer
    score: Score | None  # None: an earlier run has answered
    radiograph: Radiograph


class Scorer:
    """Answers for files, by the networks of one bundle.

    Args:
        bundle: that is there and whole.
        engine: one of `vocabulary.ENGINES`.
        threads: of the engine; 0: as many as there are cores.
        any_age: whether a DICOM header may say another age than the networks have learned from.

    Raises:
        BundleError: the bundle has no networks for the engine, or a file is damaged.
        EngineError: an extra is not installed, or a file of a network does not fit.
    """

    def __init__(self, bundle: Bundle, engine: str = "keras", threads: int = 0, any_age: bool = False):
        self.bundle, self.engine, self.any_age = bundle, engine, any_age
        self._prepared, self._decision = bundle.contents.preparation, bundle.decision
        views = {"test_views": self._prepared.test_views, "test_average": self._prepared.test_average}
        self._networks = AveragedNetworks.load(bundle.networks(engine), engine, **views, threads=threads)
        self._gate = bundle.open_gate()

    @property
    def engine_label(self) -> str:
        """See `engine_label`."""
        return engine_label(self.engine, self.any_age)

    def score(
        self,
        paths: Iterable[str],
        keep_whole: bool = False,
        known: Callable[[str, str, bool], bool] = lambda name, sha256, is_dicom: False,
    ) -> Iterator[Answer]:
        """Answer for files, in order.

        Args:
            paths: of the files.
            keep_whole: whether overlays will be asked for.
            known: whether an earlier run has answered for the file of a name and a hash, DICOM or not.
        """
        most = BATCH if keep_whole else _AHEAD
        ahead: deque[tuple[str, Future[_Looked]]] = deque()
        waiting = iter(paths)
        with ThreadPoolExecutor() as pool:  # OpenCV and numpy release the interpreter while they work
            try:
                while True:
                    for path in islice(waiting, most - len(ahead)):
                        name = input_files.name_safely(path)
                        ahead.append((name, pool.submit(self._look, path, keep_whole, partial(known, name))))
                    if not ahead:
                        return
                    ready = [ahead.popleft() for _ in range(min(BATCH, len(ahead)))]
                    yield from self._answer([(name, *future.result()) for name, future in ready], _FEWEST)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def score_one(self, data: bytes, name: str, keep_whole: bool = False) -> Answer:
        """Answer for one file that is in memory already.

        Args:
            data: the bytes of the whole file.
            name: of the file in the answer.
            keep_whole: whether the picture in its own shape is needed later.
        """
        read = radiograph_reading.read_bytes(data, self.bundle.contents, self.any_age, keep_whole)
        return next(self._answer([(input_files.name_safely(name), *self._look_at(read))]))

    def _look(self, path: str, keep_whole: bool, known: Callable[[str, bool], bool]) -> _Looked:
        """A file, why it is refused before a network sees it, and what is remarked."""
        return self._look_at(radiograph_reading.read(path, self.bundle.contents, self.any_age, keep_whole, known))

    def _look_at(self, read: Radiograph) -> _Looked:
        if read.picture is None:
            return read, read.reason, read.flags
        looked = self._gate.look(read.picture)
        return read, looked.refused, (*read.flags, *looked.flags)

    def _answer(self, batch: list[tuple[str, Radiograph, str, tuple[str, ...]]], fewest: int = 1) -> Iterator[Answer]:
        judged = [read.picture for _, read, refused, _ in batch if not (read.known or refused)]
        judged += judged[:1] * (fewest - len(judged)) if judged else []
        answers = iter(zip(*self._networks.predict(np.stack(judged)), strict=True) if judged else ())
        for name, read, refused, flags in batch:
            if read.known:
                yield Answer(name, None, read)
                continue
            if not refused:
                probability, features = next(answers)
                far = self._gate.look_at_features(features)
                refused, flags = far.refused, (*flags, *far.flags)
                if not np.isfinite(probability):
                    refused = "the network gave no number"
            if refused:
                yield Answer(name, refuse(name, refused, read.sha256, flags), read)
            else:
                yield Answer(name, self._decide(name, read, probability, flags), read)

    def _decide(self, name: str, read: Radiograph, probability: float, flags: tuple[str, ...]) -> Score:
        probability = float(probability)
        return Score(
            name, read.sha256, SCORED, probability, self._decision.calibrate(probability),
            self._decision.decide(probability), self._decision.unsure(probability), flags,
        )  # fmt: skip
