"""Patients of files whose names do not tell them come from a table, which is checked before anything runs."""

import pandas as pd
import pytest
from support.radiographs import fill, picture

from pneumo_utils.datasets import manifest, patient_table, patients


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "data")


def table(tmp_path, rows, head="path,patient"):
    file = tmp_path / "patients.csv"
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return file


def test_a_table_supplies_what_names_do_not_tell(root, tmp_path):
    for number in range(2):
        plain = root / "train" / "NORMAL" / f"IM-{number:04}-0001.jpeg"
        plain.rename(plain.with_name(f"{number}.jpeg"))
    unknown = manifest.build(root)[0]
    assert patients.known(unknown).sum() == 10
    given = table(tmp_path, ["train/NORMAL/0.jpeg,child A", "train/NORMAL/1.jpeg,child A"])
    known = manifest.build(root, patients=given)[0]
    assert patients.known(known).all()
    assert known["patient"].nunique() == 11


@pytest.mark.parametrize(
    ("rows", "head", "rule"),
    [
        ([], "file,patient", "^patients.csv must have the columns path and patient once, got no path$"),
        (["a.jpeg,"], "path,patient", "^patients.csv, line 2: path and patient must not be empty$"),
        (
            ["a.jpeg,1", "a.jpeg,2"],
            "path,patient",
            "^patients.csv must name one patient per path, got two for 'a.jpeg'$",
        ),
        (['a.jpeg,"1\r2"'], "path,patient", r"^patients.csv, line \d: no cell may hold an end of line$"),
        (["a.jpeg,1,2"], "path,patient,patient", "^patients.csv must .* path and patient once, got 2 called patient$"),
        ([], "path,patient", "^patients.csv must name a patient for at least one path, got none$"),
        (["a.jpeg,Doe, Jane"], "path,patient", r"line 2: a row must have 2 cells, .*; quote cells with commas$"),
        (["a.jpeg"], "path,patient", r"line 2: a row must have 2 cells, as the first has"),
        (['a.jpeg,"1', "b.jpeg,2"], "path,patient", "^patients.csv must be a CSV file in UTF-8, got: unexpected end"),
        (['a.jpeg,"1', 'b.jpeg,2"'], "path,patient", r"^patients.csv, line \d: no cell may hold an end of line$"),
        (["a.jpeg,1"], "path,patient", "^paths in patients.csv must be files of the .*, got 1 .* not there: 'a.jpeg'$"),
        (["/data/train/a.jpeg,1"], "path,patient", "as train/NORMAL/a.jpeg, got 1 .*: '/data/train/a.jpeg'$"),
        (["a.jpeg,1"], "path,patients", "^patients.csv must have the columns path and patient once, got no patient$"),
        (["a.jpeg,P1", "b.jpeg,p1"], "path,patient", "^patients.csv must spell .* in one way, got 'P1' and 'p1'$"),
        (["a.jpeg,01", "b.jpeg,1"], "path,patient", "must spell each patient in one way, got '01' and '1'$"),
        (["a.jpeg,P001", "b.jpeg,P1"], "path,patient", "must spell each patient in one way, got 'P001' and 'P1'$"),
        (["a.jpeg,S1-01", "b.jpeg,S1-1"], "path,patient", "must spell each .* in one way, got 'S1-01' and 'S1-1'$"),
        (["a.jpeg,P 01", "b.jpeg,P01"], "path,patient", "must spell each patient in one way, got 'P 01' and 'P01'$"),
        (["a.jpeg,P 01", "b.jpeg,p1"], "path,patient", "must spell each patient in one way, got 'P 01' and 'p1'$"),
        (["a.jpeg,S1 - 2", "b.jpeg,S01-02"], "path,patient", "must spell .* in one way, got 'S1 - 2' and 'S01-02'$"),
        (["a.jpeg,1.0", "b.jpeg,1"], "path,patient", "must spell each patient in one way, got '1.0' and '1'$"),
        (["a.jpeg,ÄB", "b.jpeg,äb"], "path,patient", "must spell each patient in one way, got 'ÄB' and 'äb'$"),
        (["a.jpeg,1.23E+12"], "path,patient", "^patients.csv, line 2: patient must be written in full .*'1.23E\\+12'$"),
        (["a.jpeg;1,2e+11"], "path;patient", "line 2: patient must be written in full .*, got '1,2e\\+11'$"),
        *(
            ([f"a.jpeg,{word}"], "path,patient", "^patients.csv, line 2: patient must name one child .*, got '")
            for word in (
                "unknown",
                "NaN",
                "#N/A",
                "n/a",
                "None",
                " - ",
                "UNKNOWN\u00a0",
                "n.a.",
                "undefined",
                "NaT",
                "-nan",
                "#N/A N/A",
                "#NAME?",
                "#NUM!",
                "#DIV/0!",
                "(null)",
                "<null>",
                "(blank)",
                "anon",
                "Anonymous  Patient",
                "not stated",
                "no-id",
                "Unbekannt",
                "inconnu",
                "N.N.",
                "x",
                "*",
                "\u2013",
                ".",
                "????",
                "_",
                "########",
            )
        ),
        (
            ["a.jpeg,b.jpeg", "b.jpeg,1"],
            "path,patient",
            "must not call a patient by the path of a picture, got 'b.jpeg'",
        ),
        (
            ["train/NORMAL/IM-0000-0001.jpeg,train/NORMAL/IM-0001-0001.jpeg"],
            "path,patient",
            "^patients.csv must not call a patient by the path of a picture, got 'train/NORMAL/IM-0001-0001.jpeg'$",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_sentence(root, tmp_path, rows, head, rule):
    with pytest.raises(ValueError, match=rule):
        manifest.build(root, patients=table(tmp_path, rows, head))


def test_a_table_that_is_not_there_or_no_text_is_refused(root, tmp_path):
    with pytest.raises(ValueError, match="^patients must name a CSV file, got '.*gone.csv': No such file"):
        manifest.build(root, patients=tmp_path / "gone.csv")
    (tmp_path / "bytes.csv").write_bytes(b"path,patient\n\xff\xfe,1\n")
    rule = "^bytes.csv must be a CSV file in UTF-8, got: byte 0xff in line 2, which is none of it$"
    with pytest.raises(ValueError, match=rule):
        manifest.build(root, patients=tmp_path / "bytes.csv")


@pytest.mark.parametrize(
    ("head", "divided_by"),
    [("path,patient", ","), ("path;patient", ";"), ("path\tpatient", "\t"), ("Path, Patient ", ", ")],
)
@pytest.mark.parametrize("path", ["train/NORMAL/a.jpeg", "./train/NORMAL/a.jpeg", "train\\NORMAL\\a.jpeg"])
def test_a_table_is_read_as_other_programs_write_it(tmp_path, head, divided_by, path):
    given = table(tmp_path, [f'{path}{divided_by}"child 1"'], head)
    assert patient_table.read_table(given) == {"train/NORMAL/a.jpeg": "child 1"}


@pytest.mark.parametrize(
    "text",
    [
        'path;patient;age, years\na.jpeg;child 1;"3,5"\n', 'path,patient,"a; b"\na.jpeg,child 1,2\n',
        '"path";"patient"\n"a.jpeg";"child 1"\n', "path\tpatient\tage, years; months\na.jpeg\tchild 1\t3\n",
        "sep=;\r\npath;patient\r\na.jpeg;child 1\r\n", 'SEP=|\npath|patient\na.jpeg|child 1\n',
        "sep=,\npath,patient\na.jpeg,child 1\n", "\n\npath;patient\na.jpeg;child 1\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_cells_are_divided_so_that_both_columns_are_found(tmp_path, text, encoding):
    (tmp_path / "patients.csv").write_bytes(text.encode(encoding))
    assert patient_table.read_table(tmp_path / "patients.csv") == {"a.jpeg": "child 1"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"sep=;\npath;patient\na.jpeg;\n", ", line 3: path and patient must not be empty"),
        (b"sep=;\npath;patients\n", " must have the columns path and patient once, got no patient"),
        (b"path;patients\n", " must have the columns path and patient once, got no patient"),
        (b"", " must have the columns path and patient once, got no path"),
        (b'"path,patient\n', " must be a CSV file in UTF-8, got: unexpected end of data"),
        (b"path,patient\na.jpeg,Zo\xe9", " must be a CSV file in UTF-8, got: byte 0xe9 in line 2, which is none of it"),
    ],
)
def test_a_table_is_refused_by_what_is_wrong_however_it_is_divided(tmp_path, content, said):
    (tmp_path / "patients.csv").write_bytes(content)
    with pytest.raises(patient_table.PatientTableError) as caught:
        patient_table.read_table(tmp_path / "patients.csv")
    assert str(caught.value) == f"patients.csv{said}"


@pytest.mark.parametrize(
    ("one", "other"),
    [("A 1", "A  1"), ("A 1", "A\u00a01"), ("\u00e9", "e\u0301"), ("A1", "A\u200b1"), ("A1", "\uff211")],
)
def test_two_ways_to_write_one_name_are_one_patient(tmp_path, one, other):
    given = patient_table.read_table(table(tmp_path, [f"a.jpeg,{one}", f"b.jpeg,{other}"]))
    assert given == {"a.jpeg": one, "b.jpeg": one}


def test_patients_that_differ_in_more_than_spelling_are_told_apart(tmp_path):
    names = ["1", "10", "100", "1.5", "P1", "P10", "Q1", "1E5", "N.A.1", "Nan Li", "1.01", "1.1", "0", "00A"]
    names += ["1-10", "11-0", "1 10", "11 0", "110", "10-1", "S1-1", "S1-10", "S11-0", "S10-1", "S101", "2 B", "20B"]
    names += ["-1", "999", "#12", "Ann-Lee", "Anonymous 7", "Natalie", "X1", "\u674e", "Noname 3"]
    rows = [f"{number}.jpeg,{name}" for number, name in enumerate(names)]
    assert list(patient_table.read_table(table(tmp_path, rows)).values()) == names


def test_a_patient_of_very_many_pictures_is_named_once_with_their_number(tmp_path, caplog):
    given = {f"{number}.jpeg": "nobody" if number < 21 else f"P{number // 20}" for number in range(400)}
    patient_table.warn_of_many(given, 400, "patients.csv")
    patient_table.warn_of_many(given, 420, "patients.csv")
    patient_table.warn_of_many({"a.jpeg": "nobody"} | dict.fromkeys("bcdef", "P1"), 199, "patients.csv")
    told = "patients.csv calls 21 of 400 pictures those of 'nobody': if that is not one child, leave out its rows"
    assert caplog.messages == [told]


def test_whoever_has_very_many_pictures_is_named_before_anything_is_trained(root, tmp_path, caplog):
    for number in range(200):
        (root / "train" / "NORMAL" / f"{number}.jpeg").write_bytes(picture(1))
    rows = [f"train/NORMAL/{number}.jpeg,nobody" for number in range(100)]
    manifest.check(root, patients=table(tmp_path, rows))
    assert caplog.messages == [
        "patients.csv calls 100 of 212 pictures those of 'nobody': if that is not one child, leave out its rows"
    ]


def cases(*named):
    paths = [f"{number}.jpeg" for number in range(len(named))]
    return pd.DataFrame({"path": paths, "patient": [one or path for one, path in zip(named, paths, strict=True)]})


@pytest.mark.parametrize(
    ("named", "count"),
    [
        (("a", "a", "b"), "3 radiographs of 2 patients"),
        (("a", "a", ""), "3 radiographs, 2 of them of 1 known patients"),
        (("", "", ""), "3 radiographs of unknown patients"),
    ],
)
def test_nobody_counts_patients_that_are_not_known(named, count):
    assert patients.count(cases(*named)) == count


def test_the_reader_is_told_for_how_many_the_patient_is_known():
    assert patients.explain(cases("a", "b")) == "The patient of each of the 2 radiographs is known."
    told = patients.explain(cases("a", "", ""))
    assert told.startswith("The patient is known for 1 of 3 radiographs. Each of the other 2 counts as a patient")


def test_every_picture_of_a_shared_patient_in_the_second_part_is_counted_and_no_other():
    frame = pd.DataFrame({"path": list("abcd"), "part": ["train", "test", "test", "test"], "patient": list("pppq")})
    frame = frame.assign(number=[1, 1, 1, 2], series="person", etiology="viral")
    assert patients.overlap(frame)[["shared", "images"]].to_numpy().tolist() == [[1, 2]] * 4
