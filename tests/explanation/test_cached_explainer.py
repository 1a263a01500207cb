"""What networks answered is kept: they are asked once, and anew when network, pictures or question change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.explanation import cached_explainer, faithfulness, plausibility
from pneumo_utils.records.run_directory import MissingArtefactError
from pneumo_utils.records.store import Store

COUNT = 6


@pytest.fixture
def store(tmp_path):
    return Store("tiny", tmp_path)


@pytest.fixture
def few(images):
    return images[:COUNT]


@pytest.fixture
def explained(store, trained):
    store.write_network("cnn", 0, trained.save)
    return lambda *methods, layer="": cached_explainer.CachedExplainer(store, "cnn", 0, methods or ["gradcam"], layer)


@pytest.fixture
def nobody(monkeypatch):
    """From here on there is no network to ask."""

    def gone(path):
        raise AssertionError("a network was loaded")

    def start():
        from pneumo_utils.networks import models

        monkeypatch.setattr(models, "load", gone)

    return start


def cases():
    rows = [f"{row}" for row in range(COUNT)]
    return pd.DataFrame({"path": rows, "patient": rows})


@pytest.mark.long
@pytest.mark.slow
def test_maps_are_those_of_grad_cam_and_the_second_time_no_network_is_asked(explained, trained, few, nobody):
    from pneumo_utils.explanation import gradcam

    explainer, methods = gradcam.Explainer(trained, methods=["gradcam++", "gradcam"]), ("gradcam++", "gradcam")
    wanted, first, shape = explainer.maps_by_method(few), explained(*methods).maps(few), explained(*methods).grid
    nobody()
    again = explained(*methods)
    assert list(first) == list(methods) and shape == again.grid == explainer.grid and again.layer == explainer.layer
    for method in methods:
        np.testing.assert_allclose(first[method], wanted[method], atol=1e-6)
        np.testing.assert_array_equal(again.maps(few)[method], first[method])


@pytest.mark.long
@pytest.mark.slow
def test_other_pictures_another_layer_method_or_network_are_asked_anew(explained, store, trained, few, nobody):
    explained().maps(few)
    changed = [layer.name for layer in trained.layers if len(layer.output.shape) == 4][2]
    nobody()
    for asked, given in ((explained(), few[::-1]), (explained(layer=changed), few), (explained("gradcam++"), few)):
        with pytest.raises(AssertionError, match="a network was loaded"):
            asked.maps(given)
    store.network_file("cnn", 0).write_bytes(b"another")
    with pytest.raises(AssertionError, match="a network was loaded"):
        explained().maps(few)


@pytest.mark.slow
def test_a_kept_answer_that_was_cut_off_is_asked_for_again(explained, store, few):
    before, file = explained().maps(few)["gradcam"], store.explanation_file("cnn", 0, "maps")
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(explained().maps(few)["gradcam"], before)
    file.write_bytes(b"")
    np.testing.assert_array_equal(explained().maps(few)["gradcam"], before)


@pytest.mark.long
@pytest.mark.slow
def test_shuffling_and_deletion_come_back_as_they_were(explained, few, nobody):
    orders = {"map": np.random.default_rng(0).random(few.shape), "other": np.random.default_rng(1).random(few.shape)}
    fills, limit = np.full_like(few, 128), 0.5
    shuffled, followed = (
        explained().weight_randomisation(cases(), few, 3),
        explained().trace_answers(cases(), few, fills, orders, limit),
    )
    assert (
        set(shuffled["shuffle"]) == {0, 1, 2}
        and set(shuffled["model"]) == {"cnn"}
        and set(shuffled["patient"]) == set(cases()["patient"])
    )
    nobody()
    pd.testing.assert_frame_equal(explained().weight_randomisation(cases(), few, 3), shuffled)
    pd.testing.assert_frame_equal(explained().trace_answers(cases(), few, fills, orders, limit), followed)
    with pytest.raises(AssertionError, match="a network was loaded"):
        explained().trace_answers(cases(), few, fills, dict(reversed(orders.items())), limit)
    with pytest.raises(AssertionError, match="a network was loaded"):
        explained().trace_answers(cases(), few, fills, orders, 0.4)


@pytest.mark.slow
def test_a_shuffled_network_is_asked_at_the_layer_that_is_named(explained, trained, few, monkeypatch):
    from pneumo_utils.explanation import gradcam, sanity_check

    named, asked = [layer.name for layer in trained.layers if len(layer.output.shape) == 4][-4], []

    def test(network, maps, named_cases, images, seed, shufflings):
        asked.append(maps(images))
        return named_cases

    monkeypatch.setattr(sanity_check, "weight_randomisation_test", test)
    explained(layer=named).weight_randomisation(cases(), few, 3)
    np.testing.assert_allclose(asked[0], gradcam.Explainer(trained, named).maps(few), atol=1e-6)
    assert np.abs(asked[0] - gradcam.Explainer(trained).maps(few)).max() > 0.05, "the last layer says otherwise"


@pytest.mark.slow
def test_where_no_picture_can_be_asked_that_is_kept_too(explained, few):
    orders = {"map": np.zeros(few.shape), "other": np.zeros(few.shape)}
    first, again = (
        explained().trace_answers(cases(), few, few, orders, 0.5) for _ in range(2)
    )  # the fill is the picture
    assert len(first) == 0 and len(faithfulness.mean_curves(again)) == 0
    pd.testing.assert_frame_equal(again, first)


def test_a_network_that_is_not_there_names_the_notebook_that_trains_it(store):
    with pytest.raises(MissingArtefactError, match=r"run 03_finetune first"):
        cached_explainer.CachedExplainer(store, "cnn", 0, ["gradcam"]).maps(np.zeros((1, 8, 8), np.uint8))


def test_lungs_are_looked_for_once(store, monkeypatch):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.uint8)
    first = cached_explainer.lung_masks(store, pictures)
    np.testing.assert_array_equal(first, plausibility.lung_masks(pictures))
    monkeypatch.setattr(plausibility, "lung_masks", lambda seen: np.ones(seen.shape, bool))
    np.testing.assert_array_equal(cached_explainer.lung_masks(store, pictures), first)
    assert cached_explainer.lung_masks(store, pictures[:2]).all()
