"""One more judge: the mean of what several networks say, which errs less than most of them (Lakshminarayanan 2017)."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.records.vocabulary import AVERAGE

_OWN = ["model", "seed", "probability"]


def lacking(answers: pd.DataFrame, members: list[str]) -> list[str]:
    """Paths of the pictures that some network of `members` judged and another did not; as for `joined`."""
    said = _said(answers, members)
    return list(said["path"][said["size"] != said["networks"]])


def _said(answers: pd.DataFrame, members: list[str]) -> pd.DataFrame:
    """Every picture with the mean probability, how many networks gave one (`size`), and how many there are."""
    taken = answers[answers["model"].isin(members)]
    same = [column for column in answers if column not in _OWN]
    said = taken.groupby(same, sort=False)["probability"].agg(["mean", "size"]).reset_index()
    return said.assign(networks=len(taken[["model", "seed"]].drop_duplicates()))


def joined(answers: pd.DataFrame, members: list[str], seed: int) -> pd.DataFrame:
    """`answers`, followed by those of the average of its `members` over all their seeds.

    Args:
        answers: contract `predictions` or `stressed`; every network answered the same pictures.
        members: models that are averaged; none: nothing is added.
        seed: that the average is given, since no seed is its own.

    Returns:
        the same contract.

    Raises:
        ValueError: a member is not among the answers, or a network lacks a picture.
    """
    if not members:
        return answers
    if missing := sorted(set(members) - set(answers["model"])):
        raise ValueError(f"average must be of networks that were trained, got {', '.join(missing)}")
    if missing := lacking(answers, members):
        raise ValueError(f"average must be of networks that judged the same pictures, got {missing[0]} otherwise")
    mean = _said(answers, members).assign(model=AVERAGE, seed=seed).rename(columns={"mean": "probability"})
    return pd.concat([answers, mean[answers.columns]], ignore_index=True)
