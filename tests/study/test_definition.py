"""Study files: everything is checked before the first cell runs, and said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from pneumo_utils.study import definition, description

PARAMS = Path(__file__).parents[2] / "params"
SMOKE = (PARAMS / "smoke.yaml").read_text(encoding="utf-8")
TARGET = "evaluation.threshold_target"
MARGIN = "evaluation.threshold_margin"
PHASES = ("head_epochs", "top_epochs", "progressive_epochs", "end_to_end_epochs")
GRADCAM = SMOKE[SMOKE.index("gradcam:\n") : SMOKE.index("\ndeployment:")]


@pytest.fixture
def load(tmp_path):
    """Load the smoke study with some of its text replaced."""

    def loaded(*swaps, **options):
        text = SMOKE
        for old, new in swaps:
            assert text.count(old) == 1, f"{old!r} is not one place of smoke.yaml"
            text = text.replace(old, new)
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        return definition.load("mine", tmp_path, **options)

    return loaded


@pytest.fixture
def refusal(load):
    """The one sentence that a changed smoke study is refused with."""

    def sentence(*swaps):
        with pytest.raises(definition.StudyError) as caught:
            load(*swaps)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return sentence


def test_every_study_is_there_and_loads_those_in_folders_too():
    assert set(definition.names(PARAMS)) >= {"demo", "kermany", "smoke", "candidates/wide-160"}
    for name in definition.names(PARAMS):
        assert definition.load(name, PARAMS).flat()["image_size"] >= 32


def test_all_studies_carry_the_same_keys_in_the_same_order():
    def keys(name):
        raw = YAML(typ="safe", pure=True).load((PARAMS / f"{name}.yaml").read_text(encoding="utf-8"))
        return [(section, list(values)) for section, values in raw.items()]

    declared = [(name, list(field.annotation.model_fields)) for name, field in definition.Study.model_fields.items()]
    for name in definition.names(PARAMS):
        assert keys(name) == declared


def test_names_are_unique_across_sections_so_that_flat_loses_none():
    leaves = [leaf for field in definition.Study.model_fields.values() for leaf in field.annotation.model_fields]
    assert len(leaves) == len(set(leaves))
    assert list(definition.load("smoke", PARAMS).flat()) == leaves


def test_every_parameter_has_help_and_is_listed():
    listed = description.describe()
    for section in definition.Study.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            assert field.description
            assert f"  {name} " in listed


def test_a_parameter_is_listed_with_its_steps_and_a_list_with_what_it_may_hold():
    listed = description.describe()
    assert "int in [32, 512], steps of 16 " in listed and "list of cnn | vgg16 | resnet50 " in listed
    assert "list of float in (0, 1) " in listed and "list of onnx | litert | litert-int8 " in listed
    assert "list of int in [0, 2147483647] " in listed


@pytest.mark.parametrize("text", ["yes", "No", "off", "12:30", "1:1.5", "y", "plain words", "3e-05", "0x1f", "~", ""])
def test_text_is_text_to_readers_of_the_older_yaml_too(text):
    written = definition.to_yaml({"title": text})
    assert yaml.safe_load(written) == {"title": text} == YAML(typ="safe", pure=True).load(written)


def test_the_small_network_alone_needs_no_phase_of_the_others(load):
    alone = load(
        ("models: [cnn, vgg16, resnet50]", "models: [cnn]"), ("ensemble: [cnn, vgg16, resnet50]", "ensemble: []"),
        *((f"{name}: {SMOKE.split(f'{name}: ')[1].splitlines()[0]}\n", f"{name}: 0\n") for name in PHASES),
    )  # fmt: skip
    assert alone.training.models == ["cnn"]


def test_a_layer_of_a_network_that_is_not_trained_is_refused(refusal):
    said = refusal(
        ("models: [cnn, vgg16, resnet50]", "models: [cnn]"), ("ensemble: [cnn, vgg16, resnet50]", "ensemble: []"),
        ("explained_layers: []", "explained_layers: [vgg16:block4_conv3]"),
    )  # fmt: skip
    assert said == (
        "mine.yaml: gradcam.explained_layers must be of networks that are trained, cnn, got vgg16:block4_conv3"
    )


def test_a_misspelt_key_is_answered_with_the_right_one(refusal):
    said = refusal(("  rotation: 8.0", "  rotaton: 8.0"))
    assert "augmentation.rotaton is not a parameter, did you mean rotation?" in said
    assert "augmentation.rotation is missing" in said
    assert "augmentaton is not a parameter, did you mean augmentation?" in refusal(("augmentation:", "augmentaton:"))


@pytest.mark.parametrize(
    ("size", "rule"),
    [
        ("16", "training.test_image_size must be 0 or at least 32, got 16"),
        ("512", "training.test_image_size must be at most images.stored_size, 32, got 512"),
    ],
)
def test_a_finished_network_sees_no_pictures_that_nothing_is_left_of(refusal, size, rule):
    assert refusal(("test_image_size: 0", f"test_image_size: {size}")).endswith(rule)


def test_pictures_that_come_first_are_no_larger_than_those_that_follow(refusal):
    last, first = ("end_to_end_epochs: 0", "end_to_end_epochs: 1"), ("progressive_epochs: 0", "progressive_epochs: 1")
    said = refusal(last, first, ("progressive_size: 32", "progressive_size: 48"))
    assert said.endswith("training.progressive_size must be at most images.image_size, 32, got 48")


def test_a_name_that_is_no_parameter_is_answered_with_the_likest_one(refusal):
    said = refusal(("  crop_area_min: ", "  crop_area: "))
    assert ".crop_area is not a parameter, did you mean crop_area_min?" in said and ".crop_area_min is missing" in said
    assert refusal(("  rotation: 8.0", "  rotation: 8.0\n  zzqq: 1")) == (
        "mine.yaml: augmentation.zzqq is not a parameter"
    )


def test_a_missing_key_or_section_is_named(refusal):
    assert refusal(("  dropout: 0.2\n", "")) == "mine.yaml: training.dropout is missing"
    assert refusal((GRADCAM, "")) == "mine.yaml: gradcam is missing"
    assert "sections of parameters, got gradcam, which is NoneType" in refusal((GRADCAM, "gradcam:\n"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("batch_size: 32", "batch_size: '12'", "training.batch_size: input should be a valid integer, got '12'"),
        ("batch_size: 32", "batch_size: 12.0", "training.batch_size: input should be a valid integer, got 12.0"),
        ("batch_size: 32", "batch_size: true", "training.batch_size: input should be a valid integer, got True"),
        ("batch_size: 32", "batch_size:", "training.batch_size: input should be a valid integer, got None"),
        ("dropout: 0.2", "dropout: '0.2'", "training.dropout: input should be a valid number, got '0.2'"),
        ("flip: false", "flip: no", "augmentation.flip: input should be a valid boolean, got 'no'"),
        ("flip: false", "flip: 0", "augmentation.flip: input should be a valid boolean, got 0"),
        ("weights: none", "weights: 3", "training.weights: input should be a valid string, got 3"),
    ],
)
def test_a_value_of_the_wrong_type_is_not_converted(refusal, old, new, said):
    assert refusal((old, new)) == f"mine.yaml: {said}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "explained_layers: []",
            "explained_layers: [block5]",
            "gradcam.explained_layers.0: must be network:layer, such as vgg16:block4_conv3, got 'block5'",
        ),
        ("heat_map: gradcam", "heat_map: cam", "gradcam.heat_map: input should be 'gradcam' or 'gradcam++', got 'cam'"),
        ("rotation: 8.0", "rotation: 80", "augmentation.rotation: input should be less than or equal to 45, got 80"),
        ("rotation: 8.0", "rotation: .nan", "augmentation.rotation: input should be less than or equal to 45, got nan"),
        ("threshold_target: 0.95", "threshold_target: 1.0", f"{TARGET}: input should be less than 1, got 1.0"),
        ("threshold_target: 0.95", "threshold_target: 0", f"{TARGET}: input should be greater than 0, got 0"),
        ("threshold_margin: 0.5", "threshold_margin: 1.0", f"{MARGIN}: input should be less than 1, got 1.0"),
        ("threshold_margin: 0.5", "threshold_margin: 0", f"{MARGIN}: input should be greater than 0, got 0"),
        ("threshold_rule: sensitivity", "threshold_rule: best", "evaluation.threshold_rule: input should be 'sens"),
        ("image_size: 32", "image_size: 40", "images.image_size: input should be a multiple of 16, got 40"),
        ('folder: ""', "folder: mine", "data: data.folder must be empty where data.source is phantom (did you mean"),
        (
            "retrained_model: cnn\n  left_out_series: false",
            "retrained_model: none\n  left_out_series: true",
            "training: left_out_series must be false where retrained_model is none, got true",
        ),
        ("source: phantom", "source: kagle", "data.source: input should be 'phantom', 'folder', 'kaggle', 'mendeley'"),
        ("models: [cnn, vgg16, resnet50]", "models: [cnn, vgg19]", "training.models.1: input should be 'cnn', 'vgg16'"),
        ("models: [cnn, vgg16, resnet50]", "models: []", "training.models: list should have at least 1 item"),
        ("models: [cnn, vgg16, resnet50]", "models: [cnn, cnn]", "training.models: each must stand there once"),
        (
            "ensemble: [cnn, vgg16, resnet50]",
            "ensemble: [cnn, cnn]",
            "training.ensemble: each must stand there once, got",
        ),
        (
            "models: [cnn, vgg16, resnet50]",
            "models: [cnn, vgg16]",
            "training: ensemble must hold some of models, cnn, vgg16, got cnn, vgg16, resnet50",
        ),
        (
            "ensemble: [cnn, vgg16, resnet50]",
            "ensemble: [cnn]",
            "training: ensemble must be of at least two networks or of two seeds, got cnn from one seed",
        ),
        ("seeds: [0]", "seeds: [1, 1]", "training.seeds: each must stand there once, got [1, 1]"),
        (
            "prevalences: [0.05, 0.15, 0.5]",
            "prevalences: [0.05, 0.05]",
            "evaluation.prevalences: each must stand there once, got [0.05, 0.05]",
        ),
        (
            "explained_layers: []",
            "explained_layers: [vgg16:block3_pool, vgg16:block4_conv3]",
            "gradcam.explained_layers: each network must stand there once, got",
        ),
        ("title: Smoke study", "title: '  '", "about.title: string should match pattern"),
        ("seeds: [0]", "seeds: [-1]", "training.seeds.0: input should be greater than or equal to 0, got -1"),
        ("cache: data", 'cache: "da\\0ta"', "data.cache: must hold no NUL character, got 'da\\x00ta'"),
        ("cycles: 1", "cycles: 7", "training: cycles must divide end_to_end_epochs, "),
    ],
)
def test_a_value_out_of_range_is_named_with_its_rule(refusal, old, new, said):
    assert refusal((old, new)).startswith(f"mine.yaml: {said}")


def test_several_mistakes_are_told_at_once(refusal):
    said = refusal(("rotation: 8.0", "rotation: 80"), ("dropout: 0.2", "dropout: 2"))
    assert "augmentation.rotation: " in said
    assert "training.dropout: " in said


@pytest.mark.parametrize("written", ["1e-4", "1E-4", "0.0001", "1.0e-4"])
def test_a_power_of_ten_arrives_as_a_number(load, written):
    value = load(("head_learning_rate: 3e-3", f"head_learning_rate: {written}")).training.head_learning_rate
    assert isinstance(value, float)
    assert value == 1e-4


def test_a_leading_zero_is_decimal_and_a_whole_number_passes_for_a_fraction(load):
    got = load(("batch_size: 32", "batch_size: 012"), ("rotation: 8.0", "rotation: 8"))
    assert got.training.batch_size == 12
    assert isinstance(got.augmentation.rotation, float)


def test_a_duplicate_key_is_an_error(refusal):
    assert 'found duplicate key "rotation"' in refusal(("rotation: 8.0", "rotation: 8.0\n  rotation: 9.0"))


def test_an_unknown_study_lists_those_that_are_there():
    with pytest.raises(definition.StudyError) as caught:
        definition.load("kermani", PARAMS)
    assert str(caught.value) == f"study must be one of {', '.join(definition.names(PARAMS))}, got 'kermani'"


def test_a_parameter_file_with_another_ending_is_named(tmp_path):
    (tmp_path / "a.yaml").touch()
    (tmp_path / "own.yml").touch()
    with pytest.raises(definition.StudyError, match="got 'own'; own.yml must be called own.yaml$"):
        definition.load("own", tmp_path)


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("tiny/model", "tiny"),
        ("bench", "bench"),
        ("compare/a", "compare"),
        ("Bench", "Bench"),
        ("index.html", "index.html"),
        ("Reliability.md", "Reliability.md"),
        ("TINY/model", "TINY"),
    ],
)
def test_a_study_whose_folder_another_writes_to_is_refused(tmp_path, name, inside):
    for one in ("tiny", name):
        (tmp_path / f"{one}.yaml").parent.mkdir(exist_ok=True)
        (tmp_path / f"{one}.yaml").write_bytes((PARAMS / "smoke.yaml").read_bytes())
    told = f"^a study must have a folder of its own in reports/, got {name}, in {inside}/$"
    with pytest.raises(definition.StudyError, match=told):
        definition.load(name, tmp_path)
    assert definition.load("tiny", tmp_path)


def test_an_ending_in_capitals_is_named_too(tmp_path):
    for name in ("a.yaml", "own/my study.YAML"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(definition.StudyError, match="; my study.YAML must be called my study.yaml$"):
        definition.load("own/my study", tmp_path)


def test_studies_of_a_linked_folder_are_found_and_a_link_that_leads_back_ends(tmp_path):
    (tmp_path / "params").mkdir()
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "own.yaml").write_text(SMOKE)
    (tmp_path / "params" / "mine").symlink_to(tmp_path / "studies")
    (tmp_path / "params" / "back").symlink_to(tmp_path / "params")
    assert definition.names(tmp_path / "params") == ["mine/own"]
    assert definition.load("mine/own", tmp_path / "params")


def test_a_message_names_the_study_with_its_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    for text, rule in ((SMOKE.replace("dropout: 0.2", "dropout: 2"), ": training.dropout: "), ("- 1", " must hold ")):
        (tmp_path / "mine" / "own.yaml").write_text(text)
        with pytest.raises(definition.StudyError, match=f"^mine/own.yaml{rule}"):
            definition.load("mine/own", tmp_path)


def test_a_directive_is_told_in_one_sentence_without_warnings_of_the_reader(tmp_path, recwarn, capfd):
    (tmp_path / "mine.yaml").write_text("%YAML 1.1\n---\nabout: {title: no}\n")
    with pytest.raises(definition.StudyError, match="got the directive '%YAML 1.1'$"):
        definition.load("mine", tmp_path)
    assert not recwarn.list and capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["../params/smoke", "/etc/passwd", "", ".", "smoke.yaml", "candidates/../smoke"])
def test_a_name_that_would_lead_out_of_the_reports_is_no_study(name):
    with pytest.raises(definition.StudyError, match="^study must be one of "):
        definition.load(name, PARAMS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"about: [1,\n b", "mine.yaml must be valid YAML, got: while parsing"),
        (b"about:\n\ttitle: x", "mine.yaml must be valid YAML, got: while scanning"),
        (b"\xff\xfe\x00", "mine.yaml must be valid YAML, got: 'utf-8' codec can't decode"),
        (b"- 1\n- 2", "mine.yaml must hold sections of parameters, got list"),
        (b"about: " + b"[" * 5000 + b"]" * 5000, "mine.yaml must be valid YAML, got: maximum recursion depth"),
        (b"about: " + b"9" * 5000, "mine.yaml must be valid YAML, got: Exceeds the limit"),
        (
            b"about: !!python/object/apply:os.system [ls]",
            "mine.yaml must be valid YAML, got: could not determine a con",
        ),
        (b"about: 1\n---\nabout: 2", "mine.yaml must be valid YAML, got: expected a single document"),
        (b"about: &a {x: *a}", "mine.yaml: about.title is missing"),
        (b"about:\x00", "mine.yaml must be valid YAML, got: unacceptable character"),
        (b"", "mine.yaml must hold sections of parameters, got NoneType"),
        (b"about: 1", "mine.yaml must hold sections of parameters, got about, which is int"),
        (
            b"# mine\n\n%YAML 1.1\n---\nabout: {}",
            "mine.yaml must begin with its sections, got the directive '%YAML 1.1'",
        ),
        (
            b"\xef\xbb\xbf%YAML 1.2\n---\nabout: {}",
            "mine.yaml must begin with its sections, got the directive '%YAML 1.2'",
        ),
    ],
)
def test_what_is_not_yaml_is_said_in_one_line(tmp_path, content, said):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(definition.StudyError) as caught:
        definition.load("mine", tmp_path)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "source"),
    [("my/folder", "folder"), ("set.npz", "medmnist"), ("SET.NPZ", "medmnist"), ("archive.zip", "folder")],
)
def test_data_takes_the_place_of_source_and_folder(load, given, source):
    got = load(data=given).data
    assert (got.source, got.folder) == (source, given)
    assert got.cache == load().data.cache


def test_a_path_that_is_not_utf8_is_refused_before_any_work(load):
    for given in ({"data": "/my/caf\udce9"}, {"weights": "caf\udce9.h5"}):
        with pytest.raises(definition.StudyError, match=r"(must be UTF-8|unicode string), got '.*caf\\udce9"):
            load(**given)


def test_hidden_files_are_no_studies_and_control_characters_make_no_name(tmp_path):
    for name in ("mine", "._mine", ".ipynb_checkpoints/mine-checkpoint", "two\nlines", "bell\x07"):
        (tmp_path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_bytes((PARAMS / "smoke.yaml").read_bytes())
    assert definition.names(tmp_path) == ["bell\x07", "mine", "two\nlines"]
    for name in ("two\nlines", "bell\x07"):
        with pytest.raises(definition.StudyError, match="^a study must have a name without control characters, got '"):
            definition.load(name, tmp_path)


def test_a_file_that_lacks_what_is_asked_for_says_what(tmp_path):
    (tmp_path / "parameters.yaml").write_text("training: {models: [cnn]}")
    found = definition.read_sections(tmp_path / "parameters.yaml")
    assert found["training"]["models"] == ["cnn"]
    with pytest.raises(definition.StudyError, match="^parameters.yaml: training.seeds is missing$"):
        found["training"]["seeds"]
    with pytest.raises(definition.StudyError, match="^parameters.yaml: data is missing$"):
        found["data"]


def test_weights_take_the_place_of_the_files(load):
    assert load(weights="imagenet").training.weights == "imagenet"
    assert load().training.weights == "none"


def test_a_study_cannot_be_changed_after_it_was_checked(load):
    with pytest.raises(ValueError, match="frozen"):
        load().training.seeds = [3]


def test_the_digest_follows_every_parameter_and_not_the_spelling(load):
    plain = load().digest()
    assert len(plain) == 64
    assert load(("rotation: 8.0", "rotation: 8  # degrees")).digest() == plain
    assert load(("  seeds: [0]", "  seeds: [0, 1]")).digest() != plain
    assert load(("title: Smoke study", "title: Smoke")).digest() != plain
