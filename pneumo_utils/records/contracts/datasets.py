"""What each table about the radiographs holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import AT_LEAST_0, AT_LEAST_1, CASE, Column, between, one_of
from pneumo_utils.records.vocabulary import PARTS, SPLITS

DATASETS: dict[str, dict[str, Column]] = {
    # one row per readable radiograph
    "manifest": CASE
    | {
        "part": Column("str", **one_of(PARTS)),
        "series": Column("str"),  # numbering series of the file name: person, IM, NORMAL2-IM, version 3, or unknown
        "number": Column("int", optional=True),  # the number in the file name; empty where the name has none
        "width": Column("int", **AT_LEAST_1),  # pixels
        "height": Column("int", **AT_LEAST_1),  # pixels
        "mode": Column("str"),  # as stored: grey, RGB, RGBA, palette, CMYK; with "16" where 16 bits deep
        "bytes": Column("int", **AT_LEAST_1),
        "sha256": Column("str", rule="64 hex digits", holds=lambda s: s.str.fullmatch("[0-9a-f]{64}")),
    },
    # one row per file that was found but cannot be used, or a folder that is not looked into (with a slash at its end)
    "exclusions": {"path": Column("str"), "files": Column("int", **AT_LEAST_0), "reason": Column("str")},
    # one row per radiograph of the manifest: how it was taken and saved
    "acquisition": {
        "path": Column("str"),
        "bytes_per_pixel": Column("float", rule="above 0", holds=lambda s: s > 0),
        "jpeg_quality": Column("float", optional=True, **between(1, 100)),  # from the tables; empty for PNG
        "jpeg_table": Column("str", rule="12 hex digits or none", holds=lambda s: s.str.fullmatch("[0-9a-f]{12}|none")),
        "progressive": Column("bool"),
        "mean": Column("float", **between(0, 255)),  # grey levels of the rim, as the four that follow
        "spread": Column("float", **between(0, 255)),  # standard deviation
        "p5": Column("float", **between(0, 255)),
        "p50": Column("float", **between(0, 255)),
        "p95": Column("float", **between(0, 255)),
        "border": Column("float", **between(0, 0.5)),  # largest part of a side that is an empty margin
        "corners": Column("float", **between(0, 1)),  # share of near-white pixels: letters of a marker
    },
    # one row per radiograph of the manifest
    "splits": CASE | {"part": Column("str", **one_of(PARTS)), "split": Column("str", **one_of(SPLITS))},
    # one row per pair of nearly equal pictures in two splits
    "near_duplicates": {
        "path": Column("str"),
        "split": Column("str", **one_of(SPLITS)),
        "other": Column("str"),
        "other_split": Column("str", **one_of(SPLITS)),
        "same_patient": Column("bool"),
        "identical": Column("bool"),  # byte for byte
        "correlation": Column("float", **between(0, 1)),  # of the pictures at 32 x 32
    },
}
