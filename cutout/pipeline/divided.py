"""The order of work in parts that may run in different processes, on different machines.

`prepare` and `finish` need no weights: the model's part between them is done elsewhere, for many
images at once. The file is decoded in both: the bytes between them are a tenth of its pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cutout import images
from cutout.errors import InvalidValue
from cutout.models import processing
from cutout.models.table import ModelSpec
from cutout.pipeline.frame import Job, Result, begin
from cutout.pipeline.order import ENCODE, MATTE, PREPARE, RENDER, cut_out, result_of, run
from cutout.pipeline.plan import Plan
from cutout.pipeline.scores import Infer, ScoreMap
from cutout.quality import Recalibration


class TableModel:
    """What the pipeline asks of a model, from its row of the table, without weights."""

    def __init__(self, row: ModelSpec) -> None:
        """row: of the model whose maps are finished."""
        self.row, self.input_size = row, row.input_size
        self.input_sizes, self.calibration = row.input_sizes, row.calibration

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        """(H, W, 3) uint8 -> (3, S, S) float32."""
        return processing.prepare(self.row, rgb, side, fit)

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        """(S, S) float32 -> alpha (H, W) float32 in [0, 1], a new array."""
        return processing.finish(scores, size, fit)


def no_model(tensor: np.ndarray) -> np.ndarray:
    """The model of a part that needs none."""
    raise RuntimeError("this part of the order of work asks no model")


def check_divisible(plan: Plan) -> None:
    """Raise InvalidValue where the model must be asked more than once."""
    if plan.options.quality == "best":
        raise InvalidValue(
            "quality=best asks the model again after its first answer, which this engine cannot: "
            "choose quality=standard, or the local engine.",
            field="quality",
        )


@dataclass(frozen=True)
class DividedPipeline:
    """One plan for many image files. Picklable. All methods raise the errors of `images`.

    The results are byte for byte those of `cut_out`. Only `cut_out` can do `quality=best`, which
    asks the model again after its first answer.
    """

    plan: Plan
    row: ModelSpec
    limits: images.Limits
    recalibration: Recalibration | None = None

    def check(self, data: bytes) -> int:
        """Pixels of an image file, from its header alone."""
        height, width = images.inspect(data, self.limits).header.size
        return height * width

    def prepare(self, data: bytes) -> tuple[np.ndarray, ...]:
        """The model's input (3, S, S) float32; none where the plan needs no model.

        Raises InvalidValue for `quality=best`.
        """
        check_divisible(self.plan)
        if not self.plan.options.remove:
            self.check(data)
            return ()
        frame = begin(images.decode(data, self.limits))
        return run(PREPARE, frame, self._job()).tensors

    def finish(self, data: bytes, maps: Sequence[np.ndarray]) -> Result:
        """The result of an image file and the scores (S, S) float32 of its inputs, in order."""
        job, frame = self._job(), begin(images.decode(data, self.limits))
        if maps:
            frame = replace(frame, scores=ScoreMap(maps[0]))
        return result_of(run(ENCODE, run(MATTE + RENDER, frame, job), job), job)

    def cut_out(self, data: bytes, infer: Infer) -> Result:
        """All parts at once. infer: one tensor (3, S, S) -> its scores (S, S)."""
        image = images.decode(data, self.limits)
        return cut_out(image, self.plan, TableModel(self.row), infer, self.recalibration)

    def _job(self) -> Job:
        return Job(self.plan, TableModel(self.row), no_model, recalibration=self.recalibration)
