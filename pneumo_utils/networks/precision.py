"""In which number format networks are trained: bfloat16 where the machine has it, else float32."""

from __future__ import annotations

import logging
from pathlib import Path

from pneumo_utils.networks.backend import tf
from pneumo_utils.records.atomic import alone, atomic_write

_log = logging.getLogger(__name__)
CHOICES = ("auto", "float32", "bfloat16")
_FLAGS = {"avx512_bf16", "amx_bf16"}  # processors that multiply bfloat16 in hardware; others are slower with it
_GPU = (8, 0)  # compute capability from which NVIDIA's do (Ampere)


class PrecisionError(ValueError):
    """There is no such precision, or it cannot be had."""


def choose(asked: str = "auto") -> str:
    """Resolve `auto` by a look at the machine.

    Args:
        asked: one of `CHOICES`.

    Returns:
        `float32`, or `bfloat16`: layers then compute in it, weights stay float32. Finished networks answer in float32.

    Raises:
        PrecisionError: another word.
    """
    if asked not in CHOICES:
        raise PrecisionError(f"precision must be one of {', '.join(CHOICES)}, got {asked!r}")
    if asked != "auto":
        return asked
    return "bfloat16" if _supports_bfloat16() else "float32"


def of_study(asked: str, kept: Path, trains: bool = True) -> str:
    """Resolve `auto` once for all networks of a study: by a look at the machine that begins its first training.

    Another format makes another network, so machines that differ would train everything again, one after the other.

    Args:
        asked: one of `CHOICES`.
        kept: file that holds what `auto` is for the study; written where it is not there.
        trains: whether this machine is about to train; if not, nothing is written or said.

    Returns:
        as `choose`.

    Raises:
        PrecisionError: another word, or a format that the GPUs of this machine do not have.
    """
    own = choose(asked)
    if asked != "auto":
        return own
    if not trains:
        return _read(kept) or own
    with alone(kept):
        found = _read(kept)
        if not found:
            with atomic_write(kept) as part:
                part.write_text(f"{own}\n", encoding="ascii")
            return own
    if found != own:
        anew = f"delete {kept} to train all of them anew"
        if found == "bfloat16" and tf.config.list_physical_devices("GPU"):
            rule = "GPUs must multiply bfloat16, in which the networks of this study compute"
            raise PrecisionError(f"{rule}, got one that does not ({anew})")
        _log.warning("computes in %s as the other networks of this study, not in %s (%s)", found, own, anew)
    return found


def _read(kept: Path) -> str:
    """The format that a study has; empty where none of its networks has begun."""
    try:
        word = kept.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return word if word in CHOICES[1:] else ""


def _supports_bfloat16() -> bool:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        known = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
        return all(capability >= _GPU for capability in known)
    return bool(_FLAGS & flags(Path("/proc/cpuinfo")))


def flags(cpuinfo: Path) -> set[str]:
    """Instruction sets that the processor names, as Linux lists them; empty elsewhere."""
    if not cpuinfo.is_file():
        return set()
    lines = [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("flags")]
    return set(lines[0].partition(":")[2].split()) if lines else set()
