"""Rows are kept by what they were computed from, survive a cut, and never mix with another trunk's."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.networks import activation_cache

SHAPE = (3, 2)


def keys(*names: int) -> list[bytes]:
    return [activation_cache.digest(np.full(4, name, np.float32)) for name in names]


def rows(*names: int) -> np.ndarray:
    return np.stack([np.full(SHAPE, name, np.float32) for name in names])


@pytest.fixture
def kept(tmp_path):
    found = activation_cache.ActivationCache(tmp_path / "rows", "trunk", SHAPE)
    found.append(keys(1, 2, 3), rows(1, 2, 3))
    return found


def again(kept, trunk="trunk", shape=SHAPE):
    return activation_cache.ActivationCache(kept.folder, trunk, shape)


def test_rows_come_back_by_their_key_in_memory_and_from_disk(kept):
    for found in (kept, again(kept)):
        assert all(key in found for key in keys(1, 2, 3)) and keys(4)[0] not in found
        places = found.places(keys(3, 1))
        np.testing.assert_array_equal(found.rows()[places], rows(3, 1))
        assert found.rows()[places].dtype == np.float32 and len(found.rows()) == 3


def test_a_key_follows_every_value_and_nothing_else():
    row = np.arange(6, dtype=np.float32)
    assert activation_cache.digest(row) == activation_cache.digest(row.copy()[::-1][::-1])
    changed = row.copy()
    changed[-1] += 1
    assert activation_cache.digest(row) != activation_cache.digest(changed)


def test_another_trunk_starts_empty(kept):
    other = again(kept, trunk="another")
    assert other.count == 0 and keys(1)[0] not in other


@pytest.mark.parametrize("cut", [("rows.u16c", 5), ("keys.bin", 7)])
def test_a_cut_costs_the_row_it_fell_into_and_no_other(kept, cut):
    name, lost = cut
    file = kept.folder / name
    file.write_bytes(file.read_bytes()[:-lost])
    found = again(kept)
    assert found.count == 2 and keys(3)[0] not in found
    found.append(keys(4), rows(4))
    np.testing.assert_array_equal(found.rows()[found.places(keys(1, 2, 4))], rows(1, 2, 4))


@pytest.mark.parametrize("name", ["rows.u16c", "keys.bin"])
def test_a_flipped_bit_costs_its_row_and_those_after_it_and_none_is_read_as_good(kept, name):
    file = kept.folder / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4  # in the second row
    file.write_bytes(data)
    found = again(kept)
    assert found.count == 1 and keys(2)[0] not in found and keys(3)[0] not in found
    found.append(keys(2, 3), rows(2, 3))
    np.testing.assert_array_equal(again(kept).rows()[found.places(keys(1, 2, 3))], rows(1, 2, 3))


def test_rows_nobody_asks_for_go_once_they_are_the_greater_part(kept):
    kept.keep_only(keys(2, 3))
    assert kept.count == 3, "one of three may stay"
    kept.keep_only(keys(3))
    for found in (kept, again(kept)):
        assert found.count == 1 and keys(1)[0] not in found
        np.testing.assert_array_equal(found.rows()[found.places(keys(3))], rows(3))
    kept.append(keys(5), rows(5))
    np.testing.assert_array_equal(kept.rows()[kept.places(keys(5, 3))], rows(5, 3))


def test_too_little_room_on_the_disk_is_told_before_the_work(kept):
    kept.check_disk(1000)
    with pytest.raises(activation_cache.DiskError, match=r"disk must have [\d.]+ GiB free for activations, got .* in "):
        kept.check_disk(10**15)


def test_a_reader_changes_nothing_on_disk_whoever_is_writing(kept):
    with (kept.folder / "rows.u16c").open("ab") as file:
        file.write(b"half a row")
    before = {path: path.read_bytes() for path in kept.folder.iterdir()}
    reader = activation_cache.ActivationCache(kept.folder, "trunk", SHAPE, read_only=True)
    np.testing.assert_array_equal(reader.rows()[reader.places(keys(3, 1))], rows(3, 1))
    for other in (kept.folder, kept.folder.parent / "nowhere"):
        assert activation_cache.ActivationCache(other, "another", SHAPE, read_only=True).count == 0
    assert {path: path.read_bytes() for path in kept.folder.iterdir()} == before
    assert not (kept.folder.parent / "nowhere").exists()


def test_a_value_comes_back_within_half_a_step_and_the_ends_and_a_constant_exactly(tmp_path):
    generator = np.random.default_rng(0)
    skewed, narrow = generator.gamma(0.3, 50.0, (20, 30)), generator.normal(-7, 1e-3, (20, 30))
    given = np.stack([skewed, narrow, np.full((20, 30), 0.1)]).astype(np.float32)
    given[0, :5] = 0  # as ReLU leaves many
    kept = activation_cache.ActivationCache(tmp_path / "rows", "trunk", (20, 30))
    kept.append(keys(1, 2, 3), given)
    found = kept.rows()[np.arange(3)]
    for before, after in zip(given, found, strict=True):
        half = (before.max() - before.min()) / 65535 / 2
        assert np.abs(after - before).max() <= half * 1.01 + 1e-6 * np.abs(before).max()
    assert (found[0, :5] == 0).all() and (found[2] == given[2]).all()
    np.testing.assert_array_equal(kept.rows()[1], found[1])


def test_rows_of_an_older_format_are_dropped(tmp_path):
    (tmp_path / "rows").mkdir()
    for name, content in (("trunk", b"trunk"), ("rows.f16", b"1" * 12), ("keys.bin", b"1" * 16)):
        (tmp_path / "rows" / name).write_bytes(content)
    assert activation_cache.ActivationCache(tmp_path / "rows", "trunk", SHAPE).count == 0
    assert not (tmp_path / "rows" / "rows.f16").exists()
