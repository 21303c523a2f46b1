"""Checks of the two arrays that every measure takes; thresholds and levels."""

import math

import numpy as np

from cutout.errors import InvalidValue, SizeMismatch

# A pixel is subject above this 8-bit level, as the data sets define it.
THRESHOLD = 128
OPAQUE = 255
FLOATS = (np.float32, np.float64)


def _size_text(array: np.ndarray) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"  # noqa: RUF001


def _check_image(array: np.ndarray, name: str, dtypes: tuple[type, ...]) -> None:
    allowed = " or ".join(np.dtype(kind).name for kind in dtypes)
    if not isinstance(array, np.ndarray) or array.dtype not in dtypes:
        found = getattr(array, "dtype", type(array).__name__)
        raise InvalidValue(f"The {name} must be an array of {allowed}; it is {found}.")
    if array.ndim != 2 or not array.size:
        raise InvalidValue(
            f"The {name} must be one greyscale image (height, width) with at least one pixel."
        )


def _check_sizes(pred: np.ndarray, truth: np.ndarray) -> None:
    if pred.shape != truth.shape:
        raise SizeMismatch(
            f"The prediction is {_size_text(pred)} pixels and the true mask {_size_text(truth)}; "
            "give both in the same size.",
            prediction=list(pred.shape[::-1]),
            mask=list(truth.shape[::-1]),
        )


def _check_unit_range(array: np.ndarray, name: str) -> None:
    # With NaN both comparisons are false.
    if not (array.min() >= 0 and array.max() <= 1):
        raise InvalidValue(f"The {name} must lie between 0 and 1 everywhere, without NaN.")


def check_masks(pred: np.ndarray, truth: np.ndarray) -> None:
    """Two masks: (H, W) bool, one size."""
    _check_image(pred, "prediction", (np.bool_,))
    _check_image(truth, "true mask", (np.bool_,))
    _check_sizes(pred, truth)


def check_maps(pred: np.ndarray, truth: np.ndarray) -> None:
    """Two 8-bit maps: (H, W) uint8, one size."""
    _check_image(pred, "prediction", (np.uint8,))
    _check_image(truth, "true mask", (np.uint8,))
    _check_sizes(pred, truth)


def check_alphas(pred: np.ndarray, truth: np.ndarray) -> None:
    """Two alphas: (H, W) float32 or float64 in [0, 1], one size, no NaN."""
    for array, name in ((pred, "prediction"), (truth, "true mask")):
        _check_image(array, name, FLOATS)
        _check_unit_range(array, name)
    _check_sizes(pred, truth)


def check_normalised(pred: np.ndarray, truth: np.ndarray) -> None:
    """A normalised map (H, W) float in [0, 1] and a mask (H, W) bool, one size."""
    _check_image(pred, "prediction", FLOATS)
    _check_image(truth, "true mask", (np.bool_,))
    _check_sizes(pred, truth)
    _check_unit_range(pred, "prediction")


def check_level(level: int, name: str) -> None:
    """An 8-bit level, such as a threshold or an ignore value."""
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= 255:
        raise InvalidValue(f"{name} must be a whole number from 0 to 255.", field=name)


def level_of(alpha: float) -> int:
    """The 8-bit level for a threshold in alpha: a pixel is subject where its level is above it.

    alpha: 0 to 1. The nearest level, halves rounded up, so that 0.5 is 128, the data sets' own
    threshold. 0 gives 0: every pixel that is not fully transparent is subject. 1 gives 254, not
    255: fully opaque pixels are subject, whereas no pixel at all is above 255.
    """
    if not 0 <= alpha <= 1:
        raise InvalidValue("threshold must be a number from 0 to 1.", field="threshold")
    return min(math.floor(alpha * OPAQUE + 0.5), OPAQUE - 1)
