"""One image through the whole path, shared by the service, the commands and `RembgModel`."""

from cutout.pipeline.frame import Frame, Job, Result, begin
from cutout.pipeline.order import (
    ENCODE,
    INFER,
    MATTE,
    ORDER,
    PREPARE,
    REGION,
    RENDER,
    TRANSPARENCY,
    Step,
    cut_out,
    make_matte,
    result_of,
    run,
)
from cutout.pipeline.plan import Extras, Plan, check_options, make_plan
from cutout.pipeline.scores import Infer, Model, ScoreMap, input_side

__all__ = [
    "ENCODE",
    "INFER",
    "MATTE",
    "ORDER",
    "PREPARE",
    "REGION",
    "RENDER",
    "TRANSPARENCY",
    "Extras",
    "Frame",
    "Infer",
    "Job",
    "Model",
    "Plan",
    "Result",
    "ScoreMap",
    "Step",
    "begin",
    "check_options",
    "cut_out",
    "input_side",
    "make_matte",
    "make_plan",
    "result_of",
    "run",
]
