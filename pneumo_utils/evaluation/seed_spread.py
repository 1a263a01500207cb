"""What another training run would change: mean and spread over seeds, kept apart from the interval over patients.

The mean over all seeds is what is reported, never the best of them. DeLong's interval has no row here: it is given
per network to compare with the literature, which reports single networks and takes images for independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.intervals import BootstrapMetrics, of_metrics
from pneumo_utils.evaluation.weighted_metrics import MetricError

_COLUMNS = ("model", "split", "metric", "mean", "lower", "upper", "sd", "lowest", "highest", "seeds", "n")


def table(drawn: Iterable[BootstrapMetrics], level: float = 0.95) -> pd.DataFrame:
    """Mean of every metric over the seeds of a model, its interval over patients, and its spread over seeds.

    All seeds meet the same draws of patients, so the replicates of the mean are the means of their replicates, draw
    by draw; `lower` and `upper` are their percentiles. What `intervals.table` says of certainty holds here too; where
    seeds differ in the patients behind a share, the fewest count.

    Args:
        drawn: of one call of `intervals.bootstrap`.
        level: coverage in (0, 1).

    Returns:
        contract `seed_spread`, a row per model, split and metric; `sd`, the sample standard deviation over seeds, is
        `nan` for one seed; all are `nan` where the metric is undefined in any seed. Of one seed, `mean`, `lower` and
        `upper` are what `intervals.table` has.

    Raises:
        MetricError: the seeds of a model did not judge the same images, a seed comes twice, or `level` is out of range.
    """
    groups: dict[tuple[str, str], list[BootstrapMetrics]] = {}
    for one in drawn:
        groups.setdefault((one.model, one.split), []).append(one)
    rows = [(*key, *row, len(runs), len(runs[0].cases)) for key, runs in groups.items() for row in _rows(runs, level)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _rows(runs: list[BootstrapMetrics], level: float) -> Iterator[tuple]:
    """Metric, mean, lower, upper, sd, lowest and highest of the seeds of one model on one split."""
    _check(runs)
    means = {metric: np.mean([run.values[metric] for run in runs], axis=0) for metric in runs[0].values}
    patients = {metric: min(run.patients[metric] for run in runs) for metric in runs[0].patients}
    for metric, bounds in of_metrics(means, patients, level).items():
        own = np.array([run.values[metric][0] for run in runs])
        sd = own.std(ddof=1) if len(own) > 1 else np.nan
        yield metric, means[metric][0], *bounds, sd, own.min(), own.max()


def _check(runs: list[BootstrapMetrics]) -> None:
    name, seeds = f"{runs[0].model} on {runs[0].split}", [run.seed for run in runs]
    if len(set(seeds)) < len(seeds):
        raise MetricError(f"seeds must be named once, got {seeds} for {name}")
    columns = ["path", "patient", "label"]
    truths = [run.cases[columns].sort_values(columns, ignore_index=True) for run in runs]
    for seed, truth in zip(seeds, truths, strict=True):
        if not truth.equals(truths[0]):
            raise MetricError(f"seeds must judge the same images, got {seeds[0]} unlike {seed} for {name}")
