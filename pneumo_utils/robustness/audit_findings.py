"""What a reader must conclude from the audit of the raw files: sentences and tables made from its values alone."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.robustness.acquisition_audit import NAMES, SHARES

LIMIT = 0.8  # AUC: a property whose whole interval in train lies above it is called a shortcut
# AUC between train and another part: from it, or 1 - DRIFT_LIMIT, on, a property has moved if 0.5 is excluded
DRIFT_LIMIT = 0.7
# properties that depend on what a picture shows, too, lungs included: fine detail takes bytes
PIXEL_PROPERTIES = {"bytes_per_pixel"}
_CLASSES = {0: "NORMAL", 1: "PNEUMONIA"}
_VALUE = ["auc", "lower", "upper"]
_MOST = 6  # properties that have moved, named in one sentence


def shortcuts(audit: pd.DataFrame) -> list[str]:
    """Properties that separate the classes of train: the whole interval above `LIMIT`, strongest first.

    Args:
        audit: contract `acquisition_audit`.
    """
    train = _part(audit, "train").sort_values("auc", ascending=False, kind="stable")
    return list(train.index[train["lower"] > LIMIT])


def sentences(audit: pd.DataFrame) -> list[str]:
    """Say which properties are shortcuts in train, what they are worth elsewhere, and what follows; in Markdown.

    Args:
        audit: contract `acquisition_audit`.
    """
    train, found = _part(audit, "train"), shortcuts(audit)
    if not train["lower"].notna().any():
        return ["**Train cannot be judged:** a class is absent or has one patient, or every property is constant."]
    others = [part for part in ("val", "test") if found and (audit["part"] == part).any()]
    found_sentences = [_name_properties(train, found) if found else _none(train), *_open(train), *_blank(train)]
    for part in others:
        found_sentences += _elsewhere(train.loc[found], _part(audit, part).loc[found], part)
    return found_sentences


def summary(audit: pd.DataFrame) -> str:
    """The verdict in one sentence, for a list of findings; in Markdown.

    Args:
        audit: contract `acquisition_audit`.
    """
    found = shortcuts(audit)
    asked = int(_part(audit, "train")["lower"].notna().sum())
    if not asked:
        return "No property could be judged in train."
    if not found:
        return f"None of the {asked} properties judged in train is shown to be a shortcut."
    text = f"**Properties of the files that tell the classes of train apart: {len(found)} of {asked}"
    for part in (name for name in ("val", "test") if (audit["part"] == name).any()):
        lost, kept = _fate(_part(audit, "train").loc[found], _part(audit, part).loc[found])
        text += f"; lost in {part}: {int(lost.sum())}, kept: {int(kept.sum())}"
    return f"{text}** ({', '.join(NAMES[name] for name in found)})."


def drift_sentences(drift: pd.DataFrame) -> list[str]:
    """Say for each class and part which properties differ clearly from train, the most changed first; in Markdown.

    Args:
        drift: contract `acquisition_drift`.

    Returns:
        a sentence a class and part other than train; none where there is only train.
    """
    others = drift[drift["part"] != "train"].groupby(["part", "label"], sort=False)
    return [_drift_text(rows, part, label, drift) for (part, label), rows in others]


def for_display(audit: pd.DataFrame) -> pd.DataFrame:
    """The audit for readers: a row per property; which values speak for pneumonia; AUC with interval in each part.

    Args:
        audit: contract `acquisition_audit`.
    """
    first = _part(audit, audit["part"].iloc[0])
    known = first["direction"].where(first["lower"].notna())  # what is constant speaks for nothing
    columns = {"speaks for pneumonia": known.replace("learned", "as learned in train")}
    for part in audit["part"].unique():
        columns[f"AUC in {part}"] = _texts(_part(audit, part))
    return pd.DataFrame(columns).rename(index=NAMES).rename_axis("property")


def drift_for_display(drift: pd.DataFrame, label: int) -> pd.DataFrame:
    """The drift within one class for readers: a row per property; its centre in each part, and AUC against train.

    Args:
        drift: contract `acquisition_drift`.
        label: 0 normal, 1 pneumonia.
    """
    columns = {}
    for part in drift["part"].unique():
        rows = _part(drift[drift["label"] == label], part)
        columns[part] = rows["centre"].map(_number)
        if part != "train":
            columns[f"AUC of {part} against train"] = _texts(rows)
    names = {name: f"{title} (share)" if name in SHARES else title for name, title in NAMES.items()}
    return pd.DataFrame(columns).rename(index=names).rename_axis("property")


def _part(table: pd.DataFrame, part: str) -> pd.DataFrame:
    return table[table["part"] == part].set_index("property")


def _texts(rows: pd.DataFrame) -> pd.Series:
    return pd.Series([format_interval(*row) for row in rows[_VALUE].to_numpy(float)], rows.index, dtype="str")


def _list_properties(rows: pd.DataFrame) -> str:
    return "; ".join(f"{NAMES[name]} {text}" for name, text in _texts(rows).items())


def _name_properties(train: pd.DataFrame, found: list[str]) -> str:
    """Name the shortcuts; where each may be due to what the pictures show, they are only a hint."""
    both = [NAMES[name] for name in found if name in PIXEL_PROPERTIES]
    words = "hint at a shortcut" if len(both) == len(found) else "hold a shortcut"
    return (
        f"**The files of train {words}.** Each of these tells the classes apart, with its interval above an AUC of "
        f"{LIMIT}: {_list_properties(train.loc[found])}."
    ) + (f" What a picture shows, lungs included, contributes to {' and '.join(both)}." if both else "")


def _none(train: pd.DataFrame) -> str:
    best = train.sort_values("auc", ascending=False, kind="stable").head(1)
    return (
        f"**No shortcut is shown:** no property tells the classes of train apart with an interval above an AUC of "
        f"{LIMIT}. The strongest is {_list_properties(best)}. What was not measured, such as framing, may still be one."
    )


def _open(train: pd.DataFrame) -> list[str]:
    """Properties that have too few patients, or too much worth, to be called harmless."""
    rows = train[(train["lower"] <= LIMIT) & (train["upper"] > LIMIT)]
    said = f"Neither shown nor ruled out, as the interval contains {LIMIT}: {_list_properties(rows)}."
    return [said] if len(rows) else []


def _blank(train: pd.DataFrame) -> list[str]:
    names = [NAMES[name] for name in train.index[train["lower"].isna()]]
    return [f"Not judged, as constant or missing in train: {', '.join(names)}."] if names else []


def _elsewhere(train: pd.DataFrame, other: pd.DataFrame, part: str) -> list[str]:
    """What the shortcuts of train are worth in another part, and what follows from it."""
    lost, kept = _fate(train, other)
    templates = [
        (lost, "Lost in {}: {}. **A network that reads them looks good on a validation part cut from train and loses "
         "that in {}:** such a validation result promises nothing there."),
        (kept, "Kept in {}: {}. **A good result in {} does not show that a network looks at lungs.**"),
        (~kept & ~lost, "Neither clearly lost nor clearly kept in {}: {}."),
    ]  # fmt: skip
    return [text.format(part, _list_properties(other[rows]), part) for rows, text in templates if rows.any()]


def _fate(train: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Which shortcuts of train are lost in another part, and which are kept; the others are open."""
    constant = other["auc"].where(other["auc"] == 0.5)  # has no interval and needs none
    lost = (other["upper"].fillna(constant) < train["lower"]) & (other["auc"] < LIMIT)
    return lost, other["lower"] > LIMIT


def _drift_text(rows: pd.DataFrame, part: str, label: int, drift: pd.DataFrame) -> str:
    excluded = (rows["lower"] > 0.5) | (rows["upper"] < 0.5)
    distance = (rows["auc"] - 0.5).abs()[excluded].sort_values(ascending=False, kind="stable")
    far = rows.loc[distance.index[distance >= DRIFT_LIMIT - 0.5]].set_index("property")
    before = _part(drift[drift["label"] == label], "train")["centre"].map(_number)
    text = [
        f"{NAMES[name]}{' (share)' if name in SHARES else ''} {before[name]} → {_number(row.centre)}, AUC {text}"
        for (name, row), text in zip(far.head(_MOST).iterrows(), _texts(far.head(_MOST)), strict=True)
    ]
    more = [f"and {len(far) - _MOST} more"] if len(far) > _MOST else []
    judged = rows["lower"].notna() | (rows["auc"] == 0.5)  # what is constant has no interval and needs none
    quiet = (
        f"none clearly as far as {1 - DRIFT_LIMIT:.1f} or {DRIFT_LIMIT}" if judged.any() else "nothing can be judged"
    )
    less = _less_far(rows, distance.index[distance < DRIFT_LIMIT - 0.5])
    unsure = rows[((rows["auc"] - 0.5).abs() >= DRIFT_LIMIT - 0.5) & ~excluded & rows["lower"].notna()]
    unsure = unsure.set_index("property").head(_MOST)
    left = f" As far, but 0.5 is inside the interval: {_list_properties(unsure)}." if len(unsure) else ""
    return f"{_CLASSES[label]}, train → {part}: {'; '.join(text + more) or quiet}.{less}{left}"


def _less_far(rows: pd.DataFrame, moved: pd.Index) -> str:
    """Properties that moved, but less far than the limit."""
    near = rows.loc[moved].set_index("property")
    more = f"; and {len(near) - _MOST} more" if len(near) > _MOST else ""
    return f" Less far, with 0.5 outside the interval: {_list_properties(near.head(_MOST))}{more}." if len(near) else ""


def _number(value: float) -> str:
    """Three digits that count; widths in whole pixels."""
    if pd.isna(value):
        return "not defined"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
