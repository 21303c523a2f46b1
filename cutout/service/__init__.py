"""The use cases behind the endpoints, and what they take and give back."""

from cutout.service.checks import check_sizes
from cutout.service.core import Model, Service
from cutout.service.many import Outcome, Source, remove_many
from cutout.service.requests import (
    EvaluationResult,
    MeasureOptions,
    RemovalRequest,
    RemovalResult,
)

__all__ = [
    "EvaluationResult",
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
