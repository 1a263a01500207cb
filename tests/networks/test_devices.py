"""Several local devices share every batch; where no GPU is, two halves of the processor stand for them."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

TWO_DEVICES = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import optimisation, replicates, training
from pneumo_utils.networks.backend import tf
from pneumo_utils.networks.training_state import TrainingState

one = [tf.config.LogicalDeviceConfiguration()]
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], 2 * one)
generator, label = np.random.default_rng(0), np.arange(40) % 2
images = generator.integers(0, 60, (40, 32, 32)).astype(np.uint8)
images[label == 1, 4:12, 4:12] += 120
names = [f"{n}.jpeg" for n in range(40)]
splits = pd.DataFrame({"path": names, "patient": names, "label": label, "etiology": "viral", "part": "train"})
splits["split"] = ["train"] * 24 + ["validation"] * 8 + ["test"] * 8
Phase = optimisation.Phase
"""
NUMBERS = """
phases = (Phase("head", 2, 1e-3), Phase("top", 1, 1e-4), Phase("end_to_end", 2, 1e-4))
settings = optimisation.Settings(24, 9, ema_momentum=0.5)  # one batch per epoch: its order makes no difference
recipe = replicates.Recipe("vgg16", None, 32, 0.0, phases, settings, Augmentation())
found = training.devices
for kind in ("none", "CPU"):
    training.devices = lambda batch_size, kind=kind: found(batch_size, kind)
    made = replicates.train(recipe, 0, images, splits, Path(sys.argv[1]) / kind)
    print(training.devices(24).num_replicas_in_sync, *made.predictions["probability"])
splits.loc[23, "split"] = "test"  # batches of 2, and one of a single picture
settings = optimisation.Settings(2, 9, ema_momentum=0.5)
recipe = replicates.Recipe("cnn", None, 32, 0.0, (Phase("end_to_end", 2, 1e-2),), settings, Augmentation())
made = replicates.train(recipe, 0, images, splits, Path(sys.argv[1]) / "odd")
print(training.devices(3).num_replicas_in_sync, bool(made.history["kept"].any()), *made.history["val_loss"])
"""


KILLED = """
class Killed(BaseException):
    pass


def save_and_die(self, now):
    save(self, now)
    raise Killed


find, save = training.devices, TrainingState.save
training.devices = lambda batch_size: find(batch_size, "CPU")
settings = optimisation.Settings(8, 50, ema_momentum=0.5, weight_decay=0.02)
recipe = replicates.Recipe("cnn", None, 32, 0.3, (Phase("end_to_end", 4, 1e-3, cycles=2),), settings, Augmentation())
answers = []
for name, keep in (("whole", save), ("killed", save_and_die)):
    TrainingState.save, state = keep, TrainingState(Path(sys.argv[1]) / name, "key")
    for attempt in range(1, 9):
        try:
            made = replicates.train(recipe, 0, images, splits, Path(sys.argv[1]) / "activations", state)
        except Killed:
            continue
        break
    answers.append([*made.network.get_weights(), made.predictions["probability"].to_numpy()])
same = all(np.array_equal(*pair) for pair in zip(*answers, strict=True))
print(training.devices(8).num_replicas_in_sync, attempt, same)
"""


def run(script, folder):
    done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.long
def test_two_devices_share_every_batch_and_come_to_the_numbers_of_one(tmp_path):
    *both, odd = run(TWO_DEVICES + NUMBERS, tmp_path)[-3:]
    (one, *alone), (two, *shared) = ([float(word) for word in line.split()] for line in both)
    assert (one, two) == (1, 2)
    assert len(alone) == 16 and shared == pytest.approx(alone, abs=0.002)
    devices, kept, *losses = odd.split()
    assert devices == "1", "three pictures a step cannot be shared out to two devices"
    assert kept == "True" and all(math.isfinite(float(loss)) for loss in losses), "no device is without a picture"


@pytest.mark.long
def test_killed_after_every_epoch_two_devices_end_with_the_bits_of_an_uninterrupted_training(tmp_path):
    assert run(TWO_DEVICES + KILLED, tmp_path)[-1] == "2 5 True"
