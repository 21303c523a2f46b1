"""Numbers that benchmarks/fit_quality.py printed: intercept, then one weight a feature.

Features: the logit of the expected IoU, and minus the log of the thick doubt. Fitted for U²-Net; of
another model's maps the order of the predictions holds, not their level.
"""

STANDARD = (-0.906, 0.491, 0.310)
BEST = (-1.123, 0.565, 0.420)
