"""Errors of an alpha against a soft truth: Rhemann et al., A perceptually motivated online
benchmark for image matting, 2009. All are at least 0, and lower is better.

pred, truth: (H, W) float in [0, 1]. region: (H, W) bool, where to look; the benchmark looks at
the unknown part of its trimap, None looks everywhere. An empty region scores 0. An empty truth
is no special case.
"""

import numpy as np
from scipy import ndimage

from cutout.measures.checks import check_alphas, check_masks

# Sums are given in thousands, as in the literature's tables.
THOUSAND = 1000.0


def _within(error: np.ndarray, region: np.ndarray | None) -> np.ndarray:
    if region is None:
        return error
    check_masks(region, np.ones(error.shape, bool))
    return error[region]


def sad(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> float:
    """Sum of |pred - truth|, in thousands of pixels."""
    check_alphas(pred, truth)
    return float(_within(np.abs(pred - truth), region).sum(dtype=np.float64) / THOUSAND)


def mse(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> float:
    """Mean of (pred - truth)², in [0, 1]."""
    check_alphas(pred, truth)
    error = _within((pred - truth) ** 2, region)
    return float(error.mean(dtype=np.float64)) if error.size else 0.0


def _slope(alpha: np.ndarray, sigma: float) -> np.ndarray:
    """Length of the gradient by derivatives of a Gaussian, each kernel of unit L2 norm."""
    # The published code cuts the Gaussian where it falls under 0.01 and normalises like this.
    radius = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * 1e-2))))
    at = np.arange(-radius, radius + 1)
    bell = np.exp(-(at**2) / (2 * sigma**2))
    steep = -at * bell
    bell, steep = bell / np.linalg.norm(bell), steep / np.linalg.norm(steep)
    parts = [
        ndimage.convolve1d(
            ndimage.convolve1d(alpha, kernels[0], axis=0, mode="nearest"),
            kernels[1],
            axis=1,
            mode="nearest",
        )
        for kernels in ((bell, steep), (steep, bell))
    ]
    return np.hypot(*parts)


def gradient(
    pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None, sigma: float = 1.4
) -> float:
    """Sum of squared differences of the gradients' lengths, in thousands."""
    check_alphas(pred, truth)
    error = (_slope(pred, sigma) - _slope(truth, sigma)) ** 2
    return float(_within(error, region).sum(dtype=np.float64) / THOUSAND)


def _largest_part(mask: np.ndarray) -> np.ndarray:
    """The biggest 4-connected part of a mask; an empty mask stays empty."""
    labels, number = ndimage.label(mask)
    if number <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _connected_level(joint: np.ndarray) -> np.ndarray:
    """Highest tenth at which each pixel still belongs to the common source region."""
    level = np.zeros(joint.shape, np.float32)
    # Nothing happens outside the box around what reaches the first tenth.
    for box in ndimage.find_objects((joint >= 0.1 - 1e-6).view(np.uint8)):
        level[box] = _level_in_box(joint[box])
    return level


def _level_in_box(joint: np.ndarray) -> np.ndarray:
    level = np.zeros(joint.shape, np.float32)
    within = np.ones(joint.shape, bool)
    before = -1
    for tenth in range(1, 11):
        # The small step lets 8-bit levels such as 51/255 reach 0.2 in single precision.
        above = joint >= tenth / 10 - 1e-6
        number = int(np.count_nonzero(above))
        if number != before:
            part, before = _largest_part(above), number
        within &= part
        level[within] = tenth / 10
    return level


def connectivity(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> float:
    """Sum of differences in how far pixels hang off the common solid part, in thousands.

    Steps of 0.1, slack 0.15, exponent 1, as in the paper.
    """
    check_alphas(pred, truth)
    level = _connected_level(np.minimum(pred, truth))
    hanging = [np.where(alpha - level >= 0.15 - 1e-6, alpha - level, 0) for alpha in (pred, truth)]
    error = np.abs(hanging[0] - hanging[1])
    return float(_within(error, region).sum(dtype=np.float64) / THOUSAND)
