"""What every page with numbers has to say before them."""

from __future__ import annotations

from pneumo_utils.datasets import manifest, patients, sources
from pneumo_utils.evaluation import operating_points
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import ENSEMBLE, MODELS, TITLES

_PHANTOM = (
    "Phantom: these radiographs are drawn, not taken. The page shows that the pipeline works, "
    "not how good the method is."
)


def notices(store: Store, source: str, networks: tuple[str, ...]) -> list[str]:
    """Sentences about a phantom, patients that are not known, a test folder that is not the published one, test
    radiographs that are also trained on, files with both labels, models that say the same of every radiograph, and
    those of `networks` that started from random weights for want of others.

    Args:
        store: of the study.
        source: of its radiographs.
        networks: whose numbers the page shows.
    """
    sentences = [_PHANTOM] if is_drawn(store, source) else []
    if networks and store.table_file("manifest").is_file() and not patients.known(store.read("manifest")).all():
        sentences.append(patients.explain(store.read("manifest")))
    sentences += [*_shared_patients(store), *_seen_before(store), *_both_labels(store)] if networks else []
    if networks and store.table_file("manifest").is_file() and not is_published_test(store, source):
        sentences.append(
            "The test folder is not the published one: these numbers cannot be set beside those of studies that were "
            "tested on that."
        )
    sentences += _constant_answers(store, networks)
    if networks and store.table_file("models").is_file():
        known = store.read("models")
        random = set(known[known["start"] == "random"]["model"]) & set(networks)
        if random:
            names = " and ".join(title for model, title in MODELS.items() if model in random)
            sentences.append(
                f"{names} started from random weights, not from ImageNet: "
                f"{'its' if len(random) == 1 else 'their'} numbers say nothing about transfer learning."
            )
    return sentences


def is_drawn(store: Store, source: str) -> bool:
    """Whether radiographs are drawn: by the study, or, as soon as it is known, since lesions of a folder are.

    Args:
        store: of the study.
        source: of its radiographs.
    """
    return source == "phantom" or (store.table_file("localisation").is_file() and len(store.read("localisation")) > 0)


def is_published_test(store: Store, source: str) -> bool:
    """Whether the test folder, if there is one, is that of the published set; true of what is another set."""
    files = store.read("manifest")
    if not (files["part"] == "test").any() or sources.kind(source, files, is_drawn(store, source)) != "kermany":
        return True
    return not any(said.startswith("test/") for said in manifest.published_counts(files))


def _shared_patients(store: Store) -> list[str]:
    if not store.table_file("splits").is_file():
        return []
    cases = store.read("splits")
    tested = cases["split"] == "test"
    both = cases[tested & cases["patient"].isin(cases["patient"][~tested])]
    if both.empty:
        return []
    return [
        f"Patients of the test part who are also in training or validation: {both['patient'].nunique():,}, with "
        f"{len(both):,} of its radiographs. Results may be too good."
    ]


def _seen_before(store: Store) -> list[str]:
    if not store.table_file("near_duplicates").is_file():
        return []
    twice = store.read("near_duplicates").query("split == 'test'")
    count = twice["path"].nunique()
    if not count:
        return []
    subject = "One test radiograph has" if count == 1 else f"{count:,} test radiographs have"
    return [f"{subject} a nearly equal picture in training or validation: results may be too good."]


def _both_labels(store: Store) -> list[str]:
    if not store.table_file("manifest").is_file():
        return []
    table = store.read("manifest")
    twice = table[table.groupby("sha256")["label"].transform("nunique") > 1].sort_values("sha256", kind="stable")
    count = twice["sha256"].nunique()
    if not count:
        return []
    shown = ", ".join(twice["path"].head(4)) + (", …" if len(twice) > 4 else "")
    subject = "One file has" if count == 1 else f"{count:,} files have"
    return [f"{subject} a copy of the same bytes in the other class ({shown}): one of the two labels is wrong."]


def _constant_answers(store: Store, networks: tuple[str, ...]) -> list[str]:
    tables = [name for name in ("predictions", "reference_predictions") if store.table_file(name).is_file()]
    told = []
    for name in tables if networks else ():
        said = store.read(name)
        seeds = said.groupby("model")["seed"].nunique()
        for (model, seed), value in operating_points.constant_answers(said).items():
            if model in (*networks, ENSEMBLE, "acquisition"):
                which = f" with seed {seed}" if seeds[model] > 1 else ""
                told.append(
                    f"{TITLES[model]}{which} gives all radiographs of a split the same probability, {value:.3f}: it "
                    "does not tell them apart, and its operating point calls all of them pneumonia or none."
                )
    return told
