"""Byte-identical files are told apart by what they cross: parts, or classes."""

import pandas as pd

from pneumo_utils.datasets import manifest


def test_copies_in_two_classes_of_a_part_cross_classes_and_those_in_two_parts_of_a_class_parts():
    rows = [("a", "train", 0, "p"), ("a", "train", 1, "q"), ("b", "train", 0, "r"), ("b", "test", 0, "r")]
    found = manifest.duplicate_groups(pd.DataFrame(rows, columns=["sha256", "part", "label", "patient"]))
    crossed = found[["sha256", "crosses_class", "crosses_part"]].to_numpy().tolist()
    assert crossed == [["a", True, False], ["b", False, True]]
