"""One picture through the whole path, shared by the service, the commands and `RembgModel`."""

from .path import Matte, Result, Tools, cut_out, matte_of
from .plan import Extras, Plan, plan
from .scores import Model, Scores

__all__ = [
    "Extras",
    "Matte",
    "Model",
    "Plan",
    "Result",
    "Scores",
    "Tools",
    "cut_out",
    "matte_of",
    "plan",
]
