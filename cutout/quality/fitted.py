"""Coefficients that benchmarks/fit_quality.py printed: intercept, then one weight a feature.

Features: the logit of the expected IoU, and minus the log of the thick uncertainty. STANDARD was
fitted on the maps of all of ecssd300, BEST on the second looks of its even half, both with U²-Net's
8-bit maps before their biases were corrected; a new fit changes ranks by .001. For another model's
maps the order of the predictions holds, not their level. The thresholds of `quality.views` are on
the scale of STANDARD.
"""

STANDARD = (-0.971, 0.501, 0.324)
BEST = (-0.409, 0.403, 0.284)
