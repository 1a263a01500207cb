"""`plan` and `work`: their arguments, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pneumo_utils.datasets import sources
from pneumo_utils.networks import pretrained_weights
from pneumo_utils.pipeline import study_lock, training_work
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.training_work import PlannedTraining
from pneumo_utils.records import shares
from pneumo_utils.records.durations import in_words
from pneumo_utils.records.vocabulary import MODELS

_DIGITS = 8  # of a key that are shown
_SAYS = "{number:>3} {name:<{width}} {state:<6} {key:<8} {time:>8} {memory:>7}  {needs:<15}  {folder}"


def find_downloads(pipeline: Pipeline) -> list[str]:
    """What the study would download first, in words: a plan can do without. Of weights it names the place."""
    data, weights, found = pipeline.study.data, pipeline.study.training.weights, []
    if not sources.is_at_hand(data.source, folder=data.folder, cache=pipeline.given.place(data.cache)):
        found.append(f"radiographs ({sources.TITLES[data.source]})")
    for model in pipeline.study.training.models:
        if pretrained_weights.is_at_hand(model, weights):
            pipeline.find_start(model)
        else:
            pipeline.start[model] = pretrained_weights.keras_file(model)
            found.append(f"weights of {MODELS[model]} (ImageNet)")
    return found


def tell_plan(pipeline: Pipeline, share: str, downloads: Sequence[str] = ()) -> str:
    """The trainings of a study, or of a share, a line each, and what they come to.

    Args:
        pipeline: the study: prepared, or only checked where there are `downloads`.
        share: `i/n`.
        downloads: of `find_downloads`.
    """
    with study_lock.hold_if_free(pipeline.store.work) as free:
        if free:  # beside a run, whose tables they might get into, they stay away
            pipeline.store.bring_back_networks(pipeline.study.training.networks)
    ready = not downloads and training_work.is_prepared(pipeline)
    everything = [*enumerate(training_work.plan(pipeline, ready), 1)]
    own = shares.take(everything, share, "job")
    width = max([len("training"), *(len(planned.job.name) for _, planned in own)])
    head = _SAYS.format(
        number="", name="training", width=width, state="", key="key", time="about", memory="memory", needs="needs",
        folder="writes",
    )  # fmt: skip
    left = [planned for _, planned in own if not planned.done]
    told = f"{len(own)} training{'' if len(own) == 1 else 's'}, {len(own) - len(left)} of them done"
    if left:
        told += f"; the others take about {in_words(sum(one.seconds for one in left))} one after another"
    told += "" if ready else _foreseen(pipeline)
    if downloads:
        told += f"; {pipeline.pictures:,} radiographs are foreseen; a run first downloads {', '.join(downloads)}"
    said = [head, *_lines(own, pipeline, width), *_needs(own, pipeline), told]
    return "\n".join(said)


def _lines(own: Iterable[tuple[int, PlannedTraining]], pipeline: Pipeline, width: int) -> Iterable[str]:
    for number, planned in own:
        yield _SAYS.format(
            number=number, name=planned.job.name, width=width, state="done" if planned.done else "to do",
            key=planned.key[:_DIGITS] or "later", time=in_words(planned.seconds),
            memory=f"{planned.memory / 1e9:.1f} GB", needs="images, weights" if planned.weights else "images",
            folder=planned.folder.relative_to(pipeline.store.folder),
        )  # fmt: skip


def _needs(own: Iterable[tuple[int, PlannedTraining]], pipeline: Pipeline) -> Iterable[str]:
    """Which files the column `needs` means."""
    yield f"images: {pipeline.store.images_file.relative_to(pipeline.store.folder)}, of 02_preprocessing"
    for model, file in {planned.job.model: planned.weights for _, planned in own if planned.weights}.items():
        yield f"weights of {model}: {file}"


def _foreseen(pipeline: Pipeline) -> str:
    """What the list cannot know before the first two pages have run."""
    return "; 01_eda and 02_preprocessing run before them" + (
        ", and name the numbering series that are left out once each" if pipeline.study.training.left_out_series else ""
    )


def do_work(pipeline: Pipeline, share: str, threads: int, scheduler: str = "") -> str:
    """Train a share, and what is said of it at the end."""
    trained, of_share = training_work.work(pipeline, share, threads, scheduler)
    there = f"{trained} of {of_share} trainings done now, {of_share - trained} were there"
    return f"{there}; when all shares are done, report with the same arguments goes on from them"
