"""An honest opinion of a result, made from the model's scores alone: no ground truth is needed."""

from cutout.quality.signals import Signals, signals

__all__ = ["Signals", "signals"]
