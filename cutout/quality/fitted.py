"""Coefficients that benchmarks/fit_quality.py printed: intercept, then one weight a feature.

Features: the logit of the expected IoU, and minus the log of the thick uncertainty. Fitted on all
of ecssd300 with U²-Net's 8-bit maps; for another model's maps the order of the predictions holds,
not their level.
"""

STANDARD = (-0.971, 0.501, 0.324)
BEST = (-0.606, 0.456, 0.331)
