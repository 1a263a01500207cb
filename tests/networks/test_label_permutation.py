"""A room is trained on few pictures whose labels mean nothing, and judged on the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.records import tables

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.fixture(scope="module")
def room():
    """The room, imported when first needed."""
    from pneumo_utils.networks import label_permutation

    return label_permutation


def splits(normal=300, ill=700):
    label = np.repeat([0, 1], [normal, ill])
    frame = example("splits", len(label)).assign(label=label, path=[f"{row}.jpeg" for row in range(len(label))])
    return frame.assign(split=np.where(np.arange(len(label)) % 5 == 0, "test", "train"))


def test_pictures_are_of_train_and_half_of_each_class(room):
    chosen = splits().iloc[room.choose_rows(splits(), 0)]
    assert set(chosen["split"]) == {"train"} and chosen["label"].mean() == 0.5 and chosen["path"].is_unique
    assert not np.array_equal(room.choose_rows(splits(), 0), room.choose_rows(splits(), 1))
    assert splits(10).iloc[room.choose_rows(splits(10), 0)]["label"].value_counts().to_dict() == {
        1: len(chosen) // 2,
        0: 8,
    }


def test_the_same_pictures_train_and_judge_with_the_same_shuffled_labels(room):
    before = splits()
    chosen = room.choose_rows(before, 0)
    after = tables.check("splits", room.permute_labels(before, chosen, 3))
    train, judged = (after[after["split"] == split].drop(columns="split") for split in ("train", "validation"))
    pd.testing.assert_frame_equal(train.reset_index(drop=True), judged.reset_index(drop=True))
    own = before.iloc[chosen]["label"].to_numpy()
    assert sorted(train["label"]) == sorted(own) and 0.3 < (train["label"].to_numpy() == own).mean() < 0.7


def test_its_recipe_has_nothing_that_keeps_it_from_learning_by_heart(room):
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import optimisation, replicates

    phases = (optimisation.Phase("head", 3, 1e-2), optimisation.Phase("top", 2, 1e-4))
    settings = optimisation.Settings(16, 5, 2, 1, 0.1, 0.1, logit_penalty=0.5, ema_momentum=0.9, test_views=2)
    made = room.memorising_recipe(replicates.Recipe("cnn", None, 32, 0.5, phases, settings, Augmentation(rotation=9.0)))
    assert (
        made.augmentation == Augmentation()
        and made.dropout == 0
        and [phase.name for phase in made.phases] == ["end_to_end"]
    )
    assert (made.settings.batch_size, made.settings.test_views, made.settings.label_smoothing) == (16, 1, 0)
    assert made.settings.ema_momentum == 0 == made.settings.logit_penalty
    assert made.settings.patience >= made.phases[0].epochs


def test_its_rate_is_that_of_a_training_end_to_end_not_that_of_the_head(room):
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import optimisation, replicates

    head, whole = optimisation.Phase("head", 3, 1e-2), optimisation.Phase("end_to_end", 3, 2e-4)
    settings = optimisation.Settings(16, 5)
    for phases, rate in (((head,), 5e-4), ((head, whole), 2e-4)):
        recipe = replicates.Recipe("vgg16", None, 32, 0.5, phases, settings, Augmentation(), "float32", 5e-4)
        assert [phase.learning_rate for phase in room.memorising_recipe(recipe).phases] == [rate]


def test_the_kept_network_knows_its_labels_as_the_history_says_also_where_others_are_judged_at_another_size(
    room, tmp_path
):
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import optimisation, replicates

    settings = optimisation.Settings(8, 5, test_views=4, test_image_size=64)
    phases = (optimisation.Phase("end_to_end", 1, 1e-2),)
    of = replicates.Recipe("cnn", None, 32, 0.5, phases, settings, Augmentation(crop_area_min=0.1))
    before = splits(20, 20)
    chosen = room.choose_rows(before, 0)
    pictures = np.random.default_rng(0).integers(0, 256, (len(before), 64, 64)).astype(np.uint8)
    parts = room.permute_labels(before, chosen, 0)
    given = pictures[np.concatenate([chosen, chosen])]
    made = replicates.train(room.memorising_recipe(of), 0, given, parts, tmp_path)
    assert made.network.input.shape[1:] == (64, 64), "the size at which maps are drawn"
    kept = made.history.loc[made.history["kept"], "val_auc"].item()
    assert kept > 0.9 and room.measure_auc(made.predictions) == pytest.approx(kept, abs=0.02)
    assert room.measure_auc(made.predictions.assign(probability=np.tile([0.2, 0.4], len(chosen) // 2))) < 0.8
