"""Parameters of how networks are trained, with type, range and help."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pneumo_utils.study.section import (
    ModelName,
    Section,
    raise_rule,
    require_unique,
    seed,
)


class Augmentation(Section):
    """How far a training picture may be varied."""

    rotation: float = Field(ge=0, le=45, description="largest rotation to either side, degrees")
    crop_area_min: float = Field(
        ge=0.05,
        le=1,
        description="smallest share of the area that is drawn for a crop, which keeps less where it would reach beyond "
        "the picture and is cut off there; 1: all of it",
    )
    crop_aspect_max: float = Field(ge=1, le=3, description="largest stretch of a crop's sides; 1: none")
    gamma: float = Field(ge=1, le=4, description="largest exponent of the grey levels, and its inverse; 1: none")
    contrast: float = Field(ge=0, le=0.9, description="largest change of contrast, share")
    brightness: float = Field(ge=0, le=0.5, description="largest change of brightness, share of the grey range")
    blur: float = Field(ge=0, le=5, description="largest blur, standard deviation in pixels")
    jpeg_quality_min: int = Field(ge=1, le=100, description="saved again as JPEG down to this quality; 100: not")
    flip: bool = Field(description="mirror left and right in half of the cases (moves the heart to the other side)")
    sharpness: float = Field(ge=0, le=3, description="largest amount of an unsharp mask; 0: none")
    downscale: float = Field(gt=0, le=1, description="smallest share of its side that a picture is shrunk to; 1: not")


class Training(Section):
    """How the networks are trained."""

    models: Annotated[list[ModelName], AfterValidator(require_unique)] = Field(
        min_length=1, description="which networks; their pages come in this order"
    )
    ensemble: Annotated[list[ModelName], AfterValidator(require_unique)] = Field(
        description="networks whose probabilities, of all seeds, are averaged into one more model; [] for none"
    )
    weights: str = Field(min_length=1, description="imagenet | none | path of a folder with .h5 files, or of a file")
    random_weights_allowed: Annotated[list[ModelName], AfterValidator(require_unique)] = Field(
        description="networks that may start from random weights when theirs cannot be had; the pages say so"
    )
    cached_views: int = Field(
        ge=1, le=64, description="phases 1 and 2: views of each training picture, the plain one included"
    )
    batch_size: int = Field(ge=1, le=1024, description="pictures a gradient step")
    class_balance: Literal["weights", "sampling"] = Field(
        description="how both classes get the same say: weights of the loss | sampling: drawn equally often"
    )
    logit_penalty: float = Field(ge=0, le=1, description="weight of half the mean square of the logits in the loss")
    head_epochs: int = Field(
        ge=0, le=1000, description="phase 1: epochs of the head on the frozen trunk, at most; 0: no phase 1"
    )
    head_learning_rate: float = Field(gt=0, le=1, description="phase 1: Adam's learning rate")
    top_epochs: int = Field(ge=0, le=1000, description="phase 2: epochs of the top block, at most; 0: no phase 2")
    top_learning_rate: float = Field(gt=0, le=1, description="phase 2: Adam's learning rate")
    progressive_epochs: int = Field(
        ge=0, le=1000, description="phase 3: epochs end to end on smaller pictures before the others, at most; 0: none"
    )
    progressive_size: int = Field(ge=32, le=512, multiple_of=16, description="phase 3: side of those, pixels")
    end_to_end_epochs: int = Field(
        ge=0, le=1000, description="phase 3: epochs of the network end to end from new variations, at most; 0: none"
    )
    cycles: int = Field(
        ge=1,
        le=20,
        description="phase 3: times the learning rate rises and falls; weights are averaged over their ends",
    )
    end_to_end_learning_rate: float = Field(gt=0, le=1, description="phase 3: AdamW's highest learning rate")
    frozen_blocks: int = Field(
        ge=0, le=4, description="phase 3: lowest blocks of a pretrained backbone that stay as they are"
    )
    cnn_epochs: int = Field(ge=1, le=1000, description="small CNN: epochs, at most")
    cnn_learning_rate: float = Field(gt=0, le=1, description="small CNN: AdamW's highest learning rate")
    weight_decay: float = Field(ge=0, le=1, description="phase 3 and small CNN: AdamW's weight decay")
    label_smoothing: float = Field(ge=0, lt=0.5, description="phase 3 and small CNN: share of certainty taken off")
    ema_momentum: float = Field(
        ge=0,
        lt=1,
        description="phase 3 and small CNN: decay a step of the average of weights, which is kept at the end; "
        "0: none, the epoch with the lowest validation loss is kept, or with cycles above 1 the mean of their ends",
    )
    test_views: Literal[1, 2, 4, 10] = Field(
        description="views of a picture whose answers are averaged: 1 itself | 2 mirrored, too | 4 and its centre, "
        "mirrored, too | 10 five crops, each mirrored, too"
    )
    test_average: Literal["probability", "logit"] = Field(description="what is averaged over test views")
    test_image_size: int = Field(
        ge=0, le=512, multiple_of=16, description="side of the pictures a finished network sees, pixels; 0: as trained"
    )
    dropout: float = Field(ge=0, lt=1, description="share of the head's inputs dropped in training")
    patience: int = Field(
        ge=1,
        le=1000,
        description="epochs without a better validation loss before stopping, where weights are not averaged",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="number format below the head in training; auto: bfloat16 where processor or GPU has it, else "
        "float32, as the machine finds that begins the study's first training; finished networks answer in float32"
    )
    retrained_model: Literal["none", "cnn", "vgg16", "resnet50"] = Field(
        description="trained again on other splits (by patient, by picture, without a series), and on permuted labels; "
        "none: no network"
    )
    left_out_series: bool = Field(
        description="retrained_model: also trained without each numbering series in turn, up to four times more"
    )
    seeds: Annotated[list[seed("of one training")], AfterValidator(require_unique)] = Field(
        min_length=1, description="seeds each network is trained from; galleries and curves show the first"
    )

    @model_validator(mode="after")
    def _some_phase(self):
        if self.models != ["cnn"] and not (self.head_epochs or self.top_epochs or self.end_to_end_epochs):
            raise_rule("one of head_epochs, top_epochs and end_to_end_epochs must be at least 1", "0 of each")
        if self.progressive_epochs and not self.end_to_end_epochs:
            raise_rule("progressive_epochs must be 0 where end_to_end_epochs is", self.progressive_epochs)
        if self.end_to_end_epochs % self.cycles or self.cycles > max(self.end_to_end_epochs, 1):
            raise_rule(f"cycles must divide end_to_end_epochs, {self.end_to_end_epochs}", self.cycles)
        return self

    @model_validator(mode="after")
    def _networks_that_are_trained(self):
        trained = ", ".join(self.models)
        if self.retrained_model not in ("none", *self.models):
            raise_rule(f"retrained_model must be none or one of models, {trained}", self.retrained_model)
        if self.left_out_series and self.retrained_model == "none":
            raise_rule("left_out_series must be false where retrained_model is none", "true")
        if set(self.ensemble) - set(self.models):
            raise_rule(f"ensemble must hold some of models, {trained}", ", ".join(self.ensemble))
        if self.ensemble and len(self.ensemble) * len(self.seeds) < 2:
            raise_rule("ensemble must be of at least two networks or of two seeds", f"{self.ensemble[0]} from one seed")
        return self

    @property
    def networks(self) -> list[tuple[str, int]]:
        """Every (model, seed) that is trained on the study's own splits."""
        return [(model, seed) for model in self.models for seed in self.seeds]
