"""A hundred files that lie among radiographs: each is used, or left out with a sentence, and none stops the rest."""

from __future__ import annotations

import pytest
from support import reliability
from support.bad_images import USED, all_of_them
from support.radiographs import fill

from pneumo_utils.datasets import manifest

ODD = all_of_them()


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    root = fill(tmp_path_factory.mktemp("odd") / "set")
    for number, one in enumerate(ODD):
        folder = root / "train" / "NORMAL" / f"{number:03}"  # some names are there twice
        folder.mkdir()
        (folder / one.name).write_bytes(one.content)
    return manifest.build(root, smallest_side=24, least_grey_range=8)


@pytest.mark.parametrize("number", range(len(ODD)), ids=[one.name.encode("unicode_escape").decode() for one in ODD])
def test_a_file_is_used_or_left_out_with_a_sentence_its_owner_understands(read, number):
    table, exclusions, _ = read
    path = f"train/NORMAL/{number:03}/{ODD[number].name}"
    reasons = exclusions.set_index("path")["reason"]
    if ODD[number].said == USED:
        assert path in set(table["path"]), reasons.get(path)
    else:
        reason = reasons[path]
        assert reason and "\n" not in reason and "Traceback" not in reason and "0x" not in reason.split("marker")[0]
        assert reason.startswith(ODD[number].said), reason
    reliability.note("bad or odd inputs tried", 1)
    reliability.note("answered in a clear sentence, or used", 1)


def test_there_are_a_hundred_and_the_good_ones_among_them_are_all_used(read):
    assert len(ODD) >= 100
    assert len(read[0]) == 12 + sum(one.said == USED for one in ODD)
    assert len(read[0]) + len(read[1]) == 12 + len(ODD)


def test_nothing_is_said_on_the_terminal(tmp_path, capfd):
    root = fill(tmp_path)
    for number, one in enumerate(ODD):
        (root / "train" / "NORMAL" / f"{number:03}").mkdir()
        (root / "train" / "NORMAL" / f"{number:03}" / one.name).write_bytes(one.content)
    manifest.build(root, smallest_side=24, least_grey_range=8)
    assert capfd.readouterr() == ("", "")
