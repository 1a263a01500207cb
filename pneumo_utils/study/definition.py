"""A study: all of its parameters, read from a file and checked.

A study is one YAML file in `params/`. All files carry the same keys, in sections; the keys are unique across
sections, so a notebook receives them flat. `load` checks everything before the first cell runs.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import os
import re
from pathlib import Path

from pydantic import ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pneumo_utils.study import parameters, training_parameters
from pneumo_utils.study.section import Section, raise_rule

_DIRECTIVE = re.compile(r"(?:\s*(?:#.*)?\n)*(%.*)")  # `%YAML 1.1` makes of `no`, or of 3e-3, another value
_TRUTHS = {"y", "n", "yes", "no", "on", "off"}  # of YAML 1.1
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")  # likewise
_RESERVED = ("bench", "compare", "index.html", "reliability.md")  # of reports/, which no study writes


class StudyError(ValueError):
    """A study file is missing or breaks a rule; the message names key, rule and what was got."""


class Study(Section):
    """One whole run."""

    about: parameters.About
    data: parameters.Data
    images: parameters.Images
    split: parameters.Split
    augmentation: training_parameters.Augmentation
    training: training_parameters.Training
    evaluation: parameters.Evaluation
    gradcam: parameters.GradCAM
    deployment: parameters.Deployment
    run: parameters.Run

    @model_validator(mode="after")
    def _size_at_test(self):
        if self.training.test_image_size > self.images.stored_size:
            rule = f"training.test_image_size must be at most images.stored_size, {self.images.stored_size}"
            raise_rule(rule, self.training.test_image_size)
        if 0 < self.training.test_image_size < 32:  # VGG16 halves a picture five times
            raise_rule("training.test_image_size must be 0 or at least 32", self.training.test_image_size)
        return self

    @model_validator(mode="after")
    def _smaller_pictures_first(self):
        if self.training.progressive_epochs and self.training.progressive_size > self.images.image_size:
            rule = f"training.progressive_size must be at most images.image_size, {self.images.image_size}"
            raise_rule(rule, self.training.progressive_size)
        return self

    @model_validator(mode="after")
    def _bundle_of_what_is_trained(self):
        trained = [*self.training.models, *(["ensemble"] if self.training.ensemble else [])]
        if self.deployment.bundled_model not in trained:
            rule = f"deployment.bundled_model must be one that is trained, {', '.join(trained)}"
            raise_rule(rule, self.deployment.bundled_model)
        return self

    @model_validator(mode="after")
    def _maps_of_what_is_trained(self):
        trained = self.training.models
        for named in self.gradcam.explained_layers:
            if named.partition(":")[0] not in trained:
                raise_rule(
                    f"gradcam.explained_layers must be of networks that are trained, {', '.join(trained)}", named
                )
        return self

    def flat(self) -> dict:
        """Every parameter by its own name; names are unique across sections."""
        return {key: value for section in self.model_dump().values() for key, value in section.items()}

    def digest(self) -> str:
        """SHA-256 of all parameters, 64 hex digits."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


def names(folder: Path) -> list[str]:
    """Names of the studies in `folder` and below, sorted; those below with their folder, as `candidates/a`.

    Linked folders are looked into, hidden ones and hidden files are not: a Mac, Jupyter or an editor leaves copies.
    """
    found, seen = [], set()
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith(".")] if here.resolve() not in seen else []
        seen.add(here.resolve())  # a link may lead back
        listed = [here / name for name in files if name.endswith(".yaml") and not name.startswith(".")]
        found += [path for path in listed if path.is_file()]
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in found)


def require_names(folder: Path) -> list[str]:
    """The same, of which there must be one.

    Raises:
        StudyError: there is none.
    """
    if there := names(folder):
        return there
    raise StudyError(f"folder of parameter files must hold some that end with .yaml, got none in {str(folder)!r}")


def _hint(name: str, folder: Path) -> str:
    """What another ending of the file `name` must be called, where there is one."""
    place = folder / name
    near = [one.name for one in place.parent.glob("*") if one.stem == place.name and one.suffix != ".yaml"]
    found = [one for one in sorted(near) if one.lower().endswith((".yml", ".yaml"))]
    return f"; {found[0]} must be called {place.name}.yaml" if found else ""


def load(name: str, folder: Path, *, data: str = "", weights: str = "") -> Study:
    """Read and check the study `name` in `folder`.

    Args:
        name: file name without `.yaml`.
        folder: holds the parameter files.
        data: where given, a folder, zip or .npz file that takes the place of `data.source` and `data.folder`.
        weights: where given, takes the place of `training.weights`.

    Raises:
        StudyError: no such study, not YAML 1.2, or a parameter breaks a rule.
    """
    path = folder / f"{name}.yaml"
    there = require_names(folder)
    if name not in there:  # not only whether it is there: `../` would lead out of the folder of reports
        raise StudyError(f"study must be one of {', '.join(there)}, got {name!r}{_hint(name, folder)}")
    if not name.isprintable():
        raise StudyError(f"a study must have a name without control characters, got {name!r}")
    taken = {one.casefold() for one in there} | set(_RESERVED)
    inside = [parent.as_posix() for parent in Path(name).parents if parent.as_posix().casefold() in taken]
    if inside or name.casefold() in _RESERVED:
        raise StudyError(f"a study must have a folder of its own in reports/, got {name}, in {(inside or [name])[0]}/")
    called = f"{name}.yaml"
    raw = read_sections(path, called)
    if data and isinstance(raw.get("data"), dict):
        raw["data"] |= {"source": _source_of(data), "folder": data}
    if weights and isinstance(raw.get("training"), dict):
        raw["training"]["weights"] = weights
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise StudyError(f"{called}: " + "; ".join(map(_sentence, error.errors()))) from error
    for key, value in study.flat().items():
        if isinstance(value, str) and value.encode("utf-8", "replace").decode() != value:
            raise StudyError(f"{called}: {key} must be UTF-8, got {value!r}")
    return study


class _Named(dict):
    """What lacks a key says so with its place."""

    def __init__(self, held: dict, place: str):
        super().__init__(held)
        self._place = place

    def __missing__(self, key: str):
        raise StudyError(f"{self._place}{key} is missing")


def read_sections(path: Path, called: str = "") -> dict:
    """What a parameter file holds, section by section, its rules unchecked: older studies may have had other ones.

    Args:
        path: of the file.
        called: what errors call it; empty: its name.

    Raises:
        StudyError: it is not YAML 1.2, or holds no sections.
    """
    called = called or path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
        if directive := _DIRECTIVE.match(text):  # before it is read, or ruamel warns of it, too
            raise StudyError(f"{called} must begin with its sections, got the directive {directive[1]!r}")
        raw = YAML(typ="safe", pure=True).load(text)
    except StudyError:
        raise
    except (YAMLError, ValueError, RecursionError) as error:  # bytes that are no text, numbers and nests without end
        problem = " ".join(str(error).split("To suppress")[0].split())
        raise StudyError(f"{called} must be valid YAML, got: {problem}") from error
    if not isinstance(raw, dict):
        raise StudyError(f"{called} must hold sections of parameters, got {type(raw).__name__}")
    if odd := [name for name, section in raw.items() if not isinstance(section, dict)]:
        got = f"{odd[0]}, which is {type(raw[odd[0]]).__name__}"
        raise StudyError(f"{called} must hold sections of parameters, got {got}")
    named = {name: _Named(section, f"{called}: {name}.") for name, section in raw.items()}
    return _Named(named, f"{called}: ")


def _source_of(data: str) -> str:
    """What is given names a folder or a zip that holds one, except where the ending says otherwise."""
    return "medmnist" if data.lower().endswith(".npz") else "folder"


def _sentence(error: dict) -> str:
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _known_names(error["loc"]), n=1)
        return f"{name} is not a parameter" + (f", did you mean {near[0]}?" if near else "")
    if error["type"] == "missing":
        return f"{name} is missing"
    rule = error["msg"][0].lower() + error["msg"][1:]
    named = f"{name}: " if name else ""  # a rule between sections names them itself
    return f"{named}{rule}" + ("" if isinstance(error["input"], dict) else f", got {error['input']!r}")


def _known_names(place: tuple) -> list[str]:
    if len(place) == 1:
        return list(Study.model_fields)
    section = Study.model_fields[place[0]].annotation
    return list(section.model_fields)


def to_yaml(parameters: dict) -> str:
    """`parameters` as a YAML file that any reader takes for what they are, lists on one line."""
    yaml, stream = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = None, False
    yaml.representer.add_representer(float, _represent_float)
    yaml.representer.add_representer(str, _represent_text)
    yaml.dump(parameters, stream)
    return stream.getvalue()


def _represent_float(representer, value: float):
    """With a point: readers of YAML 1.1, papermill's among them, take `3e-05` for a word."""
    text = repr(value)
    return representer.represent_scalar(
        "tag:yaml.org,2002:float", text if "." in text or "e" not in text else text.replace("e", ".0e")
    )


def _represent_text(representer, value: str):
    """In quotes where readers of YAML 1.1 take it for something else: `no` for a truth value, 12:30 for a number."""
    other = value.lower() in _TRUTHS or _SEXAGESIMAL.fullmatch(value)
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style='"' if other else None)
