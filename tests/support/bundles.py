"""A bundle without networks: its files are words, its engine is a function."""

from __future__ import annotations

from pathlib import Path

from pneumo_utils.deployment import bundle, bundle_writing

TOLD = {
    "title": "A study",
    "study": "drawn",
    "created": "2026-01-31",
    "model": "cnn",
    "preparation": {
        "stored_size": 64, "image_size": 32, "test_views": 2, "test_average": "logit", "smallest_side": 24,
        "least_grey_range": 8,
    },
    "operating_point": {"rule": "half", "threshold": 0.5, "band": 1.0, "slope": 1.2, "intercept": -0.3},
    "heat_map": "gradcam",
    "explained_layers": {"cnn": "block4_relu2"},
    "false_alarms": 0.02,
    **bundle_writing.describe_population("drawn"), "least_age": 1.0, "largest_age": 5.0,
}  # fmt: skip


def write(folder: Path, gate=None, files=None, networks=(("cnn", 0),), **told) -> bundle.Bundle:
    """A bundle in `folder`; `files` by engine and (model, seed), words where there are none."""
    if files is None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        word = folder.parent / "network.keras"
        word.write_text("no network")
        files = {"keras": dict.fromkeys(networks, word)}

    class NoGate:
        @staticmethod
        def arrays():
            return {}

    return bundle_writing.write(folder, list(networks), files, gate or NoGate(), TOLD | told)
