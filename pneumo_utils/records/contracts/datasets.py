"""What each table of the study holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import (
    AREA,
    AT_LEAST_0,
    AT_LEAST_1,
    CASE,
    DRAW,
    NETWORK,
    PERTURBED_CASE,
    PREDICTIONS,
    Column,
    between,
    one_of,
)
from pneumo_utils.records.contracts.evaluation import EVALUATION
from pneumo_utils.records.contracts.explanation import EXPLANATION
from pneumo_utils.records.vocabulary import PARTS, SPLITS

CONTRACTS: dict[str, dict[str, Column]] = (
    {
        # one row a readable radiograph
        "manifest": CASE
        | {
            "part": Column("str", **one_of(PARTS)),
            "series": Column("str"),  # numbering series of the file name: person, IM, NORMAL2-IM, or unknown
            "number": Column("int", optional=True),  # the number in the file name; empty where the name has none
            "width": Column("int", **AT_LEAST_1),  # pixels
            "height": Column("int", **AT_LEAST_1),  # pixels
            "mode": Column("str"),  # as stored: grey, RGB, RGBA, palette, CMYK; with "16" where 16 bits deep
            "bytes": Column("int", **AT_LEAST_1),
            "sha256": Column("str", rule="64 hex digits", holds=lambda s: s.str.fullmatch("[0-9a-f]{64}")),
        },
        # one row a file that was found but cannot be used
        "exclusions": {"path": Column("str"), "reason": Column("str")},
        # one row a picture of `splits`: the part of the radiograph that was kept, as shares of its width and height
        "framing": {
            "path": Column("str"),
            **{side: Column("float", **between(0, 1)) for side in ("left", "top", "right", "bottom")},
            "found": Column("bool"),  # whether the lungs were; False also where nobody looked for them
        },
        # one row a test radiograph and way in which it is made harder
        "perturbations": PERTURBED_CASE,
        # one row a network's answer to such a picture
        "perturbed_predictions": PERTURBED_CASE | NETWORK | {"probability": Column("float", **between(0, 1))},
        # one row an image held out by a way of drawing the test part
        "resplit_predictions": PREDICTIONS
        | {"protocol": DRAW, "known_patient": Column("bool")},  # trained on the patient
        # one row a radiograph of the manifest: how it was taken and saved
        "acquisition": {
            "path": Column("str"),
            "bytes_per_pixel": Column("float", rule="above 0", holds=lambda s: s > 0),
            "jpeg_quality": Column("float", optional=True, **between(1, 100)),  # from the tables; empty for PNG
            "jpeg_table": Column(
                "str", rule="12 hex digits or none", holds=lambda s: s.str.fullmatch("[0-9a-f]{12}|none")
            ),
            "progressive": Column("bool"),
            "mean": Column("float", **between(0, 255)),  # grey levels, as the four that follow
            "spread": Column("float", **between(0, 255)),  # standard deviation
            "p5": Column("float", **between(0, 255)),
            "p50": Column("float", **between(0, 255)),
            "p95": Column("float", **between(0, 255)),
            "border": Column("float", **between(0, 0.5)),  # largest part of a side that is an empty margin
            "corners": Column("float", **between(0, 1)),  # share of near-white pixels: letters of a marker
        },
        # one row a property of the files and part: how well it alone tells pneumonia from normal
        "acquisition_audit": {
            "property": Column("str"),
            "part": Column("str", **one_of(PARTS)),
            "direction": Column("str", **one_of(("higher", "lower", "learned"))),  # that speaks for pneumonia in train
        }
        | AREA  # below 0.5: the other way round than in train
        | {
            "normal": Column("int", **AT_LEAST_0),  # images that have the property
            "pneumonia": Column("int", **AT_LEAST_0),
        },
        # one row a property of the files, class and part: how far the part lies from train
        "acquisition_drift": {
            "property": Column("str"),
            "label": CASE["label"],
            "part": Column("str", **one_of(PARTS)),
            "centre": Column("float", optional=True),  # median, or share of the value most common in train
        }
        | AREA  # of the part against train; empty in train
        | {
            "n": Column("int", **AT_LEAST_0),
        },
        # one row a radiograph of the manifest
        "splits": CASE | {"part": Column("str", **one_of(PARTS)), "split": Column("str", **one_of(SPLITS))},
        # one row a model, seed, phase and epoch
        "history": {
            "model": Column("str"),
            "seed": Column("int", **AT_LEAST_0),
            "phase": Column("str", **one_of(("head", "top", "progressive", "end_to_end"))),
            "epoch": Column("int", **AT_LEAST_1),
            "loss": Column("float", **AT_LEAST_0),
            "auc": Column("float", **between(0, 1)),
            "val_loss": Column("float", **AT_LEAST_0),
            "val_auc": Column("float", **between(0, 1)),
            "seconds": Column("float", **AT_LEAST_0),
            "kept": Column("bool"),  # the epoch whose weights were kept
        },
        # one row an image of validation or test, model and seed
        "predictions": PREDICTIONS,
        # the same of the references that every network has to beat
        "reference_predictions": PREDICTIONS,
        # one row a trained network
        "models": {
            "model": Column("str"),
            "seed": Column("int", **AT_LEAST_0),
            "start": Column("str", **one_of(("scratch", "random", "pretrained"))),  # scratch: meant to be so
            "weights_sha256": Column("str", optional=True),  # of the file it started from
            "image_size": Column("int", **AT_LEAST_1),  # pixels, square side
            "parameters": Column("int", **AT_LEAST_1),
            "trained_parameters": Column("int", **AT_LEAST_1),
            "seconds": Column("float", **AT_LEAST_0),  # of training and prediction
            "device": Column("str"),
            "precision": Column("str", **one_of(("float32", "bfloat16"))),  # that it computes in
            "peak_memory": Column("float", **AT_LEAST_0),  # of the process that trained it, up to its end, MiB
        },
    }
    | EVALUATION
    | EXPLANATION
)
