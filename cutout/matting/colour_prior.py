"""Subject or background by colour: which side's sure pixels an unknown pixel is like.

A data term for the solvers, in the manner of Wang, Cohen, "Optimized color sampling for robust
matting", CVPR 2007: the sure pixels around the band are the samples.
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree

from cutout.matting.trimap import BACKGROUND, SUBJECT, UNKNOWN
from cutout.parallel import usable_cores

# Samples a side, taken evenly from the sure pixels within this share of the diagonal.
SAMPLES, AROUND = 4000, 0.05
NEIGHBOURS = 5
# A sample found may be this share farther than the nearest left out: a third of the time, and the
# same mattes.
KNN_EPS = 1.0
# The picture's longer side counts as much as this part of the range of a colour.
PLACE = 0.3
# Squared distance that counts as none, about one level of 255 in each colour.
CLOSE = 1e-5
# Mean squared error of saying a half everywhere: samples that tell no better are not believed.
GUESS = 0.25


class ColourPrior(NamedTuple):
    """What colours say of n unknown pixels: alpha (n,) and how far to believe it (n,), 0 to 1."""

    alpha: np.ndarray
    confidence: np.ndarray


def colour_prior(image: np.ndarray, trimap: np.ndarray) -> ColourPrior:
    """Judge the unknown pixels, in row order, by the nearest samples of either side.

    image: (H, W, 3) float in [0, 1]; trimap: (H, W) uint8. Belief is none at a half, full at 0
    and 1, and is scaled by how well one half of the samples tells the sides of the other half.
    """
    features = _features(image)
    back, front = (features[places] for places in _samples(trimap))
    alpha = _colour_alpha(features[np.flatnonzero(trimap == UNKNOWN)], front, back)
    return ColourPrior(alpha, _separability(front, back) * (2 * alpha - 1) ** 2)


def _features(image: np.ndarray) -> np.ndarray:
    """(H * W, 5): colour and place of every pixel."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width] * (PLACE / max(height, width))
    return np.dstack([image, rows, columns]).reshape(height * width, 5)


def _samples(trimap: np.ndarray) -> list[np.ndarray]:
    """Flat indices of background and of subject pixels, evenly from those around the band."""
    reach = max(1, round(AROUND * float(np.hypot(*trimap.shape))))
    far = cv2.distanceTransform((trimap != UNKNOWN).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    found = []
    for side in (BACKGROUND, SUBJECT):
        places = np.flatnonzero((trimap == side) & (far <= reach))
        found.append(places[:: max(1, -(-len(places) // SAMPLES))])
    return found


def _separability(front: np.ndarray, back: np.ndarray) -> float:
    """How well samples tell samples apart: 1 without error, 0 no better than a guess."""
    if min(len(front), len(back)) < 2:
        return 0.0
    known = front[::2], back[::2]
    errors = 1 - _colour_alpha(front[1::2], *known), _colour_alpha(back[1::2], *known)
    return max(0.0, 1 - sum(float((error**2).mean()) for error in errors) / 2 / GUESS)


def _colour_alpha(asked: np.ndarray, front: np.ndarray, back: np.ndarray) -> np.ndarray:
    """1 where a pixel is like the front samples, 0 like the back ones; a half without samples."""
    if not (len(front) and len(back)):
        return np.full(len(asked), 0.5)
    to_front, to_back = _distance(asked, front), _distance(asked, back)
    return to_back / (to_front + to_back)


def _distance(asked: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Squared mean distance (n,) to the nearest samples."""
    count = min(NEIGHBOURS, len(samples))
    found, _ = cKDTree(samples).query(asked, k=count, eps=KNN_EPS, workers=usable_cores())
    return found.reshape(len(asked), count).mean(axis=1) ** 2 + CLOSE
