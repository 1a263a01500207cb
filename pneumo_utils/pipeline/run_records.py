"""What the pipeline remembers of each page: made of what, when it took how long, and what came of it."""

from __future__ import annotations

import json

from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.store import Store


def read(store: Store, page: str) -> dict:
    """The record of a page; empty where it never ran or was cut off, so that it runs again."""
    try:
        kept = json.loads(store.record_file(page).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def write(store: Store, page: str, record: dict) -> None:
    """Keep the record of a page."""
    with atomic_write(store.record_file(page)) as part:
        part.write_text(json.dumps(record), encoding="utf-8")
