"""A scorer that answers by the name of a file, behind the page that scores radiographs."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from pneumo_utils.deployment import bundle
from pneumo_utils.deployment.scores import SCORED, Score, refuse
from pneumo_utils.deployment.web.web_app import WebApp

HOST = "127.0.0.1:8000"
TOLD = {
    "title": "Pneumonia detection on paediatric chest radiographs", "study": "kermany", "created": "2026-11-26",
    "model": "vgg16", "networks": [{"model": "vgg16", "seed": 0, "files": {"keras": "networks/vgg16-0.keras"}}],
    "preparation": {"stored_size": 64, "image_size": 48, "test_views": 4, "test_average": "logit", "smallest_side": 24,
                    "least_grey_range": 8},
    "operating_point": {"rule": "half", "threshold": 0.5, "band": 1.5, "slope": 1.0, "intercept": 0.0},
    "heat_map": "gradcam", "explained_layers": {}, "least_age": 1, "largest_age": 5, "false_alarms": 0.02,
    "notice": "Research, not for diagnosis. Not a medical device.",
}  # fmt: skip
WHOLE = cv2.resize(np.tile(np.linspace(0, 255, 40).astype(np.uint8), (40, 1)), (120, 90))
SAID = {"ill": 0.97, "well": 0.03, "odd": 0.55}  # probability, by how a name begins


def write_bundle(folder: Path, **changed) -> bundle.Bundle:
    return bundle.write(folder, lambda part: TOLD | changed)


class FakeScorer:
    """Answers as a `Scorer`, by the name of a file in its folder; a name that begins with `crash` makes it fail."""

    def __init__(self, folder: Path, **changed):
        self.bundle, self.engine_label = write_bundle(folder, **changed), "keras"
        self.seen, self.at_once, self.most_at_once, self.pause = [], 0, 0, 0.0
        self.began, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def score_one(self, data: bytes, name: str, keep_whole: bool = False) -> SimpleNamespace:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.began.set()
            time.sleep(self.pause)
            self.may_go_on.wait(40)
            self.seen.append((name, data))
            return self._answer(data, name)
        finally:
            self.at_once -= 1

    def _answer(self, data: bytes, name: str) -> SimpleNamespace:
        called = name.rpartition("/")[2]
        if called.startswith("crash"):
            raise ZeroDivisionError(f"in {name}")
        digest, whole = hashlib.sha256(data).hexdigest(), WHOLE
        probability = next((value for start, value in SAID.items() if called.startswith(start)), None)
        if probability is None:
            score, whole = refuse(name, "is no picture, but text", digest), None if called.startswith("text") else WHOLE
        else:
            ill = "pneumonia" if probability >= 0.5 else "normal"
            flags = ("rather dark",) if called.startswith("odd") else ()
            score = Score(name, digest, SCORED, probability, probability**2, ill, called.startswith("odd"), flags)
        return SimpleNamespace(name=name, score=score, radiograph=SimpleNamespace(whole=whole, picture=WHOLE))


class FakeMaps:
    """Draws one map for every radiograph."""

    def draw_map(self, picture: np.ndarray) -> np.ndarray:
        heat = np.zeros((64, 64))
        cv2.circle(heat, (20, 40), 12, 1.0, -1)
        return cv2.GaussianBlur(heat, (0, 0), 4)


@contextmanager
def serving(app: WebApp):
    """The address of a page that really listens."""
    import uvicorn

    from pneumo_utils.deployment.web.header_timeout import HeaderTimeoutProtocol

    listening = socket.create_server(("127.0.0.1", 0))
    quiet = {"log_config": None, "log_level": 50, "access_log": False}
    config = uvicorn.Config(app.build(), lifespan="off", ws="none", http=HeaderTimeoutProtocol, **quiet)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        app.close()
