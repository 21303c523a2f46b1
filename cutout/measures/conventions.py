"""How a map is normalised: two conventions that give different figures and are never mixed.

`paper` (Qin et al., U²-Net, 2020, and the tool they publish): the 8-bit map is divided by its
maximum; precision and recall are averaged over the set at each threshold; F comes last.
`pysodmetrics` (the library of that name): the map is stretched from its minimum to its maximum;
F is taken per image at each threshold and averaged.
"""

import numpy as np


def by_maximum(pred: np.ndarray) -> np.ndarray:
    """`paper`: an 8-bit map (H, W) uint8 to float64 in [0, 1], divided by its maximum.

    An empty map stays zero.
    """
    return pred / max(int(pred.max()), 1)


def by_range(pred: np.ndarray) -> np.ndarray:
    """`pysodmetrics`: an 8-bit map (H, W) uint8 to float64 in [0, 1], min-max stretched.

    A flat map keeps its level, as in that library (Matlab's im2double and mapminmax).
    """
    # The library divides by 255 first. The order matters: its later floor(255 p) depends on the
    # last bit.
    unit = pred / 255
    low, high = unit.min(), unit.max()
    return unit if low == high else (unit - low) / (high - low)
