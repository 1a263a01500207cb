"""What each table about trained networks holds: every column with its kind and its rule."""

from __future__ import annotations

from pneumo_utils.records.contracts.columns import AT_LEAST_0, AT_LEAST_1, PREDICTIONS, Column, between, one_of

NETWORKS: dict[str, dict[str, Column]] = {
    # one row per model, seed, phase and epoch
    "history": {
        "model": Column("str"),
        "seed": Column("int", **AT_LEAST_0),
        "phase": Column("str", **one_of(("head", "top", "progressive", "end_to_end"))),
        "epoch": Column("int", **AT_LEAST_1),
        "loss": Column("float", **AT_LEAST_0),  # that is minimised: of smoothed and weighted labels, with its penalty
        "plain_loss": Column("float", **AT_LEAST_0),  # cross-entropy of the same answers and plain labels
        "auc": Column("float", **between(0, 1)),
        "val_loss": Column("float", **AT_LEAST_0),  # cross-entropy of plain labels
        "val_auc": Column("float", **between(0, 1)),
        "seconds": Column("float", **AT_LEAST_0),
        "kept": Column("bool"),  # the epoch whose weights were kept
    },
    # one row per image of validation or test, model and seed
    "predictions": PREDICTIONS,
    # the same of validation alone, each picture varied once as in training, at the size that the finished network sees
    "varied_predictions": PREDICTIONS,
    # one row per trained network
    "models": {
        "model": Column("str"),
        "seed": Column("int", **AT_LEAST_0),
        "start": Column("str", **one_of(("scratch", "random", "pretrained"))),  # scratch: meant to be so
        "weights_sha256": Column("str", optional=True),  # of the file it started from
        "image_size": Column("int", **AT_LEAST_1),  # pixels, square side in training
        "parameters": Column("int", **AT_LEAST_1),
        "trained_parameters": Column("int", **AT_LEAST_1),
        "seconds": Column("float", **AT_LEAST_0),  # of training and prediction
        "device": Column("str"),  # a GPU's name once for each of them
        "threads": Column("int", **AT_LEAST_1),  # of the processor, that it was trained with
        "precision": Column("str", **one_of(("float32", "bfloat16"))),  # that it was trained in; it answers in float32
        "peak_memory": Column("float", **AT_LEAST_0),  # of the process that trained it, up to its end, MiB
    },
}
