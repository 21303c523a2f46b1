"""The use cases behind the endpoints, and what they take and give back."""

from cutout.service.checks import check_sizes
from cutout.service.core import Service
from cutout.service.many import Outcome, Source, remove_many
from cutout.service.models import LoadedModel, Model
from cutout.service.requests import (
    EvaluationResult,
    MeasureOptions,
    RemovalRequest,
    RemovalResult,
)

__all__ = [
    "EvaluationResult",
    "LoadedModel",
    "MeasureOptions",
    "Model",
    "Outcome",
    "RemovalRequest",
    "RemovalResult",
    "Service",
    "Source",
    "check_sizes",
    "remove_many",
]
