"""A folder of pairs -> a row a picture, a summary with intervals, a report; compare; gate."""

from cutout.evaluation.comparing import compare, comparison_page
from cutout.evaluation.gate import Fall, check
from cutout.evaluation.pairs import ImagePair, Pairs, find_pairs
from cutout.evaluation.records import Record
from cutout.evaluation.results import write_comparison, write_results
from cutout.evaluation.running import Evaluation, Predict, process_pool
from cutout.evaluation.summary import read_summary
from cutout.evaluation.worker import Prediction, Settings

__all__ = [
    "Evaluation",
    "Fall",
    "ImagePair",
    "Pairs",
    "Predict",
    "Prediction",
    "Record",
    "Settings",
    "check",
    "compare",
    "comparison_page",
    "find_pairs",
    "process_pool",
    "read_summary",
    "write_comparison",
    "write_results",
]
