"""What `bundle.json` says, as a schema that is checked at every read and lies beside it in every bundle."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 2  # of the schema; grows with what older programs would misread


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a later program may add what this one need not know


class Network(_Part):
    """One network, in the files of the engines that run it."""

    model: str = Field(description="cnn, vgg16 or resnet50")
    seed: int = Field(ge=0, description="it was trained from")
    files: dict[str, str] = Field(description="by engine, relative to the bundle; keras is always there")


class OperatingPoint(_Part):
    """Frozen on validation before the test part was read."""

    rule: str = Field(description="by which the threshold was chosen")
    threshold: float = Field(ge=0, le=1, description="a probability at or above it is called pneumonia")
    band: float | None = Field(ge=0, description="referral band, logits around the threshold; null: all are referred")
    slope: float = Field(description="of Platt scaling")
    intercept: float = Field(description="of Platt scaling")


class Preparation(_Part):
    """From a file to what the networks see."""

    stored_size: int = Field(ge=1, description="side of the square that a picture is squashed to, pixels")
    image_size: int = Field(ge=1, description="side of the square that a network sees, pixels")
    test_views: int = Field(ge=1, description="views of a picture that are averaged")
    test_average: Literal["probability", "logit"] = Field(description="what of the views is averaged")
    smallest_side: int = Field(ge=1, description="a picture with a shorter side is refused, pixels")
    least_grey_range: int = Field(ge=0, description="a picture with fewer grey levels between darkest and brightest is")


class Refusals(_Part):
    """How many radiographs of the test part the gate refused, with Keras."""

    n: int = Field(ge=1, description="radiographs")
    refused: int = Field(ge=0, description="of them")
    lower: float | None = Field(ge=0, le=1, description="of the 95% interval of the share; null: there is none")
    upper: float | None = Field(ge=0, le=1, description="likewise")


class Contents(_Part):
    """What `bundle.json` says."""

    version: int = Field(ge=1, description="of this schema")
    title: str = Field(description="of the study")
    study: str = Field(description="its name")
    created: str = Field(description="day on which the bundle was written, ISO 8601")
    model: str = Field(description="name of the network or of the ensemble in the study's tables")
    networks: list[Network] = Field(min_length=1, description="whose probabilities are averaged")
    preparation: Preparation
    operating_point: OperatingPoint
    heat_map: str = Field(description="method of the overlays")
    explained_layers: dict[str, str] = Field(description="by model: layer whose activations the overlays weigh")
    drawn: bool = Field(False, description="whether the radiographs that the network learned from are drawn")
    least_age: float | None = Field(description="of the children that it learned from, years; null: not recorded")
    largest_age: float | None = Field(description="likewise")
    false_alarms: float = Field(description="share of the study's own radiographs that the gate may refuse")
    test_refusals: Refusals | None = Field(None, description="what it refused of the test part; null: not recorded")
    notice: str = Field(description="what the network may not be used for")
    hashes: dict[str, str] = Field(description="SHA-256 of every other file but the model card, by its path")
    seal: str = Field("", description="SHA-256 of all that stands here besides; empty: by an older program")

    @property
    def ages(self) -> tuple[float, float]:
        """Least and largest age of a patient who may be scored, years; 0 and infinity where none is recorded."""
        if self.least_age is None or self.largest_age is None:
            return 0.0, float("inf")
        return self.least_age, self.largest_age


def seal_of(contents: dict) -> str:
    """What tells that a value was changed by accident, or an editor; whoever wants to deceive can make it anew.

    Args:
        contents: what `bundle.json` says, as it was read; its seal does not count.
    """
    rest = {name: value for name, value in contents.items() if name != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def schema() -> str:
    """The JSON schema (draft 2020-12) of `bundle.json`."""
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Contents.model_json_schema()
    return json.dumps(told, indent=2) + "\n"
