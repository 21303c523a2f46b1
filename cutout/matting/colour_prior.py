"""Alpha of unknown pixels estimated from colours alone: a data term for the solvers.

Each pixel is compared with its nearest known samples of subject and of background, in the manner
of Wang, Cohen, "Optimized color sampling for robust matting", CVPR 2007.
"""

from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree

from cutout.matting.trimap import BACKGROUND, SUBJECT, UNKNOWN
from cutout.parallel import usable_cores

# Samples of the subject and as many of the background, spread evenly over the known pixels that
# lie within this share of the diagonal of an unknown one.
MAX_SAMPLES, SAMPLE_DISTANCE = 4000, 0.05
NEIGHBOURS = 5
# A sample found may be this share farther than the nearest left out: a third of the time, and the
# same mattes.
KNN_EPS = 1.0
# The image's longer side counts as much as this part of the range of a colour.
POSITION_WEIGHT = 0.3
# Added to squared distances, about one level of 255 in each colour: the ratio stays defined.
MIN_SQUARED_DISTANCE = 1e-5
# Mean squared error of alpha = 0.5 everywhere: samples that do no better have no confidence.
UNINFORMED_ERROR = 0.25


class ColourPrior(NamedTuple):
    """Estimates for n unknown pixels: alpha (n,) and confidence (n,), both in [0, 1]."""

    alpha: np.ndarray
    confidence: np.ndarray


def colour_prior(image: np.ndarray, trimap: np.ndarray) -> ColourPrior:
    """Estimate alpha of the unknown pixels, in row order, from the nearest samples.

    image: (H, W, 3) float in [0, 1]; trimap: (H, W) uint8. Confidence is 0 at alpha 0.5 and
    largest at 0 and 1; it is scaled by how well one half of the samples classifies the other.
    Without samples of the subject or of the background alpha is 0.5 and confidence 0.
    """
    features = _features(image)
    background, subject = (features[pixels] for pixels in _samples(trimap))
    alpha = _colour_alpha(features[np.flatnonzero(trimap == UNKNOWN)], subject, background)
    return ColourPrior(alpha, _separability(subject, background) * (2 * alpha - 1) ** 2)


def _features(image: np.ndarray) -> np.ndarray:
    """(H * W, 5): colour and position of every pixel."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width] * (POSITION_WEIGHT / max(height, width))
    return np.dstack([image, rows, columns]).reshape(height * width, 5)


def _samples(trimap: np.ndarray) -> list[np.ndarray]:
    """Flat indices of background and of subject pixels, evenly from those near the band."""
    limit = max(1, round(SAMPLE_DISTANCE * float(np.hypot(*trimap.shape))))
    known = (trimap != UNKNOWN).view(np.uint8)
    distance = cv2.distanceTransform(known, cv2.DIST_L2, cv2.DIST_MASK_5)
    samples = []
    for value in (BACKGROUND, SUBJECT):
        near = np.flatnonzero((trimap == value) & (distance <= limit))
        samples.append(near[:: max(1, -(-len(near) // MAX_SAMPLES))])
    return samples


def _separability(subject: np.ndarray, background: np.ndarray) -> float:
    """How well samples classify samples: 1 without error, 0 no better than alpha 0.5."""
    if min(len(subject), len(background)) < 2:
        return 0.0
    half = subject[::2], background[::2]
    errors = 1 - _colour_alpha(subject[1::2], *half), _colour_alpha(background[1::2], *half)
    error = sum(float((one**2).mean()) for one in errors) / 2
    return max(0.0, 1 - error / UNINFORMED_ERROR)


def _colour_alpha(query: np.ndarray, subject: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Alpha (n,): 1 at the subject's samples, 0 at the background's, 0.5 without samples."""
    if not (len(subject) and len(background)):
        return np.full(len(query), 0.5)
    to_subject, to_background = _distance(query, subject), _distance(query, background)
    alpha: np.ndarray = to_background / (to_subject + to_background)
    return alpha


def _distance(query: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Squared mean distance (n,) to the nearest samples."""
    count = min(NEIGHBOURS, len(samples))
    found, _ = cKDTree(samples).query(query, k=count, eps=KNN_EPS, workers=usable_cores())
    mean: np.ndarray = found.reshape(len(query), count).mean(axis=1)
    return mean**2 + MIN_SQUARED_DISTANCE
