"""Names of the layers that a heat map can be drawn for, known without loading TensorFlow."""

from __future__ import annotations

import re

_VGG16_CONVOLUTIONS = (2, 2, 3, 3, 3)  # block by block
_RESNET50_BLOCKS = {2: 3, 3: 4, 4: 6, 5: 3}  # stage: residual blocks
_CNN_CONVOLUTIONS = (1, 1, 2, 2, 2)  # block by block; see `models`


def names(model: str) -> tuple[str, ...]:
    """Layers of `model` whose output has height and width, from the pixels upwards.

    Args:
        model: `cnn`, `vgg16` or `resnet50`.
    """
    return {"cnn": _cnn, "vgg16": _vgg16, "resnet50": _resnet50}[model]()


def explainable(model: str) -> tuple[str, ...]:
    """Those of `names` that all of the answer passes through; a layer in one branch of a residual block is none."""
    found = names(model)
    return found if model != "resnet50" else tuple(one for one in found if not re.search(r"_block\d+_\d_", one))


def stride_from_first_pixel(model: str, layer: str) -> int:
    """Pixels from one cell of a layer to the next where the first looks at the first pixel; 0 where cells are tiles.

    Args:
        model: `cnn`, `vgg16` or `resnet50`.
        layer: of it, by `explainable`.
    """
    stage = re.match(r"(conv|pool)(\d)", layer) if model == "resnet50" else None
    if not stage or layer.endswith("_pad"):
        return 0
    return 4 if stage[1] == "pool" else 2 ** max(int(stage[2]), 1 + (stage[2] != "1"))


def _cnn() -> tuple[str, ...]:
    found = ["grey", "scaled"]
    for block, count in enumerate(_CNN_CONVOLUTIONS, start=1):
        for turn in range(1, count + 1):
            found += [f"block{block}_{kind}{turn}" for kind in ("conv", "norm", "relu")]
        found += [f"block{block}_pool"] if block < len(_CNN_CONVOLUTIONS) else []
    return tuple(found)


def _vgg16() -> tuple[str, ...]:
    found = ["grey", "channels", "scaled"]
    for block, count in enumerate(_VGG16_CONVOLUTIONS, start=1):
        found += [*(f"block{block}_conv{turn}" for turn in range(1, count + 1)), f"block{block}_pool"]
    return tuple(found)


def _resnet50() -> tuple[str, ...]:
    found = ["grey", "channels", "scaled", *(f"conv1_{part}" for part in ("pad", "conv", "bn", "relu"))]
    found += ["pool1_pad", "pool1_pool"]
    for stage, count in _RESNET50_BLOCKS.items():
        for block in range(1, count + 1):
            parts = ["1_conv", "1_bn", "1_relu", "2_conv", "2_bn", "2_relu", "3_conv", "3_bn", "add", "out"]
            parts = ["0_conv", "0_bn", *parts] if block == 1 else parts
            found += [f"conv{stage}_block{block}_{part}" for part in parts]
    return tuple(found)
