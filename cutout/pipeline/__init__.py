"""One picture through the whole path, shared by the service, the commands and `RembgModel`."""

from cutout.pipeline.path import Matte, Result, Tools, cut_out, matte_of, shown_alpha
from cutout.pipeline.plan import Extras, Plan, check, plan
from cutout.pipeline.scores import Model, Scores

__all__ = [
    "Extras",
    "Matte",
    "Model",
    "Plan",
    "Result",
    "Scores",
    "Tools",
    "check",
    "cut_out",
    "matte_of",
    "plan",
    "shown_alpha",
]
