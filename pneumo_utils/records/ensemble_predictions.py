"""The ensemble: the mean of what several networks say, which errs less than most of them (Lakshminarayanan 2017)."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.records.vocabulary import ENSEMBLE

_OWN = ["model", "seed", "probability"]


def incomplete_paths(answers: pd.DataFrame, members: list[str]) -> list[str]:
    """Paths of the pictures that some network of `members` judged and another did not; as for `add_ensemble`."""
    answered = _member_answers(answers, members)
    return list(answered["path"][answered["size"] != answered["networks"]])


def _member_answers(answers: pd.DataFrame, members: list[str]) -> pd.DataFrame:
    """Every picture with the mean probability, how many networks gave one (`size`), and how many there are."""
    taken = answers[answers["model"].isin(members)]
    same = [column for column in answers if column not in _OWN]
    answered = taken.groupby(same, sort=False)["probability"].agg(["mean", "size"]).reset_index()
    return answered.assign(networks=len(taken[["model", "seed"]].drop_duplicates()))


def add_ensemble(answers: pd.DataFrame, members: list[str], seed: int) -> pd.DataFrame:
    """`answers`, followed by those of the ensemble, the mean of its `members` over all their seeds.

    Args:
        answers: contract `predictions`, `varied_predictions` or `perturbed_predictions`; every network answered the
            same pictures.
        members: models that it is made of; none: nothing is added.
        seed: that the ensemble is given, since no seed is its own.

    Returns:
        the same contract.

    Raises:
        ValueError: a member is not among the answers, or a network lacks a picture.
    """
    if not members:
        return answers
    if missing := sorted(set(members) - set(answers["model"])):
        raise ValueError(f"ensemble must be of networks that were trained, got {', '.join(missing)}")
    if missing := incomplete_paths(answers, members):
        raise ValueError(f"ensemble must be of networks that judged the same pictures, got {missing[0]} otherwise")
    mean = _member_answers(answers, members).assign(model=ENSEMBLE, seed=seed).rename(columns={"mean": "probability"})
    return pd.concat([answers, mean[answers.columns]], ignore_index=True)
