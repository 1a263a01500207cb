"""In which number format networks compute: bfloat16 where the machine has it, else float32."""

from __future__ import annotations

from pathlib import Path

from pneumo_utils.networks.backend import tf

CHOICES = ("auto", "float32", "bfloat16")
_FLAGS = {"avx512_bf16", "amx_bf16"}  # processors that multiply bfloat16 in hardware; others are slower with it
_GPU = (8, 0)  # compute capability from which NVIDIA's do (Ampere)


class PrecisionError(ValueError):
    """There is no such precision."""


def choose(asked: str = "auto") -> str:
    """Resolve `auto` by a look at the machine.

    Args:
        asked: one of `CHOICES`.

    Returns:
        `float32`, or `bfloat16`: layers then compute in it, weights and the answer stay float32.

    Raises:
        PrecisionError: another word.
    """
    if asked not in CHOICES:
        raise PrecisionError(f"precision must be one of {', '.join(CHOICES)}, got {asked!r}")
    if asked != "auto":
        return asked
    return "bfloat16" if _supports_bfloat16() else "float32"


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
