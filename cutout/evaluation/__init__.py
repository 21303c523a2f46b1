"""A folder of pairs -> a row a picture, a summary with intervals, a report; compare; gate."""

from .comparing import compare, comparison_page
from .gate import Fall, check
from .pairs import Pair, Pairs, find_pairs
from .records import Record
from .results import write_comparison, write_results
from .running import Evaluation, Predict, process_pool
from .summary import read_summary
from .worker import Prediction, Settings

__all__ = [
    "Evaluation",
    "Fall",
    "Pair",
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
