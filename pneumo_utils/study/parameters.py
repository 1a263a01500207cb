"""The parameters of a study, section by section: every name declared once, with type, range, unit and help."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pneumo_utils.study.section import (
    Section,
    raise_rule,
    require_layer,
    require_one_layer_each,
    require_unique,
    seed,
)

Source = Literal["phantom", "folder", "kaggle", "mendeley", "medmnist"]


class About(Section):
    """What the reader is told first."""

    title: str = Field(pattern=r"\S", description="title of the report")
    summary: str = Field(min_length=1, description="one or two sentences under the title")


class Data(Section):
    """Where the radiographs come from."""

    source: Source = Field(
        description="phantom (drawn here) | folder (Kaggle layout) | kaggle | mendeley | medmnist (.npz file)"
    )
    folder: str = Field(description="path of the folder, zip or .npz file, relative to the project; empty: not needed")
    cache: str = Field(min_length=1, description="folder for what is drawn or downloaded, relative to the project")
    patients: str = Field(
        description="path of a CSV file with the columns path and patient, relative to the project; empty: names tell; "
        "a patient called as the tables call one whom names tell, such as bacteria-12, is that child"
    )
    smallest_side: int = Field(ge=1, le=1024, description="pictures with a side below it are left out, pixels")
    least_grey_range: int = Field(
        ge=0, le=128, description="pictures are left out as blank where their grey levels span less, of 256"
    )
    phantom_patients: int = Field(ge=40, le=20_000, description="phantom: number of patients drawn")
    phantom_seed: seed("phantom: seed of the drawing")
    phantom_shortcut: bool = Field(description="phantom: tie JPEG quality to the class in train, not in test")

    @model_validator(mode="after")
    def _no_folder_for_nothing(self):
        if self.folder and self.source in ("phantom", "kaggle"):
            rule = f"data.folder must be empty where data.source is {self.source}"
            raise_rule(f"{rule} (did you mean source: folder?)", self.folder)
        return self


class Images(Section):
    """How a radiograph becomes pixels."""

    image_size: int = Field(ge=32, le=512, multiple_of=16, description="side of the square a network sees, pixels")
    stored_size: int = Field(
        ge=32, le=1024, multiple_of=16, description="side of the stored square, pixels; training crops are cut from it"
    )

    @model_validator(mode="after")
    def _no_enlarging(self):
        if self.stored_size < self.image_size:
            raise_rule(f"stored_size must be at least image_size, {self.image_size}", self.stored_size)
        return self


class Split(Section):
    """How patients are divided."""

    validation_fraction: float = Field(
        ge=0.05, le=0.5, description="share of train's patients for validation, in steps of about a twentieth"
    )
    split_seed: seed("seed of the patient-grouped split")


class Evaluation(Section):
    """How predictions become decisions, and what these are worth."""

    threshold_rule: Literal["sensitivity", "youden", "half", "specificity", "margin", "varied"] = Field(
        description="how the operating point is chosen on validation; sensitivity: highest specificity that keeps it; "
        "varied: the same on pictures varied as in training, at the size a finished network sees; margin: inside the "
        "gap between the classes"
    )
    threshold_target: float = Field(
        gt=0, lt=1, description="what the rule sensitivity (or specificity, or margin: both) must reach"
    )
    threshold_margin: float = Field(
        gt=0, lt=1, description="rule margin: share of the gap, in logits, left for normals to rise; 0.5: the middle"
    )
    prevalences: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], AfterValidator(require_unique)] = Field(
        min_length=1, description="shares of pneumonia at which predictive values and net benefit are told"
    )
    referral_error: float = Field(gt=0, lt=1, description="share of wrong decisions allowed among those not referred")
    perturbation_cases: int = Field(
        ge=4, le=100_000, description="test radiographs that are also shown in harder ways, half of them normal"
    )
    replicates: int = Field(ge=100, le=100_000, description="bootstrap draws of patients behind every interval")
    bootstrap_seed: seed("seed of the bootstrap")


class GradCAM(Section):
    """What the heat maps show, and how they are checked."""

    heat_map: Literal["gradcam", "gradcam++"] = Field(description="method of the maps that are shown and checked")
    explained_layers: Annotated[
        list[Annotated[str, AfterValidator(require_layer)]], AfterValidator(require_one_layer_each)
    ] = Field(description="network:layer whose activations are weighed; others: the last layer before pooling")
    gallery_cases: int = Field(ge=1, le=12, description="cases shown of each network and outcome")
    checked_cases: int = Field(
        ge=4, le=100_000, description="test radiographs whose maps are put to the tests that run networks again"
    )
    weight_shufflings: int = Field(
        ge=1,
        le=1000,
        description="ways in which weights are shuffled to see what is left of maps; of fewer than 6 nothing is sure",
    )


class Deployment(Section):
    """What goes into the bundle that scores other radiographs."""

    bundled_model: Literal["cnn", "vgg16", "resnet50", "ensemble"] = Field(
        description="network that is packed with the study's first seed, or the ensemble with all its members"
    )
    false_alarms: float = Field(
        ge=0.001, le=0.2, description="share of the study's own radiographs that the gate may refuse, on validation"
    )
    exported_engines: Annotated[list[Literal["onnx", "litert", "litert-int8"]], AfterValidator(require_unique)] = Field(
        description="engines that the network is exported for, beside Keras; none: []"
    )


class Run(Section):
    """How the notebooks are run."""

    notebooks_at_once: int = Field(
        ge=1,
        le=64,
        description="notebooks that run side by side where none waits for another; each needs memory of its own",
    )
    stalled_minutes: float = Field(
        gt=0, le=1440, description="a notebook in which nothing moves for so long is stopped, minutes"
    )
