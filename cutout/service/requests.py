"""What the use cases take and give back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cutout import images, measures, pipeline
from cutout.batching import always
from cutout.compose import canvas
from cutout.compose.geometry import Box, Margin
from cutout.options import Options
from cutout.telemetry import Stages

Record = dict[str, Any]


Charge = Callable[[int], Callable[[], None]]


def free(pixels: int) -> Callable[[], None]:
    """No limit a client: nothing to take, nothing to give back."""
    return lambda: None


@dataclass(frozen=True)
class RemovalRequest:
    """One request: the uploaded file, its options, the images beside it, whether it is wanted.

    region: box (top, left, height, width) of the upright image in which the subject lies. render,
    encode: the steps after the matte. store: whether upload, result and record are kept.
    charge: takes the number of pixels from what this client may have, before anything is decoded,
    and gives back what undoes it, called when the image fails.
    keep, erase: grey images of any size, light where the subject, or the background, is certain.
    client: who asks, for taking turns. scope: whose scores may be taken from the cache.
    margin: room around the subject that may reach beyond the image.
    """

    data: bytes
    options: Options = field(default_factory=Options)
    trimap: bytes | None = None
    background: bytes | None = None
    wanted: Callable[[], bool] = always
    region: Box | None = None
    render: Sequence[pipeline.Step] = pipeline.RENDER
    encode: Sequence[pipeline.Step] = pipeline.ENCODE
    store: bool = True
    charge: Charge = free
    keep: bytes | None = None
    erase: bytes | None = None
    client: str = ""
    scope: str = ""
    margin: Margin | None = None

    def levels(self) -> tuple[bytes, ...]:
        """The files that are read as grey levels."""
        return tuple(data for data in (self.trimap, self.keep, self.erase) if data)

    @property
    def hints(self) -> bool:
        """Whether strokes of a person come too."""
        return self.keep is not None or self.erase is not None

    def check(self) -> None:
        """Check the options together, before anything is decoded. Raises InvalidValue."""
        trimap, background = self.trimap is not None, self.background is not None
        pipeline.check_options(self.options, trimap, background, self.hints)

    def check_result(self, size: tuple[int, int]) -> None:
        """Refuse a format that cannot hold the result of an image of `size` (height, width).

        A crop is only known later; the encoder checks it again. Raises InvalidValue.
        """
        options, longest = self.options, max(size)
        if options.canvas != "none":
            size = canvas.parse_canvas(options.canvas)
        if not options.crop and not (options.max_size and options.max_size < longest):
            images.check_encodable(size, options.format)


@dataclass(frozen=True)
class RemovalResult:
    """A finished image: the bytes to send, the side record, the time of each stage.

    id: under which it is stored; "" where it is not. cache: `hit`, `miss` or `off`.
    result: the same before it was stored.
    """

    id: str
    data: bytes
    record: Record
    stages: Stages
    cache: str
    result: pipeline.Result


@dataclass(frozen=True)
class MeasureOptions:
    """Which groups of measures, and the alpha above which a pixel is subject, in both maps.

    overlay: whether an image of true, missed and wrongly kept pixels is painted too.
    """

    groups: tuple[str, ...] = ("mask",)
    threshold: float = 0.5
    overlay: bool = False

    @property
    def level(self) -> int:
        """The threshold as a level of 8 bits."""
        return measures.level_of(self.threshold)

    def row(
        self, pred: np.ndarray, truth: np.ndarray, check_deadline: Callable[[], None]
    ) -> Record:
        """Measures of a map against the true mask, both (H, W) uint8.

        check_deadline: called before each group of measures; raises when time is up.
        """
        values: Record = {}
        pair = measures.make_pair(pred, truth, self.level)
        for group in self.groups:
            check_deadline()
            values |= measures.score(pair, groups=(group,)).values
        return {**values, "threshold": self.threshold}

    def painted(self, rgb: np.ndarray, pred: np.ndarray, truth: np.ndarray) -> bytes:
        """The overlay on an image (H, W, 3) as a PNG file; nothing where it is not asked for."""
        if not self.overlay:
            return b""
        pixels = measures.overlay(rgb, pred > self.level, truth > self.level)
        return images.encode(pixels, "png")


@dataclass(frozen=True)
class EvaluationResult:
    """The measures, the size (height, width) of what was measured, and the overlay or nothing."""

    size: tuple[int, ...]
    row: Record
    overlay: bytes
