"""What every parameter of a study is, in words: type, range and help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, get_args, get_origin

from pneumo_utils.study.definition import Study


def describe() -> str:
    """Every parameter with type, range and help, one line each, grouped by section."""
    lines = []
    for section_name, section in Study.model_fields.items():
        lines.append(f"\n{section_name}: {section.annotation.__doc__}")
        for name, field in section.annotation.model_fields.items():
            lines.append(f"  {name:<24} {_kind(field.annotation, field.metadata):<34} {field.description}")
    return "\n".join(lines).strip()


def _kind(annotation: object, rules: Sequence[object]) -> str:
    """A type in words, with its choices or its range; of a list that of its entries."""
    if get_origin(annotation) is list:
        return f"list of {_kind(get_args(annotation)[0], ())}"
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _kind(inner, [rule for one in more for rule in getattr(one, "metadata", [one])])
    limits = {}
    for rule in rules:
        for key in ("ge", "gt", "le", "lt", "multiple_of"):
            if getattr(rule, key, None) is not None:
                limits[key] = getattr(rule, key)
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    kind, step = getattr(annotation, "__name__", "choice"), limits.pop("multiple_of", None)
    low = f"{'[' if 'ge' in limits else '('}{limits.get('ge', limits.get('gt', ''))}"
    high = f"{limits.get('le', limits.get('lt', ''))}{']' if 'le' in limits else ')'}"
    return kind + (f" in {low}, {high}" if limits else "") + (f", steps of {step}" if step else "")
