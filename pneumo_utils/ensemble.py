"""One more judge: the mean of what several networks say, which errs less than most of them (Lakshminarayanan 2017)."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.names import AVERAGE

_OWN = ["model", "seed", "probability"]


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
    taken = answers[answers["model"].isin(members)]
    if missing := sorted(set(members) - set(taken["model"])):
        raise ValueError(f"average must be of networks that were trained, got {', '.join(missing)}")
    networks = len(taken[["model", "seed"]].drop_duplicates())
    same = [column for column in answers if column not in _OWN]
    said = taken.groupby(same, sort=False)["probability"].agg(["mean", "size"]).reset_index()
    if (said["size"] != networks).any():
        lacking = said["path"][said["size"] != networks].iloc[0]
        raise ValueError(f"average must be of networks that judged the same pictures, got {lacking} otherwise")
    mean = said.assign(model=AVERAGE, seed=seed).rename(columns={"mean": "probability"})
    return pd.concat([answers, mean[answers.columns]], ignore_index=True)
