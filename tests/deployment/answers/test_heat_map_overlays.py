"""Overlays: where a map is hot the radiograph is coloured, everywhere else it is as it was."""

import cv2
import numpy as np
import pytest
from support import bundles

from pneumo_utils.deployment.answers import heat_map_overlays


def test_only_what_is_hot_is_coloured():
    grey, heat = np.full((64, 96), 120, np.uint8), np.zeros((64, 96))
    heat[10:30, 40:60] = 1
    overlay = heat_map_overlays.lay_over(grey, heat)
    changed = (overlay != 120).any(axis=2)
    assert overlay.shape == (64, 96, 3) and changed[10:30, 40:60].all()
    changed[10:30, 40:60] = False
    assert not changed.any()
    red, green, blue = overlay[20, 50].astype(int)  # the end of magma is a light yellow
    assert red > blue > 120 and green > 120


def test_the_hotter_the_stronger_and_the_radiograph_stays_visible():
    grey = np.tile(np.array([[40, 200]], np.uint8), (8, 4))
    seen = [heat_map_overlays.lay_over(grey, np.full(grey.shape, hot)).astype(int) for hot in (0, 0.5, 1)]
    moved = [np.abs(one - grey[..., None]).mean() for one in seen]
    assert moved[0] == 0 and moved[1] > 0 and all((np.ptp(one[..., 0]) > 50) for one in seen)
    assert np.abs(seen[2][0, 0] - (252 + 40) / 2)[0] <= 1, "half of the colour, half of the radiograph"


def test_a_large_radiograph_is_shrunk_with_its_map():
    heat = np.zeros((16, 16))
    heat[:, 8:] = 1
    overlay = heat_map_overlays.lay_over(np.full((2048, 1024), 90, np.uint8), heat)
    assert overlay.shape == (1024, 512, 3)
    assert (overlay[:, :200] == 90).all() and (overlay[:, 300:] != 90).any(axis=2).all()


def test_an_overlay_without_a_coloured_place_says_that_nothing_is_marked(monkeypatch):
    written = []
    monkeypatch.setattr(cv2, "putText", lambda bar, notice, *rest: written.append(notice))
    grey = np.full((64, 96), 120, np.uint8)
    for heat in (np.zeros(grey.shape), np.eye(*grey.shape)):
        heat_map_overlays.burn_in(heat_map_overlays.lay_over(grey, heat))
    assert written == ["research, not for diagnosis; nothing is marked", "research, not for diagnosis"]


@pytest.mark.long
@pytest.mark.slow
def test_the_networks_of_a_bundle_are_explained_each_at_its_layer_and_their_maps_averaged(tmp_path, monkeypatch):
    opened = []

    class Explained:
        def __init__(self, network, layer, methods):
            opened.append((network, layer, methods))
            self.hot = len(opened) / 4

        def maps(self, images):
            return np.full(images.shape, self.hot)

    monkeypatch.setattr("pneumo_utils.explanation.gradcam.Explainer", Explained)
    monkeypatch.setattr("pneumo_utils.networks.models.load", lambda file: file.name)
    networks = (("cnn", 0), ("vgg16", 0), ("resnet50", 3))
    layers = {"cnn": "block4_relu2", "vgg16": "block5_conv3"}
    made = bundles.write(tmp_path / "model", networks=networks, heat_map="gradcam++", explained_layers=layers)
    drawn = heat_map_overlays.HeatMaps(made).draw_map(np.zeros((32, 32), np.uint8))
    assert opened == [
        ("cnn-0.keras", "block4_relu2", ("gradcam++",)),
        ("vgg16-0.keras", "block5_conv3", ("gradcam++",)),
        ("resnet50-3.keras", "", ("gradcam++",)),
    ]
    assert drawn.shape == (32, 32) and (drawn == 0.5).all()
