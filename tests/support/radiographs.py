"""Small radiographs in the published layout."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from pneumo_utils.datasets import folder_layout

NAMES = {"NORMAL": "IM-{:04}-0001.jpeg", "PNEUMONIA": "person{}_virus_1.jpeg"}


def picture(seed, kind="JPEG", mode="L", **options):
    pixels = cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (40, 50), np.uint8), (0, 0), 3)
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").convert(mode).save(file, kind, **options)
    return file.getvalue()


def fill(root, parts=("train", "val", "test"), each=2):
    for seed, (part, name) in enumerate((part, name) for part in parts for name in folder_layout.CLASSES):
        folder = root / part / name
        folder.mkdir(parents=True)
        for number in range(each):
            (folder / NAMES[name].format(10 * seed + number)).write_bytes(picture(100 * seed + number))
    return root


def exported(root, count):
    """Folders of children in which the same names stand, as viewers of DICOM export them."""
    for child in range(count):
        (root / "train" / "NORMAL" / f"child{child}").mkdir()
        for number in range(1 + child % 2):
            name = f"IM-7777-{number:04}.jpeg"
            (root / "train" / "NORMAL" / f"child{child}" / name).write_bytes(picture(50 + 10 * child + number))
