"""What the steps of the pipeline hand on, and what they may ask of their caller."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cutout import images
from cutout.compose.geometry import Box
from cutout.options import Options
from cutout.pipeline.plan import Plan
from cutout.pipeline.scores import Infer, Model, ScoreMap
from cutout.quality import Recalibration
from cutout.telemetry import Stages


def unbounded() -> None:
    """No deadline: a check that never fails."""


@dataclass(frozen=True)
class Job:
    """How one image is worked on.

    infer: one tensor (3, S, S) -> scores (S, S), the model's own or a batcher's. stages: takes
    the time of each step. check_deadline: called before each step; raises when time is up.
    recalibration: of the predicted IoU to a user's own data, None for the one of the package.
    """

    plan: Plan
    model: Model
    infer: Infer
    stages: Stages = field(default_factory=Stages)
    check_deadline: Callable[[], None] = unbounded
    recalibration: Recalibration | None = None

    @property
    def options(self) -> Options:
        """What was asked for."""
        return self.plan.options


@dataclass(frozen=True)
class Frame:
    """One image between two steps; a step gives a new frame and leaves the caller's arrays alone.

    rgb: (H, W, 3) uint8, the colours so far; original: as decoded, where a later step needs
    them; whole: the colours of the whole image while a region of it is worked on.
    transparency: (H, W) float32 that the file brought, or None. icc: the profile of the
    colours. dpi: dots an inch, across and down. tensors: the model's inputs. scores: what the
    model said. alpha: (H, W) float32, the matte so far. pixels: (h, w[, 3 or 4]) uint8, rendered.
    data: the encoded file, and its format where that is not the option's. subject: box of the
    subject in the image before it was cropped, where a step has measured it. signals: quality
    signals of the matte by the model's map; none where the model was not asked.
    """

    rgb: np.ndarray
    transparency: np.ndarray | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    original: np.ndarray | None = None
    whole: np.ndarray | None = None
    tensors: tuple[np.ndarray, ...] = ()
    scores: ScoreMap | None = None
    alpha: np.ndarray | None = None
    pixels: np.ndarray | None = None
    data: bytes = b""
    format: str = ""
    subject: Box | None = None
    warnings: tuple[str, ...] = ()
    signals: dict[str, object] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the colours."""
        height, width = self.rgb.shape[:2]
        return height, width

    @property
    def matte(self) -> np.ndarray:
        """Alpha, once the model's map was brought to the image's size."""
        if self.alpha is None:
            raise ValueError("the step that makes alpha has not run")
        return self.alpha

    @property
    def score_map(self) -> ScoreMap:
        """The model's map, once it was asked."""
        if self.scores is None:
            raise ValueError("the model has not run")
        return self.scores


@dataclass(frozen=True)
class Result:
    """A finished image: the encoded file, its size (height, width), and what is known of it.

    format, subject: as in `Frame`.
    """

    data: bytes
    size: tuple[int, int]
    signals: dict[str, object]
    warnings: tuple[str, ...]
    options: Options
    format: str = ""
    subject: Box | None = None


def begin(image: images.DecodedImage) -> Frame:
    """The frame of a decoded image."""
    return Frame(image.rgb, image.alpha, image.icc, image.dpi)
