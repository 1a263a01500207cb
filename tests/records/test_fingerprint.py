"""What makes a step run again, and what does not."""

from __future__ import annotations

import os

import numpy as np
import pytest

from pneumo_utils.records import fingerprint


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "rooms"
    rooms = {
        "reporting/figures/style": "import numpy\nfrom pneumo_utils.evaluation.metrics import decide\n",
        "reporting/figures/__init__": "",
        "evaluation/metrics": "from pneumo_utils.records import tables\n",
        "records/tables": "import pandas\n",
        "datasets/sources": "def open_():\n    from pneumo_utils.datasets import phantom\n",
        "datasets/phantom": "import pneumo_utils.datasets.sources\n",  # a cycle must not hang
    }
    for name, text in rooms.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_hash_follows_every_value_and_not_the_order_of_keys():
    assert fingerprint.of({"a": 1, "b": [2]}) == fingerprint.of({"b": [2], "a": 1})
    assert len({fingerprint.of(1), fingerprint.of("1"), fingerprint.of(1, 2), fingerprint.of([1, 2])}) == 4


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from pneumo_utils import a, b as c", {"a", "b"}),
        ("from pneumo_utils.a import b, c", {"a.b", "a.c"}),
        ("import pneumo_utils.a.b as x, numpy", {"a.b"}),
        ("def f():\n    from pneumo_utils.a.b import c", {"a.b.c"}),
        ("from pneumo_utils_two import a\nimport pandas", set()),
    ],
)
def test_imports_are_found_in_every_spelling(source, found):
    assert fingerprint.imports(source) == found


def test_rooms_that_rooms_need_are_included(package):
    needed = ["evaluation.metrics", "records.tables", "reporting.figures.style"]
    assert fingerprint.rooms("from pneumo_utils.reporting.figures import style", package) == needed
    assert fingerprint.rooms("from pneumo_utils.reporting.figures.style import new", package) == needed
    assert fingerprint.rooms("from pneumo_utils.datasets import sources, nowhere", package) == [
        "datasets.phantom",
        "datasets.sources",
    ]


def test_a_wing_counts_as_a_room_where_it_is_named_itself(package):
    assert fingerprint.rooms("from pneumo_utils.reporting import figures", package) == ["reporting.figures"]
    assert fingerprint.rooms("import pneumo_utils.nowhere", package) == []


def test_a_changed_room_counts_where_it_is_needed_and_only_there(package):
    drawing, loading = "from pneumo_utils.reporting.figures import style", "from pneumo_utils.datasets import sources"
    before = [fingerprint.of_rooms(source, package) for source in (drawing, loading)]
    (package / "records" / "tables.py").write_text("import pandas as pd\n")
    after = [fingerprint.of_rooms(source, package) for source in (drawing, loading)]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_what_a_room_says_of_itself_does_not_count_unless_it_reads_that(package):
    room, source = package / "records" / "tables.py", "from pneumo_utils.records import tables"

    def hashed(text):
        room.write_text(text)
        return fingerprint.of_rooms(source, package)

    plain = 'def one(x=1):\n    return "1"\n'
    spoken = '"""A room."""\n\n\ndef one(x=1):\n    """One."""\n    # why\n    return (\n        "1"\n    )\n'
    assert hashed(spoken) == hashed(plain)
    others = [plain.replace("1", "2", 1), plain.replace('"1"', '"2"'), plain + "one()\n", spoken + "print(__doc__)\n"]
    others.append(others[-1].replace("A room", "A wing"))
    assert len({hashed(text) for text in (plain, *others)}) == 6


def test_docstrings_that_become_a_schema_count(package):
    room, source = package / "records" / "tables.py", "from pneumo_utils.records import tables"
    text = 'class One(BaseModel):\n    """A part."""\n\n\nOne.model_json_schema()\n'
    room.write_text(text)
    before = fingerprint.of_rooms(source, package)
    room.write_text(text.replace("A part", "A whole"))
    assert fingerprint.of_rooms(source, package) != before


def test_weights_that_lie_beside_a_room_count_as_the_room(package):
    source = "from pneumo_utils.reporting.figures import style"
    found = [fingerprint.of_rooms(source, package)]
    for content in (b"1", b"2"):
        (package / "records" / "tables.npz").write_bytes(content)
        found.append(fingerprint.of_rooms(source, package))
    assert len(set(found)) == 3


def test_a_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "a"
    assert fingerprint.of_file(path) == ""
    path.write_bytes(b"")
    empty = fingerprint.of_file(path)
    path.write_bytes(b"1")
    assert len(empty) == 64
    assert fingerprint.of_file(path) != empty


def test_a_folder_is_known_by_names_sizes_and_times(tmp_path):
    root = tmp_path / "data"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "a").write_bytes(b"1")
    seen = [fingerprint.of_folder(root)]
    assert fingerprint.of_folder(root) == seen[0]
    os.utime(root / "deep" / "a", ns=(5, 5))
    seen.append(fingerprint.of_folder(root))
    (root / "b").write_bytes(b"")
    seen.append(fingerprint.of_folder(root))
    (root / "b").rename(root / "c")
    seen.append(fingerprint.of_folder(root))
    assert len(set(seen)) == 4
    root.rename(tmp_path / "moved")
    assert fingerprint.of_folder(tmp_path / "moved") == seen[-1]


def test_a_change_behind_a_followed_link_or_with_a_time_that_was_set_back_is_seen(tmp_path):
    root, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (elsewhere / "a").write_bytes(b"1")
    (root / "train").symlink_to(elsewhere)
    (elsewhere / "NORMAL").symlink_to(root)  # leads back
    seen, times = [fingerprint.of_folder(root)], (elsewhere / "a").stat()
    (elsewhere / "a").write_bytes(b"2")
    os.utime(elsewhere / "a", ns=(times.st_atime_ns, times.st_mtime_ns))
    seen.append(fingerprint.of_folder(root))
    (elsewhere / "b").touch()
    seen.append(fingerprint.of_folder(root))
    (root / "val").symlink_to(elsewhere)  # another way to what is seen already
    seen.append(fingerprint.of_folder(root))
    assert len(set(seen)) == 4
    (root / "archive").symlink_to(tmp_path / "large")
    (tmp_path / "large").mkdir()
    seen.append(fingerprint.of_folder(root))
    (tmp_path / "large" / "a").touch()
    assert fingerprint.of_folder(root) == seen[-1], "no part and no class: not followed"


def test_an_array_is_told_by_its_type_shape_and_values_however_it_lies_in_memory():
    one = np.arange(12, dtype=np.uint8).reshape(3, 4)
    others = [one.reshape(4, 3), one.astype(np.int16), one[::-1], one.astype(str), one[:0]]
    assert len({fingerprint.of_array(array) for array in (one, *others)}) == 6
    assert fingerprint.of_array(np.asfortranarray(one)) == fingerprint.of_array(one)


@pytest.mark.parametrize(("one", "other"), [(np.float32, np.int32), (np.uint8, bool), (">u2", "<u2")])
def test_arrays_of_the_same_bytes_and_different_types_are_told_apart(one, other):
    nought = np.zeros(4, one)
    assert fingerprint.of_array(nought) != fingerprint.of_array(nought.view(other))


def test_a_room_is_hashed_by_its_name_as_by_an_import_of_it(package):
    source = "from pneumo_utils.reporting.figures import style"
    assert fingerprint.of_room("reporting.figures.style", package) == fingerprint.of_rooms(source, package)


def test_every_room_of_the_package_is_found():
    assert "imaging.augmentation" in fingerprint.rooms("import pneumo_utils.networks.replicates")


def test_a_parser_that_another_thread_has_disturbed_is_asked_once_more(monkeypatch):
    parse, asked = fingerprint.ast.parse, []

    def disturbed(source):
        asked.append(source)
        if len(asked) == 1:
            raise SystemError("AST constructor recursion depth mismatch (before=165, after=215)")
        return parse(source)

    monkeypatch.setattr(fingerprint.ast, "parse", disturbed)
    assert fingerprint.imports("from pneumo_utils.records import store") == {"records.store"}
    assert len(asked) == 2
