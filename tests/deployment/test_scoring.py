"""Scoring: one answer per file, in order, whatever the file is; nothing is judged that is refused."""

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import bundles, judging

from pneumo_utils.deployment.averaged_networks import AveragedNetworks
from pneumo_utils.deployment.scoring import Scorer
from pneumo_utils.evaluation.log_odds import logits
from pneumo_utils.imaging.augmentation import test_view as view_of


def draw(path, mean, side=80):
    pixels = np.clip(np.random.default_rng(mean).normal(mean, 20, (side, side)), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture
def engine(monkeypatch):
    return judging.put(monkeypatch)


@pytest.fixture
def scorer(engine, tmp_path):
    return Scorer(bundles.write(tmp_path / "bundle" / "model"))


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear colleague,")
    (tmp_path / "empty.png").touch()
    return [
        draw(tmp_path / "light.png", 180),
        str(tmp_path / "letter.txt"),
        draw(tmp_path / "dark.png", 5),
        str(tmp_path / "empty.png"),
        draw(tmp_path / "white.png", 250),
        draw(tmp_path / "tiny.png", 120, side=8),
        str(tmp_path / "gone.png"),
        str(tmp_path),
        draw(tmp_path / "middle.png", 120),
    ]


def test_false_colours_are_remarked_and_a_grey_picture_stored_in_colour_is_not(scorer, tmp_path):
    grey = np.clip(np.random.default_rng(0).normal(180, 20, (80, 80)), 0, 255).astype(np.uint8)
    for name, channels in (("grey", [grey] * 3), ("false", [grey, grey, 255 - grey])):
        Image.fromarray(np.dstack(channels)).save(tmp_path / f"{name}.png")
    plain, coloured = (next(scorer.score([str(tmp_path / f"{name}.png")])).score for name in ("grey", "false"))
    assert not any(flag.startswith("in colour") for flag in plain.flags)
    assert any(flag.startswith("in colour: channels differ by") for flag in coloured.flags)


def test_a_picture_with_fewer_pixels_than_the_network_sees_is_remarked_and_a_narrow_one_refused(scorer, tmp_path):
    grey = np.random.default_rng(0).normal(180, 20, (30, 300)).clip(0, 255).astype(np.uint8)
    for name, width in (("small", 30), ("wide", 120), ("narrow", 300)):
        Image.fromarray(grey[:, :width]).save(tmp_path / f"{name}.png")
    said = {name: next(scorer.score([str(tmp_path / f"{name}.png")])).score for name in ("small", "wide", "narrow")}
    assert "small: 30 x 30 pixels, enlarged to the 32 that the network looks at" in said["small"].flags
    assert said["narrow"].reason == "too narrow: sides may differ by 4 times at most, got 300 x 30"
    assert not said["wide"].reason.startswith("too narrow")


def test_every_file_has_one_answer_in_order_with_its_reason(scorer, paths, engine):
    scores = [answer.score for answer in scorer.score(paths)]
    assert [score.path for score in scores] == paths
    assert [score.reason for score in scores] == [
        "",
        "not an image (none of JPEG, PNG, TIFF, BMP or WebP)",
        "too dark to see",
        "empty file (0 bytes)",
        "too far from what is known",
        "too small: sides must be at least 24 pixels, got 8 x 8",
        "must be a regular file, got no such file",
        "must be a regular file, got something else",
        "",
    ]
    assert [score.decision for score in scores if score.status == "scored"] == ["pneumonia", "normal"]
    assert [score.unsure for score in scores if score.status == "scored"] == [True, True]
    assert all(score.probability is None and not score.decision for score in scores if score.status == "refused")
    assert engine.seen == 2 * 3, "two views of what passed the gate, and of nothing else"


@pytest.mark.parametrize("mean", [5, 250])  # refused before the network, and after it
def test_what_is_refused_keeps_its_remarks(scorer, tmp_path, mean):
    score = next(scorer.score([draw(tmp_path / "odd.png", mean)])).score
    assert score.status == "refused" and "plain" in score.flags


def test_answers_for_any_age_have_another_engine_in_the_table(scorer):
    labels = [Scorer(scorer.bundle, any_age=any_age).engine_label for any_age in (False, True)]
    assert labels == ["keras", "keras, any age"]


def test_views_are_averaged_as_in_the_study_ten_of_them_as_a_plain_mean(tmp_path, engine):
    pictures = np.random.default_rng(1).integers(0, 256, (5, 64, 64), np.uint8)
    for count, of in itertools.product((1, 2, 4, 10), ("probability", "logit")):
        numbers = {1: (0,), 2: (0, 1), 4: (0, 1, 2, 3), 10: range(2, 12)}[count]
        every = np.array([[view_of(one, n, 32).astype(np.float32).mean() / 255 for one in pictures] for n in numbers])
        wanted = every.mean(axis=0) if of == "probability" else 1 / (1 + np.exp(-logits(every).mean(axis=0)))
        judged, features = AveragedNetworks([engine], count, of).predict(pictures)
        np.testing.assert_allclose(judged, wanted, rtol=1e-6)
        np.testing.assert_allclose(features[:, 0], every[0], rtol=1e-6)
        np.testing.assert_array_equal(AveragedNetworks([engine], count, of).features(pictures), features)


def test_several_networks_are_averaged_and_their_features_stand_side_by_side(engine):
    class Other(judging.Brightness):
        def predict(self, views):
            said, features = super().predict(views)
            return 1 - said, features + 1

    pictures = np.random.default_rng(1).integers(0, 256, (40, 64, 64), np.uint8)
    judged, features = AveragedNetworks([engine, Other()], 2, "probability").predict(pictures)
    np.testing.assert_allclose(judged, 0.5, atol=1e-6)
    assert features.shape == (40, 6)


def test_what_is_known_is_hashed_and_not_looked_at(scorer, paths, engine):
    seen = []

    def known(name, sha256, is_dicom):
        seen.append((name, sha256, is_dicom))
        return name == paths[0]

    answers = list(scorer.score(paths, known=known))
    assert answers[0].score is None and answers[0].radiograph.known and answers[0].radiograph.sha256
    assert all(answer.score is not None for answer in answers[1:])
    assert engine.seen == 2 * 2 and len(seen) == len(paths) - 2, "what cannot be read has no hash"


def test_what_is_no_number_is_no_answer(scorer, paths, engine, monkeypatch):
    monkeypatch.setattr(engine, "predict", lambda views: (np.full(len(views), np.nan), np.zeros((len(views), 3))))
    for answer in (*scorer.score(paths[:1]), scorer.score_one(Path(paths[0]).read_bytes(), paths[0])):
        assert answer.score.status == "refused" and answer.score.reason == "the network gave no number"


def test_a_picture_is_never_judged_alone_where_a_killed_run_may_have_cut_its_batch(scorer, paths, engine, monkeypatch):
    seen, predict = [], engine.predict
    monkeypatch.setattr(engine, "predict", lambda views: seen.append(len(views)) or predict(views))
    assert len(list(scorer.score(paths[:1]))) == 1
    assert set(seen) == {2}


def test_an_uploaded_file_has_the_same_answer_as_on_the_disk(scorer, paths):
    on_disk = next(iter(scorer.score(paths[:1]))).score
    assert scorer.score_one(Path(paths[0]).read_bytes(), paths[0]).score == on_disk


def test_whoever_stops_asking_stops_the_reading(scorer, paths):
    answers = scorer.score(itertools.cycle(paths))
    assert len(list(itertools.islice(answers, 100))) == 100
    answers.close()


def test_memory_does_not_grow_with_the_number_of_files(scorer, paths):
    tracemalloc.start()
    sizes = []
    for number, _ in enumerate(scorer.score(itertools.islice(itertools.cycle(paths), 3000))):
        if number in (600, 2900):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] - sizes[0] < 1_000_000
