"""Errors of an alpha against a soft truth: Rhemann et al., A perceptually motivated online
benchmark for image matting, 2009. All are at least 0, and lower is better.

pred, truth: (H, W) float in [0, 1]. region: (H, W) bool, the pixels that count; in the
benchmark the unknown part of the trimap. None counts all. An empty region scores 0. An empty
truth is no special case. scipy is imported in the functions: a server starts sooner without it.
"""

import numpy as np

from cutout.measures.checks import check_alphas, check_masks

# Sums are given in thousands, as in the papers' tables.
THOUSAND = 1000.0


def _within(error: np.ndarray, region: np.ndarray | None) -> np.ndarray:
    if region is None:
        return error
    check_masks(region, np.ones(error.shape, bool))
    inside: np.ndarray = error[region]
    return inside


def sad(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> float:
    """Sum of |pred - truth|, in thousands of pixels."""
    check_alphas(pred, truth)
    return float(_within(np.abs(pred - truth), region).sum(dtype=np.float64) / THOUSAND)


def mse(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> float:
    """Mean of (pred - truth)², in [0, 1]."""
    check_alphas(pred, truth)
    error = _within((pred - truth) ** 2, region)
    return float(error.mean(dtype=np.float64)) if error.size else 0.0


def _gradient_magnitude(alpha: np.ndarray, sigma: float) -> np.ndarray:
    """Magnitude of the gradient by derivatives of a Gaussian, each kernel of unit L2 norm."""
    from scipy import ndimage

    # The published code truncates the Gaussian where it falls below 0.01.
    radius = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * 1e-2))))
    x = np.arange(-radius, radius + 1)
    gaussian = np.exp(-(x**2) / (2 * sigma**2))
    derivative = -x * gaussian
    gaussian, derivative = (kernel / np.linalg.norm(kernel) for kernel in (gaussian, derivative))
    components = [
        ndimage.convolve1d(
            ndimage.convolve1d(alpha, kernels[0], axis=0, mode="nearest"),
            kernels[1],
            axis=1,
            mode="nearest",
        )
        for kernels in ((gaussian, derivative), (derivative, gaussian))
    ]
    magnitude: np.ndarray = np.hypot(*components)
    return magnitude


def gradient(
    pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None, sigma: float = 1.4
) -> float:
    """Sum of squared differences of the gradients' magnitudes, in thousands."""
    check_alphas(pred, truth)
    error = (_gradient_magnitude(pred, sigma) - _gradient_magnitude(truth, sigma)) ** 2
    return float(_within(error, region).sum(dtype=np.float64) / THOUSAND)


def _largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest 4-connected component of a mask; an empty mask stays empty."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: np.ndarray = labels == sizes.argmax()
    return largest


def _connected_level(joint: np.ndarray) -> np.ndarray:
    """Highest tenth at which a pixel still belongs to the source region."""
    from scipy import ndimage

    level = np.zeros(joint.shape, np.float32)
    # Outside the bounding box of what reaches the first tenth the level is 0.
    for box in ndimage.find_objects((joint >= 0.1 - 1e-6).view(np.uint8)):
        level[box] = _level_in_box(joint[box])
    return level


def _level_in_box(joint: np.ndarray) -> np.ndarray:
    level = np.zeros(joint.shape, np.float32)
    source = np.ones(joint.shape, bool)
    previous = -1
    for tenth in range(1, 11):
        # The small number lets 8-bit levels such as 51/255 reach 0.2 in single precision.
        above = joint >= tenth / 10 - 1e-6
        count = int(np.count_nonzero(above))
        if count != previous:
            component, previous = _largest_component(above), count
        source &= component
        level[source] = tenth / 10
    return level


def connectivity(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> float:
    """Sum of differences of the pixels' connectivity to a common source region, in thousands.

    Steps of 0.1, θ = 0.15, p = 1, as in the paper.
    """
    check_alphas(pred, truth)
    level = _connected_level(np.minimum(pred, truth))
    distances = [alpha - level for alpha in (pred, truth)]
    unconnected = [np.where(distance >= 0.15 - 1e-6, distance, 0) for distance in distances]
    error = np.abs(unconnected[0] - unconnected[1])
    return float(_within(error, region).sum(dtype=np.float64) / THOUSAND)
