"""Image and mask pairs -> a row per image, a summary with intervals, a report; compare; gate."""

from cutout.evaluation.comparing import compare, comparison_page
from cutout.evaluation.gate import MAX_DROP, Regression, find_regressions
from cutout.evaluation.pairs import ImagePair, Pairs, find_pairs
from cutout.evaluation.recalibrating import recalibrate
from cutout.evaluation.records import Record
from cutout.evaluation.results import (
    COMPARISON,
    REPORT,
    require_packages,
    write_comparison,
    write_results,
)
from cutout.evaluation.running import Evaluation, Predict, process_pool
from cutout.evaluation.summary import read_summary
from cutout.evaluation.worker import EvaluationSettings, Prediction

__all__ = [
    "COMPARISON",
    "MAX_DROP",
    "REPORT",
    "Evaluation",
    "EvaluationSettings",
    "ImagePair",
    "Pairs",
    "Predict",
    "Prediction",
    "Record",
    "Regression",
    "compare",
    "comparison_page",
    "find_pairs",
    "find_regressions",
    "process_pool",
    "read_summary",
    "recalibrate",
    "require_packages",
    "write_comparison",
    "write_results",
]
