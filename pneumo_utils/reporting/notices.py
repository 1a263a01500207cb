"""What every page with numbers has to say before them."""

from __future__ import annotations

from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.study.definition import Study

_PHANTOM = (
    "Phantom: these radiographs are drawn, not taken. The page shows that the pipeline works, "
    "not how good the method is."
)


def notices(store: Store, study: Study, networks: tuple[str, ...]) -> list[str]:
    """Sentences about a phantom, and about those of `networks` that started from random weights for want of others."""
    sentences = [_PHANTOM] if study.data.source == "phantom" else []
    if networks and store.table_file("models").is_file():
        known = store.read("models")
        random = set(known[known["start"] == "random"]["model"]) & set(networks)
        if random:
            names = " and ".join(title for model, title in MODELS.items() if model in random)
            sentences.append(
                f"{names} started from random weights, not from ImageNet: "
                f"{'its' if len(random) == 1 else 'their'} numbers say nothing about transfer learning."
            )
    return sentences
