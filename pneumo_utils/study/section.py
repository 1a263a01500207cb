"""What a section of parameters is, and the rules that several of them share."""

from __future__ import annotations

from typing import Annotated, Literal, NoReturn, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

ModelName = Literal["cnn", "vgg16", "resnet50"]


class Section(BaseModel):
    """A group of parameters: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:  # no path has one
            raise PydanticCustomError("nul", "must hold no NUL character")
        return value


def seed(help_text: str):
    """Type of a seed."""
    return Annotated[int, Field(ge=0, le=2**31 - 1, description=help_text)]


def raise_rule(rule: str, got: object) -> NoReturn:
    """Say that several keys of a section do not go together."""
    raise PydanticCustomError("together", "{rule}, got {got}", {"rule": rule, "got": got})


def require_unique(values: list) -> list:
    """`values`, none of which may stand there twice."""
    if len(set(values)) < len(values):
        raise PydanticCustomError("twice", "each must stand there once")
    return values


def require_one_layer_each(values: list[str]) -> list[str]:
    """`values` as of `require_layer`, at most one a network."""
    if len({named.partition(":")[0] for named in values}) < len(values):
        raise PydanticCustomError("twice", "each network must stand there once")
    return values


def require_layer(named: str) -> str:
    """`named`, which must be a network and a layer."""
    network, _, layer = named.partition(":")
    if network not in get_args(ModelName) or not layer:
        raise PydanticCustomError("layer", "must be network:layer, such as vgg16:block4_conv3")
    return named
