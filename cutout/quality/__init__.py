"""Quality estimates of a result without ground truth, from the model's scores alone."""

from cutout.quality.predicted import predicted_iou
from cutout.quality.signals import Signals, signals
from cutout.quality.views import BEST, View, aligned, best_views, merge, tensors, voted

__all__ = [
    "BEST",
    "Signals",
    "View",
    "aligned",
    "best_views",
    "merge",
    "predicted_iou",
    "signals",
    "tensors",
    "voted",
]
