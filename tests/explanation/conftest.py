"""A small CNN that has found a bright square, and the pictures that it learned from."""

from __future__ import annotations

import pytest
from support.squares import dark_pictures, train


@pytest.fixture(scope="session")
def gradcam():
    """The room, imported when first needed."""
    from pneumo_utils.explanation import gradcam

    return gradcam


@pytest.fixture(autouse=True)
def no_warning_of_retracing(caplog):
    """TensorFlow warns, in a notebook, too, when it thinks that one function is compiled again and again."""
    yield
    told = [record.getMessage() for record in caplog.get_records("call")]
    assert not [text for text in told if "retracing" in text and "heat" in text]


@pytest.fixture(scope="session")
def images():
    """Dark noise; half of the pictures have a bright square in the upper left quarter."""
    return dark_pictures()


@pytest.fixture(scope="session")
def trained(images):
    """A small CNN that has found the square."""
    return train(images, 12)
