"""How far the number of threads changes what a network says: stated in CONTRIBUTING, and kept."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]
_CORES = len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0))
_SET = "set_intra_op_parallelism_threads"
TRAIN = """
import sys
import numpy as np
from pneumo_utils.networks import models, training
from pneumo_utils.networks.backend import keras, tf
threads = int(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
training.make_reproducible(0)
network = models.build("cnn", 48, dropout=0.2, weights=None)
chance = np.random.default_rng(0)
pictures, labels = chance.integers(0, 256, (64, 48, 48)).astype("float32"), chance.integers(0, 2, 64)
network.compile(keras.optimizers.AdamW(1e-3), "binary_crossentropy")
network.fit(pictures, labels, epochs=3, batch_size=16, verbose=0, shuffle=False)
np.save(sys.argv[2], network.predict(pictures, verbose=0))
"""


def test_another_number_of_threads_changes_answers_in_float32_by_no_more_than_rounding(tmp_path):
    answers = []
    for threads in (1, 2, 2):
        file = tmp_path / f"{len(answers)}.npy"
        command = [sys.executable, "-c", TRAIN, str(threads), str(file)]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)
        answers.append(np.load(file))
    np.testing.assert_array_equal(answers[1], answers[2])
    assert np.abs(answers[0] - answers[1]).max() < 1e-4


@pytest.mark.parametrize(("told", "set_to", "found"), [("", 0, _CORES), ("3", 0, 3), ("3", 5, 5)])
def test_the_number_of_threads_is_what_tensorflow_was_told_or_all_there_are(told, set_to, found):
    script = (
        f"from pneumo_utils.networks import training as t; t.tf.config.threading.{_SET}({set_to}); print(t.threads())"
    )
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": told}
    asked = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert int(asked.stdout) == found
