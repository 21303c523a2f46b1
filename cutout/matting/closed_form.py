"""The matting Laplacian of closed-form matting, for the unknown pixels only.

Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008.
"""

import numpy as np
import scipy.sparse

# Colour noise in windows of 3 x 3, as the paper and pymatting have it.
EPSILON = 1e-7
# Sides of a window, and of the square of the pixels that share a window with its middle one.
WINDOW, NEIGHBOURHOOD = 3, 5
OFFSETS = [(row, column) for row in range(WINDOW) for column in range(WINDOW)]


def closed_form_rows(image: np.ndarray, unknown: np.ndarray) -> scipy.sparse.csr_matrix:
    """Rows of the Laplacian that belong to unknown pixels: (n, H * W) sparse.

    image: (H, W, 3) float in [0, 1]; unknown: (H, W) bool with n true. Each 3 x 3 window
    couples its nine pixels, so a row has entries for 5 x 5 pixels.
    """
    height, width = unknown.shape
    count = int(unknown.sum())
    corners = _windows(unknown)
    pixels = corners[:, None] + np.array([row * width + column for row, column in OFFSETS])
    coupling = _coupling(image.reshape(-1, 3)[pixels])
    number = np.full(height * width, -1)
    number[unknown.ravel()] = np.arange(count)
    values = _gather(coupling, number[pixels], count)
    rows, slots = np.nonzero(values)
    offsets = (slots // NEIGHBOURHOOD - 2) * width + slots % NEIGHBOURHOOD - 2
    columns = np.flatnonzero(unknown)[rows] + offsets
    return scipy.sparse.csr_matrix((values[rows, slots], (rows, columns)), (count, height * width))


def _windows(unknown: np.ndarray) -> np.ndarray:
    """Flat index of the first pixel of every whole window that holds an unknown pixel."""
    height, width = unknown.shape
    found = np.zeros((max(height - 2, 0), max(width - 2, 0)), bool)
    for row, column in OFFSETS:
        found |= unknown[row : row + found.shape[0], column : column + found.shape[1]]
    rows, columns = np.nonzero(found)
    corners: np.ndarray = rows * width + columns
    return corners


def _coupling(colours: np.ndarray) -> np.ndarray:
    """(M, 9, 9) couplings of the windows with colours (M, 9, 3)."""
    centred = colours - colours.mean(axis=1, keepdims=True)
    covariance = centred.transpose(0, 2, 1) @ centred / 9 + np.eye(3) * (EPSILON / 9)
    affinity = centred @ np.linalg.inv(covariance) @ centred.transpose(0, 2, 1)
    coupling: np.ndarray = np.eye(9) - (1 + affinity) / 9
    return coupling


def _gather(coupling: np.ndarray, number: np.ndarray, count: int) -> np.ndarray:
    """Sum couplings by unknown pixel and offset from it: (count, 25).

    coupling: (M, 9, 9); number: (M, 9) int, the row of each unknown pixel, -1 of known ones.
    """
    values = np.zeros(count * NEIGHBOURHOOD * NEIGHBOURHOOD)
    for i, (row, column) in enumerate(OFFSETS):
        unknown = number[:, i] >= 0
        first = number[unknown, i] * NEIGHBOURHOOD * NEIGHBOURHOOD
        for j, (other_row, other_column) in enumerate(OFFSETS):
            slot = (other_row - row + 2) * NEIGHBOURHOOD + other_column - column + 2
            # One window has each pixel at offset i once, so no slot repeats here.
            values[first + slot] += coupling[unknown, i, j]
    return values.reshape(count, -1)
