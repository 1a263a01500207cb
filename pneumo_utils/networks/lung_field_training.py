"""Makes the weights of `lung_fields`: a small U-Net learns the phantom's own lung fields, no real radiograph.

Phantoms are varied far beyond what they look like (framing, exposure, letters, tubes, whitened lungs), so that real
radiographs lie inside of what was learned (domain randomisation, Tobin et al. 2017). Whitened lungs matter most: a
consolidated lobe has to be found by the ribs around it, or what is hidden would not be the disease itself.

    make lungs      # writes pneumo_utils/imaging/lung_fields.npz, in a few minutes
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import lung_fields
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks.backend import keras, layers

DRAWN = 128  # pixels, side of the square that is varied
FIRST_SEED = 1_000_000  # of the phantoms; studies and tests count from 0
_PLACED = {"rotation": 12.0, "crop_area_min": 0.4, "crop_aspect_max": 1.5}
_LIT = {"gamma": 2.2, "contrast": 0.6, "brightness": 0.2, "blur": 1.5, "jpeg_quality_min": 30}
PLACE = Augmentation(**_PLACED)  # the same geometry for the truth, since the same numbers are drawn
VARY = Augmentation(**_PLACED, **_LIT)
_SHIFT, _ZOOM = 0.08, 0.25  # largest, shares of the side: real films are framed wider than phantoms
_GRAIN = 14.0  # grey levels, the largest deviation of noise
_COVERED = 0.06  # largest share of the area under one grey rectangle
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How long is trained."""

    phantoms: int = 4000
    epochs: int = 24
    batch_size: int = 32
    learning_rate: float = 2e-3


def network() -> keras.Model:
    """The U-Net (Ronneberger et al. 2015) whose weights `lung_fields.lung_probability` runs, layer for layer."""
    x = pixels = keras.Input((lung_fields.SIZE, lung_fields.SIZE, 1))
    skips = []
    for level, filters in enumerate(lung_fields.FILTERS[:-1]):
        x = _block(x, filters, f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _block(x, lung_fields.FILTERS[-1], "deep")
    for level in reversed(range(len(skips))):
        x = layers.Concatenate()([layers.UpSampling2D()(x), skips[level]])
        x = _block(x, lung_fields.FILTERS[level], f"up{level}")
    return keras.Model(pixels, layers.Conv2D(1, 1, activation="sigmoid", name="fields")(x), name="lungs")


def _block(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    for part in "ab":
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}{part}")(x)
    return x


def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A phantom and its lung fields, both uint8 (DRAWN, DRAWN), the fields 255."""
    high, wide = np.random.default_rng(seed).integers((150, 220), (330, 400)).tolist()
    drawn = radiograph.draw(radiograph.ETIOLOGIES[seed % 3], seed, seed, height=high, width=wide)
    fields = drawn.lungs.astype(np.uint8) * 255
    return tuple(cv2.resize(part, (DRAWN, DRAWN), interpolation=cv2.INTER_AREA) for part in (drawn.pixels, fields))


def vary(pixels: np.ndarray, fields: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """One variation of a phantom and its fields, both uint8 (lung_fields.SIZE, lung_fields.SIZE)."""
    generator = np.random.default_rng(seed)
    place = _place(generator)
    seen, truth = _warp(_litter(_whiten(pixels, fields, generator), generator), place), _warp(fields, place)
    same = [np.random.default_rng((seed, 1)) for _ in range(2)]
    seen, truth = VARY.vary(seen, same[0], lung_fields.SIZE), PLACE.vary(truth, same[1], lung_fields.SIZE)
    seen = _cover(_add_grain(seen, generator), generator)
    return (seen[:, ::-1], truth[:, ::-1]) if generator.random() < 0.5 else (seen, truth)


def _place(generator: np.random.Generator) -> np.ndarray:
    """Matrix, float (2, 3), that moves a phantom and shows it larger or smaller."""
    middle, scale = (DRAWN - 1) / 2, 1 + generator.uniform(-_ZOOM, _ZOOM)
    matrix = cv2.getRotationMatrix2D((middle, middle), 0.0, scale)
    matrix[:, 2] += generator.uniform(-_SHIFT, _SHIFT, 2) * DRAWN
    return matrix


def _warp(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(picture, matrix, picture.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def _add_grain(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    grain = generator.standard_normal(picture.shape, dtype=np.float32) * generator.uniform(0, _GRAIN)
    return np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


def _cover(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """`picture` with one grey rectangle, as of a badge or a plate."""
    side = len(picture)
    area, stretch, grey = generator.uniform((0, -1, 0), (_COVERED, 1, 255))
    high, wide = (round(side * (area * 2**turn) ** 0.5) for turn in (stretch, -stretch))
    top, left = generator.integers(0, (side - high + 1, side - wide + 1))
    picture[top : top + high, left : left + wide] = grey
    return picture


def _whiten(pixels: np.ndarray, fields: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Half of the phantoms get a lung, its lower part, all of it or some patches as dense as the body around."""
    if generator.random() < 0.5:
        return pixels
    soft = cv2.GaussianBlur(fields, (0, 0), generator.uniform(1, 6)) / 255
    opaque = _opacity(generator) * soft * generator.uniform(0.3, 0.95)
    level = np.percentile(pixels[fields < 128], generator.uniform(60, 92))
    return (pixels * (1 - opaque) + level * opaque).astype(np.uint8)


def _opacity(generator: np.random.Generator) -> np.ndarray:
    """Where density is added, 0 to 1, float (DRAWN, DRAWN)."""
    down, across = np.mgrid[0:DRAWN, 0:DRAWN] / DRAWN
    kind = generator.integers(4)
    if kind == 0:
        return np.ones_like(down)
    if kind == 1:
        return _step((across - generator.uniform(0.35, 0.65)) * generator.choice([-1, 1]), generator.uniform(15, 60))
    if kind == 2:
        return _step(down - generator.uniform(0.3, 0.7), generator.uniform(10, 50))
    patches = generator.uniform((0.15, 0.2, 0.08, 0.08), (0.85, 0.85, 0.3, 0.3), (generator.integers(1, 4), 4))
    reach = [1 - ((across - x) / a) ** 2 - ((down - y) / b) ** 2 for x, y, a, b in patches]
    return _step(np.max(reach, axis=0), generator.uniform(2, 10))


def _step(distance: np.ndarray, steepness: float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(distance * steepness, -30, 30)))


def _litter(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Tubes and letters on half of the phantoms each, a black or white margin on some."""
    pixels = pixels.copy()
    for _ in range(generator.integers(1, 4) if generator.random() < 0.5 else 0):
        path = generator.integers(0, DRAWN, (4, 2)).astype(np.int32)
        grey, thick = generator.integers((120, 1), (256, 3)).tolist()
        cv2.polylines(pixels, [path], False, grey, thick, cv2.LINE_AA)
    for _ in range(generator.integers(1, 4) if generator.random() < 0.5 else 0):
        text = "".join(generator.choice(list("RLAPKV1278"), generator.integers(1, 5)))
        right, down, grey = generator.integers((0, 8, 180), (DRAWN, DRAWN, 256)).tolist()
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(pixels, text, (right, down), font, generator.uniform(0.25, 0.9), grey, 1, cv2.LINE_AA)
    if generator.random() < 0.15:
        turned = np.rot90(pixels, generator.integers(4))  # a view: what is written there is written into `pixels`
        turned[: generator.integers(1, 16)] = generator.choice([0, 0, 255])
    return pixels


class _Variations(keras.utils.PyDataset):
    """Batches of standardised variations and their fields; another variation of each phantom in every epoch."""

    def __init__(self, drawn: list[tuple[np.ndarray, np.ndarray]], batch_size: int):
        super().__init__(workers=2, max_queue_size=8)
        self.drawn, self.batch_size, self.epoch = drawn, batch_size, 0

    def __len__(self):
        return len(self.drawn) // self.batch_size

    def __getitem__(self, number):
        rows = range(number * self.batch_size, (number + 1) * self.batch_size)
        pairs = [vary(*self.drawn[row], seed=self.epoch * len(self.drawn) + row) for row in rows]
        seen, truth = (np.stack(part)[..., None] for part in zip(*pairs, strict=True))
        return lung_fields.standardise(seen), truth.astype(np.float32) / 255

    def on_epoch_end(self):
        self.epoch += 1


def _loss(truth: keras.KerasTensor, found: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy, and one minus Dice's coefficient, which does not care how small the lungs are in the picture."""
    ops = keras.ops
    dice = (2 * ops.sum(truth * found) + 1) / (ops.sum(truth + found) + 1)
    return ops.mean(keras.losses.binary_crossentropy(truth, found)) + 1 - dice


def train(plan: Plan, seed: int = 0) -> keras.Model:
    """Draw phantoms and train on variations of them.

    Args:
        plan: how many and how long.
        seed: of the weights it starts from.
    """
    keras.utils.set_random_seed(seed)
    with ThreadPoolExecutor() as pool:
        drawn = list(pool.map(draw, range(FIRST_SEED, FIRST_SEED + plan.phantoms)))
    made, batches = network(), _Variations(drawn, plan.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(plan.learning_rate, plan.epochs * len(batches))
    made.compile(keras.optimizers.AdamW(rate), _loss)
    history = made.fit(batches, epochs=plan.epochs, verbose=0).history["loss"]
    _log.info("%d phantoms, %d epochs, loss %.4f", plan.phantoms, plan.epochs, history[-1])
    return made


def arrays(made: keras.Model) -> dict[str, np.ndarray]:
    """What `lung_fields` reads: kernel and bias of every convolution by its layer's name, float16."""
    convolutions = [layer for layer in made.layers if isinstance(layer, layers.Conv2D)]
    pairs = {layer.name: layer.get_weights() for layer in convolutions}
    return {f"{name}.{part}": array.astype(np.float16)
            for name, both in pairs.items() for part, array in zip(("kernel", "bias"), both, strict=True)}  # fmt: skip


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    np.savez_compressed(lung_fields.WEIGHTS, **arrays(train(Plan())))
