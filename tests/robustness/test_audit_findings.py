"""The verdict follows its rule, says what is kept and lost, and never claims more than the table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.robustness import acquisition_audit, audit_findings

NAN = float("nan")
NO = (0.5, 0.4, 0.6)


def audited(train, test=None, name="mean"):
    """The table `audit` of two properties: `name` as given, and `width`, which says nothing."""
    rows = [(name, "train", *train), ("width", "train", *NO)]
    rows += [(name, "test", *test), ("width", "test", *NO)] if test else []
    frame = pd.DataFrame(rows, columns=["property", "part", "auc", "lower", "upper"])
    return frame.assign(direction="higher", normal=40, pneumonia=80)


def drifted(area, lower, upper, name="mean"):
    rows = [(name, 0, "train", 120.0, NAN, NAN, NAN), (name, 0, "test", 90.5, area, lower, upper)]
    return pd.DataFrame(rows, columns=["property", "label", "part", "centre", "auc", "lower", "upper"]).assign(n=40)


def test_only_an_interval_wholly_above_the_limit_is_a_shortcut():
    assert audit_findings.shortcuts(audited((0.9, 0.801, 0.95))) == ["mean"]
    assert audit_findings.shortcuts(audited((0.9, 0.8, 0.95))) == []
    assert audit_findings.shortcuts(audited((0.9, NAN, NAN))) == []
    assert audit_findings.shortcuts(audited(NO, (0.99, 0.98, 1.0))) == []


def test_the_strongest_shortcut_is_named_first():
    table = audited((0.9, 0.85, 0.95), name="mean")
    both = pd.concat([table, audited((0.99, 0.9, 1.0), name="height")[:1]])
    assert audit_findings.shortcuts(both) == ["height", "mean"]
    first = audit_findings.sentences(both)[0]
    assert "height 0.990 (0.900–1.000); mean grey level of the rim 0.900 (0.850–0.950)." in first


def test_what_the_picture_itself_may_explain_is_a_hint_and_the_rest_a_shortcut():
    pictured, saved = (audited((0.9, 0.85, 0.95), name=name) for name in ("bytes_per_pixel", "height"))
    both = pd.concat([pictured, saved[:1]])
    said = [audit_findings.sentences(table)[0] for table in (pictured, saved, both)]
    assert ["hint at a shortcut" in sentence for sentence in said] == [True, False, False]
    assert ["hold a shortcut" in sentence for sentence in said] == [False, True, True]
    assert ["contributes to bytes per pixel." in sentence for sentence in said] == [True, False, True]
    assert not audit_findings.PIXEL_PROPERTIES - set(acquisition_audit.NAMES)


def test_the_summary_counts_what_is_found_lost_and_kept():
    assert audit_findings.summary(audited(NO, NO)).startswith("None of the 2 properties judged in train")
    lost, kept = (audited((0.95, 0.9, 0.99), test) for test in (NO, (0.9, 0.85, 0.95)))
    start = "**Properties of the files that tell the classes of train apart: 1 of 2; "
    assert audit_findings.summary(lost) == start + "lost in test: 1, kept: 0** (mean grey level of the rim)."
    assert audit_findings.summary(kept) == start + "lost in test: 0, kept: 1** (mean grey level of the rim)."


def test_what_is_neither_shown_nor_ruled_out_is_said():
    first, second = audit_findings.sentences(audited((0.85, 0.7, 0.99)))
    assert first.startswith("**No shortcut is shown:**") and "mean grey level of the rim 0.850 (0.700–0.990)" in first
    assert (
        second
        == "Neither shown nor ruled out, as the interval contains 0.8: mean grey level of the rim 0.850 (0.700–0.990)."
    )
    assert len(audit_findings.sentences(audited(NO))) == 1


def test_a_shortcut_elsewhere_is_lost_kept_or_open():
    found = (0.95, 0.9, 0.99)
    for other, word in (
        ((0.55, 0.45, 0.65), "Lost in test: mean"),
        ((0.5, NAN, NAN), "Lost in test: mean"),
        ((0.1, 0.0, 0.2), "Lost in test: mean"),
        ((0.9, 0.85, 0.95), "Kept in test: mean"),
        ((0.85, 0.75, 0.92), "Neither clearly lost nor clearly kept in test"),
        ((0.85, 0.79, 0.89), "Neither clearly lost nor clearly kept in test"),
        ((0.6, 0.2, 1.0), "Neither clearly lost nor clearly kept in test"),
        ((0.4, NAN, NAN), "Neither clearly lost nor clearly kept in test"),
        ((NAN, NAN, NAN), "Neither clearly lost nor clearly kept in test"),
    ):
        said = audit_findings.sentences(audited(found, other))
        assert len(said) == 2 and said[1].startswith(word), other


def test_what_is_constant_or_missing_in_train_is_silent_and_speaks_for_nothing():
    table = audited((0.5, NAN, NAN), (0.9, 0.8, 1.0))
    assert (
        audit_findings.sentences(table)[-1]
        == "Not judged, as constant or missing in train: mean grey level of the rim."
    )
    shown = audit_findings.for_display(table)
    assert shown.index.tolist() == ["mean grey level of the rim", "width"]
    assert shown.loc["mean grey level of the rim", "AUC in train"] == "0.500 (no interval)"
    assert shown["speaks for pneumonia"].isna().tolist() == [True, False]


def test_a_train_without_any_interval_cannot_be_judged():
    table = audited((NAN, NAN, NAN)).assign(lower=NAN, upper=NAN)
    assert audit_findings.sentences(table)[0].startswith("**Train cannot be judged:**")
    assert len(audit_findings.sentences(table)) == 1


def test_a_move_is_far_and_clear_of_chance():
    assert (
        "mean grey level of the rim 120 → 90.5, AUC 0.100 (0.000–0.200)"
        in audit_findings.drift_sentences(drifted(0.1, 0.0, 0.2))[0]
    )
    assert "mean grey level of the rim" in audit_findings.drift_sentences(drifted(0.7, 0.51, 0.9))[0]
    assert audit_findings.drift_sentences(drifted(NAN, NAN, NAN)) == ["NORMAL, train → test: nothing can be judged."]
    none = "NORMAL, train → test: none clearly as far as 0.3 or 0.7."
    assert audit_findings.drift_sentences(drifted(0.5, NAN, NAN)) == [none]
    left_open = " As far, but 0.5 is inside the interval: mean grey level of the rim 0.900 (0.450–1.000)."
    assert audit_findings.drift_sentences(drifted(0.9, 0.45, 1.0)) == [none + left_open]
    less = " Less far, with 0.5 outside the interval: mean grey level of the rim 0.690 (0.600–0.750)."
    assert audit_findings.drift_sentences(drifted(0.69, 0.6, 0.75)) == [none + less]


def test_the_drift_of_one_class_is_shown_with_shares_named_so():
    shown = audit_findings.drift_for_display(
        drifted(0.1, 0.0, 0.2, name="mode").assign(centre=[0.12345, np.nan]), label=0
    )
    assert shown.index.tolist() == ["colour mode (share)"]
    assert shown.iloc[0].tolist() == ["0.123", "not defined", "0.100 (0.000–0.200)"]
