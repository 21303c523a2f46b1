"""The Laplacian of KNN matting, over the unknown pixels and their surroundings only.

Chen, Li, Tang, "KNN matting", PAMI 2013; numbers of neighbours as in pymatting.
"""

import numpy as np
import scipy.sparse
from scipy.spatial import cKDTree

# (neighbours, weight of place against colour): near look-alikes, then look-alikes anywhere.
SEARCHES = ((20, 2.0), (10, 0.1))


def knn_rows(image: np.ndarray, unknown: np.ndarray, near: np.ndarray) -> scipy.sparse.csr_matrix:
    """Rows of the Laplacian that belong to unknown pixels: (n, H * W) sparse.

    image: (H, W, 3) float in [0, 1]; unknown, near: (H, W) bool, `near` the known pixels that
    may be neighbours. A pixel is coupled to those it finds and those that find it.
    """
    height, width = unknown.shape
    places = np.flatnonzero(unknown | near)
    pairs = [_neighbours(image, places, *search) for search in SEARCHES]
    finder, found = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    one_way = scipy.sparse.csr_matrix(
        (np.ones(len(finder)), (finder, found)), (height * width, height * width)
    )
    weights = (one_way + one_way.T)[np.flatnonzero(unknown)]
    degree = np.asarray(weights.sum(axis=1)).ravel()
    count = len(degree)
    own = (degree, (np.arange(count), np.flatnonzero(unknown)))
    return scipy.sparse.csr_matrix(own, weights.shape) - weights


def _neighbours(
    image: np.ndarray, places: np.ndarray, count: int, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (finder, found) of flat indices, each pixel of `places` finding `count`."""
    height, width = image.shape[:2]
    rows, columns = np.divmod(places, width)
    # As in pymatting both axes run over [0, 1] whatever the picture's shape.
    place = np.stack([rows / max(height - 1, 1), columns / max(width - 1, 1)], axis=1)
    features = np.hstack([image.reshape(-1, 3)[places], weight * place])
    count = min(count, len(places))
    _, order = cKDTree(features, leafsize=32).query(features, k=count, workers=-1)
    return np.repeat(places, count), places[order.reshape(len(places), count).ravel()]
