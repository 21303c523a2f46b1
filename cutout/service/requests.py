"""What the use cases take and give back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cutout import images, measures, pipeline
from cutout.batching import always
from cutout.compose import canvas
from cutout.compose.geometry import Box
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
    """Which groups of measures, and the alpha above which a pixel is subject, in both maps."""

    groups: tuple[str, ...] = ("mask",)
    threshold: float = 0.5

    @property
    def level(self) -> int:
        """The threshold as a level of 8 bits."""
        return measures.level_of(self.threshold)

    def row(self, pred: np.ndarray, truth: np.ndarray) -> Record:
        """Measures of a map against the true mask, both (H, W) uint8."""
        pair = measures.make_pair(pred, truth, self.level)
        values = measures.score(pair, groups=self.groups).values
        return {**values, "threshold": self.threshold}


@dataclass(frozen=True)
class EvaluationResult:
    """The image (H, W, 3), the map and the true mask (H, W), all uint8, and the measures."""

    rgb: np.ndarray
    pred: np.ndarray
    truth: np.ndarray
    row: Record
