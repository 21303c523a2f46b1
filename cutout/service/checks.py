"""Checks around one request: its deadline, its sizes, what its client may have."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cutout.errors import DeadlinePassed, InvalidValue, SizeMismatch, TooMuchMemory
from cutout.models.table import FAST_MODEL
from cutout.options import Options
from cutout.service.requests import Charge


def deadline_check(deadline: float) -> Callable[[], None]:
    """A function that raises DeadlinePassed from `deadline` (monotonic) on."""

    def check() -> None:
        if time.monotonic() >= deadline:
            raise DeadlinePassed("The image was not finished in time; send a smaller one.")

    return check


@contextmanager
def charged(charge: Charge, pixels: int) -> Iterator[None]:
    """Charge the client for an image, and give it back where the block fails."""
    undo, finished = charge(pixels), False
    try:
        yield
        finished = True
    finally:
        if not finished:
            undo()


def check_fast_is_served(options: Options, served: Sequence[str]) -> None:
    """Raise InvalidValue for `quality=fast` where its model is not among those served."""
    if options.quality == "fast" and FAST_MODEL not in served:
        raise InvalidValue(
            f"quality=fast needs the model {FAST_MODEL}, which this service has not loaded: name "
            f"it in CUTOUT_MODELS, as CUTOUT_MODELS=u2net,{FAST_MODEL}, or choose another quality.",
            field="quality",
            allowed=["standard", "best"],
        )


def check_sizes(size: tuple[int, int], mask: tuple[int, ...]) -> None:
    """Raise SizeMismatch, naming both, unless a mask has the upright image's size."""
    if tuple(size) != tuple(mask):
        (height, width), (mask_height, mask_width) = size, mask
        raise SizeMismatch(
            f"The image is {width} x {height} pixels (upright) and the mask "
            f"{mask_width} x {mask_height}; send a mask of the image's size."
        )


def check_memory(needed_bytes: float, limit: float) -> None:
    """Raise TooMuchMemory for a request that all the memory would not be enough for."""
    if needed_bytes > limit:
        raise TooMuchMemory(
            f"This needs about {needed_bytes / 1e6:,.0f} MB of memory, and this service has "
            f"{limit / 1e6:,.0f} MB for its requests: send smaller images, or ask for less.",
            needed_bytes=round(needed_bytes),
            allowed=round(limit),
        )
