"""The matting Laplacian of closed-form matting, for the unknown pixels only.

Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008.
"""

import numpy as np
import scipy.sparse

# Colour noise in windows of 3 x 3, as the paper and pymatting have it.
EPSILON = 1e-7
SIDE, REACH = 3, 5
OFFSETS = [(row, column) for row in range(SIDE) for column in range(SIDE)]


def closed_form_rows(image: np.ndarray, unknown: np.ndarray) -> scipy.sparse.csr_matrix:
    """Rows of the Laplacian that belong to unknown pixels: (n, H * W) sparse.

    image: (H, W, 3) float in [0, 1]; unknown: (H, W) bool with n true. Each 3 x 3 window
    couples its nine pixels, so a row reaches over 5 x 5.
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
    around = (slots // REACH - 2) * width + slots % REACH - 2
    columns = np.flatnonzero(unknown)[rows] + around
    return scipy.sparse.csr_matrix((values[rows, slots], (rows, columns)), (count, height * width))


def _windows(unknown: np.ndarray) -> np.ndarray:
    """Flat index of the first pixel of every whole window that holds an unknown pixel."""
    height, width = unknown.shape
    touched = np.zeros((max(height - 2, 0), max(width - 2, 0)), bool)
    for row, column in OFFSETS:
        touched |= unknown[row : row + touched.shape[0], column : column + touched.shape[1]]
    rows, columns = np.nonzero(touched)
    return rows * width + columns


def _coupling(colours: np.ndarray) -> np.ndarray:
    """(M, 9, 9) couplings of the windows with colours (M, 9, 3)."""
    centred = colours - colours.mean(axis=1, keepdims=True)
    spread = centred.transpose(0, 2, 1) @ centred / 9 + np.eye(3) * (EPSILON / 9)
    alike = centred @ np.linalg.inv(spread) @ centred.transpose(0, 2, 1)
    return np.eye(9) - (1 + alike) / 9


def _gather(coupling: np.ndarray, number: np.ndarray, count: int) -> np.ndarray:
    """Sum couplings by unknown pixel and place relative to it: (count, 25)."""
    values = np.zeros(count * REACH * REACH)
    for i, (row, column) in enumerate(OFFSETS):
        mine = number[:, i]
        known = mine >= 0
        first = mine[known] * REACH * REACH
        for j, (other_row, other_column) in enumerate(OFFSETS):
            slot = (other_row - row + 2) * REACH + other_column - column + 2
            # One window has each pixel at place i once, so no slot repeats here.
            values[first + slot] += coupling[known, i, j]
    return values.reshape(count, -1)
