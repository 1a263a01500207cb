"""What is kept comes back whole, or not at all."""

from __future__ import annotations

import numpy as np

from pneumo_utils.networks.training_state import Snapshot, TrainingState  # neither needs TensorFlow
from pneumo_utils.records import kept_arrays

GIVEN = np.random.default_rng(0).random(40)


def with_each_byte_damaged(file):
    data = file.read_bytes()
    for place in range(len(data)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        yield place


def test_arrays_of_another_key_are_none(tmp_path):
    kept_arrays.write(tmp_path / "a.npz", "key", {"answers": GIVEN})
    assert kept_arrays.read(tmp_path / "a.npz", "another") is None
    np.testing.assert_array_equal(kept_arrays.read(tmp_path / "a.npz", "key")["answers"], GIVEN)


def test_a_flipped_bit_anywhere_costs_what_was_kept_and_never_the_run(tmp_path):
    file = tmp_path / "a.npz"
    kept_arrays.write(file, "key", {"answers": GIVEN})
    for place in with_each_byte_damaged(file):
        found = kept_arrays.read(file, "key")
        assert found is None or np.array_equal(found.get("answers", GIVEN), GIVEN), place


def test_a_flipped_bit_anywhere_in_the_state_of_a_training_never_ends_the_run(tmp_path):
    state = TrainingState(tmp_path / "s.npz", "key")
    state.save(Snapshot(0, epoch=1, logs=[{"loss": 0.5}], variables=[np.arange(12.0)]))
    for place in with_each_byte_damaged(tmp_path / "s.npz"):
        found = state.load()
        assert found is None or found.epoch == 1, place
