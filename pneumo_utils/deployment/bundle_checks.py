"""Whether a bundle says what the study said, from the file on the disk to the decision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.quality_control import gate_checks
from pneumo_utils.deployment.scores import REFUSED, SCORED
from pneumo_utils.deployment.scoring import Scorer
from pneumo_utils.evaluation import proportions
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.records import progress
from pneumo_utils.records.bundle_names import BUNDLE_FILE

EACH = 100  # pictures of every kind that the gate is shown
COMPARED = 200  # test pictures that every engine judges, about
_MEGABYTE = 1_000_000
_ROUNDING = 5e-7  # two engines add up in another order


def list_files(bundle: Bundle) -> pd.DataFrame:
    """Every file of a bundle with its size in megabytes, as text, and the beginning of its hash."""
    names = [BUNDLE_FILE, *sorted(bundle.contents.hashes)]
    sizes = [f"{(bundle.folder / name).stat().st_size / _MEGABYTE:.3f}" for name in names]
    hashes = [bundle.digest[:12], *(bundle.contents.hashes[name][:12] for name in names[1:])]
    return pd.DataFrame({"MB": sizes, "SHA-256": hashes}, index=pd.Index(names, name="file"))


def score_again(bundle: Bundle, folder: Path, paths: pd.Series) -> pd.DataFrame:
    """Score files with a bundle as a clinic would do it.

    Args:
        bundle: of the study.
        folder: that the paths are relative to.
        paths: of the test set.

    Returns:
        contract `bundle_scores`.
    """
    scorer = Scorer(bundle)
    answers = scorer.score(str(folder / path) for path in paths)
    told = progress.track(answers, f"scoring {len(paths):,} files with the bundle", len(paths))
    rows = [
        (path, answer.score.status, answer.score.probability, answer.score.reason or None)
        for path, answer in zip(paths, told, strict=True)
    ]
    return pd.DataFrame(rows, columns=["path", "status", "probability", "reason"])


def compare(again: pd.DataFrame, predictions: pd.DataFrame, model: str, seed: int) -> pd.DataFrame:
    """Set what the bundle said against the study's own predictions.

    Args:
        again: contract `bundle_scores`.
        predictions: contract `predictions`.
        model: that is bundled.
        seed: it has in the tables.

    Returns:
        one row: files, rows missing or doubled, files scored and refused, largest difference of a probability.
    """
    own = predictions[(predictions["model"] == model) & (predictions["seed"] == seed)]
    own = own[own["split"] == "test"].set_index("path")["probability"]
    scored = again[again["status"] == SCORED].set_index("path")["probability"]
    off = np.abs(scored - own.reindex(scored.index))
    row = {
        "files": len(own),
        "missing": len(own.index.difference(again["path"])),
        "doubled": int(again["path"].duplicated().sum()),
        "scored": len(scored),
        "refused": int((again["status"] == REFUSED).sum()),
        "largest difference": float(off.max()) if len(off) else np.nan,
    }
    return pd.DataFrame([row], index=pd.Index([model], name="bundle of"))


def count_refused(again: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """What the bundle refuses of the test part, class by class: disease itself may look odd to a gate.

    Args:
        again: contract `bundle_scores`.
        splits: contract `splits`.

    Returns:
        a row per class, `normal radiographs` first: `files`, `refused`, the 95% interval of their share over patients
        (`proportions.clustered_interval`), and `reasons` with their counts, as text.
    """
    cases, rows = again.merge(splits[["path", "patient", "label"]], on="path", validate="1:1"), {}
    for label, part in cases.groupby("label"):
        odd = part["status"] == REFUSED
        lower, upper = proportions.clustered_interval(odd, part["patient"])
        reasons = "; ".join(f"{reason} ({count:,})" for reason, count in part["reason"][odd].value_counts().items())
        named = "radiographs with pneumonia" if label else "normal radiographs"
        rows[named] = {
            "files": len(part),
            "refused": int(odd.sum()),
            "lower": lower,
            "upper": upper,
            "reasons": reasons,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def list_refused(counted: pd.DataFrame) -> list[str]:
    """Rows of `count_refused` as words, `8 of 468 radiographs with pneumonia`."""
    return [f"{row.refused:,} of {row.files:,} {row.Index}" for row in counted.itertuples()]


def refused_for_display(counted: pd.DataFrame) -> pd.DataFrame:
    """Rows of `count_refused` in words."""
    shares = zip(counted["refused"] / counted["files"], counted["lower"], counted["upper"], strict=True)
    shown = counted[["files", "refused"]].assign(**{"share (95% interval)": [format_interval(*row) for row in shares]})
    return shown.assign(reasons=counted["reasons"].replace("", "none")).rename_axis(index="test part")


def findings(
    checks: pd.DataFrame, exports: pd.DataFrame, compared: pd.DataFrame, refused: pd.DataFrame, false_alarms: float
) -> list[str]:
    """What a reader should take along, as lines of a list.

    Args:
        checks: contract `gate_checks`.
        exports: contract `exports`.
        compared: of `compare`.
        refused: of `count_refused`.
        false_alarms: share of validation that the gate may refuse.
    """
    test, row = checks.iloc[0], compared.iloc[0].to_dict()
    counts = {name: int(row[name]) for name in ("files", "scored", "refused", "missing", "doubled")}
    off = row["largest difference"]
    same = "equal the study's to six decimals" if off < _ROUNDING else f"differ from the study's by {off:.2g} at most"
    same = "can be compared with the study's for none" if pd.isna(off) else same
    lines = [
        f"- Of {counts['files']:,} test files the bundle answers: {counts['scored']:,} scored, "
        f"{counts['refused']:,} refused, {counts['missing']:,} missing, {counts['doubled']:,} twice. "
        f"Probabilities {same}.",
        f"- Of the test radiographs the gate refuses {test['share']:.1%} ({test['lower']:.1%} to {test['upper']:.1%}, "
        f"n = {test['n']:,}); {false_alarms:.1%} were allowed on validation. Of the files it refuses "
        f"{' and '.join(list_refused(refused))}.",
    ]
    odd = [checks[checks["lesson"] == lesson] for lesson in (gate_checks.LEARNED, gate_checks.UNLEARNED)]
    lines += [_tell_odd(rows, which) for rows, which in zip(odd, ("has learned from", "never saw"), strict=True)]
    return lines + [_tell(one) for one in exports[exports["engine"] != "keras"].itertuples()]


def _tell_odd(rows: pd.DataFrame, which: str) -> str:
    """Rows of the contract `gate_checks` that should be refused as a line; `which` kinds they are."""
    n, refused, worst = rows["n"].sum(), rows["refused"].sum(), rows.loc[rows["share"].idxmin()]
    told = f"- Of {n:,} pictures of {len(rows)} kinds that the gate {which}, and should refuse, it refuses {refused:,}"
    if refused == n:
        return f"{told}, all."
    least = f"the lowest share is that of *{worst['pictures']}*: {worst['share']:.1%} (n = {worst['n']:,})"
    return f"{told} ({refused / n:.1%}); {least}."


def _tell(one) -> str:
    """A row of the contract `exports` as a line."""
    latency = f"{one.latency_ratio:.2f} times the latency of Keras ({one.latency_lower:.2f} to {one.latency_upper:.2f})"
    off = one.largest_difference
    off = "probabilities equal to six decimals" if off < _ROUNDING else f"probabilities at most {off:.2g} off"
    return f"- {one.engine}: {one.bytes / _MEGABYTE:.1f} MB, {latency}, {off}, {one.refused:,} of {one.n:,} refused."
