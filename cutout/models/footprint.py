"""How much memory models take, and whether this machine has it."""

from collections.abc import Iterable

from cutout.errors import ConfigurationError
from cutout.models.table import ModelSpec

# Maps of one 320 px image in U²-Net, in fp32, rounded up; they grow with the area of the input.
MAPS_BYTES, MAPS_SIZE_PX = 400_000_000, 320
# The weights as read, as compiled, and what the compiler holds meanwhile.
WEIGHT_COPIES = 3
# Of the process without a model: libraries and the interpreter.
PROCESS_BYTES = 300_000_000
# Where the table has no size: the largest known, BiRefNet's.
UNKNOWN_BYTES = 1_000_000_000


def needed_bytes(spec: ModelSpec) -> int:
    """Memory of one model at its own input size, one image at a time; an upper estimate."""
    maps = MAPS_BYTES * (spec.input_size / MAPS_SIZE_PX) ** 2
    return int(WEIGHT_COPIES * (spec.size_bytes or UNKNOWN_BYTES) + maps)


def check_fit(specs: Iterable[ModelSpec], limit_bytes: int | None) -> None:
    """Raise ConfigurationError where the models together would not fit into the memory.

    limit_bytes: of the machine or its container; None, where it is unknown, sets no limit.
    """
    needs = {spec.name: needed_bytes(spec) for spec in specs}
    total = sum(needs.values()) + PROCESS_BYTES
    if limit_bytes is None or total <= limit_bytes:
        return
    listed = ", ".join(f"{name} {_gb(need)}" for name, need in needs.items())
    advice = "name fewer in CUTOUT_MODELS" if len(needs) > 1 else "choose a smaller CUTOUT_MODEL"
    raise ConfigurationError(
        f"The models would take about {_gb(total)} of memory ({listed}), and this machine or "
        f"container has {_gb(limit_bytes)}: {advice}, raise the container's limit, or set "
        "CUTOUT_CHECK_MEMORY=off to try all the same."
    )


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
