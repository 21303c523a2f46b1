"""Align the upsampled map with the image's own edges.

The model sees 320 x 320 cells, so its edge is some pixels off at full size. In a small window
the true alpha is close to a linear function of colour, which is fitted to the certain pixels on
both sides of the edge; in the uncertain band between them that function replaces the map.
"""

import cv2
import numpy as np

from cutout.guided_filter import apply_fit, evaluate_fit, local_fit
from cutout.parallel import fine_row_chunks, parallel_map
from cutout.pixels import between, take_pixels

# The model's grid; lengths below are in its cells, so they follow its precision, not the image's
# size. SAMPLES a cell are enough to place an edge by colour.
CELLS, SAMPLES = 320, 2
# One cell: what the model's edge may be off. Four and sixteen: the extent of fur, hair, leaves.
NARROW_RADIUS, WIDE_RADII = 1, (4, 16)
# Cells between two samples of the grid on which wide windows are fitted: they need no finer one.
COARSE = 2
# Variance of colour that counts as flat: .01 of the range squared, just above sensor noise.
EPSILON = 1e-4
# A wide fit is repeated on its own result: uncertain pixels that it decided then count too.
ITERATIONS = 3
# The residual (mean square of alpha at certain pixels, in the widest window) measures how well
# colours explain the matte. Medians along soft edges: .004 to .023 for 14 images of hair, plants
# and toys; .024 to .069 for 8 of cars, 7 of them above .035, for their parts have the backdrop's
# colours. Confidence is 1 up to the first number and 0 from the second on: of an image by its
# median, and of each pixel by its own residual.
IMAGE_CONFIDENCE, LOCAL_CONFIDENCE = (0.025, 0.035), (0.012, 0.04)
# Where the map is nearer than this to 0 or 1 it is left alone, fading in up to thrice that.
SURE = 0.01
# A regularised fit shrinks towards the mean; this undoes it, which lowers the absolute error.
GAIN = 1.25


def snap_edges(
    rgb: np.ndarray, alpha: np.ndarray, mode: str = "auto", out: np.ndarray | None = None
) -> np.ndarray:
    """Alpha (H, W) float32 whose edges follow the image's, or `alpha` itself when off.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the map at full size. mode: `off`; `snap`, windows
    of one cell, safe on hard edges; `auto`, windows of up to sixteen where colours explain the
    matte (hair on a plain background) and the image is finer than the map, of one elsewhere. Empty
    and full mattes are returned unchanged. out: where the result goes, `alpha` itself to spare a
    copy; a new array by default.
    """
    if mode == "off":
        return alpha
    inside = between(alpha, SURE, 1 - SURE)
    if out is None:
        out = alpha.copy()
    elif out is not alpha:
        np.copyto(out, alpha)
    if not inside.any():
        return out
    fit = _fit(rgb, alpha, mode)

    def snap(chunk: slice) -> None:
        flat, fitted = evaluate_fit(rgb, fit, inside, chunk)
        fitted = np.clip((fitted - 0.5) * GAIN + 0.5, 0, 1)
        mapped = take_pixels(alpha[chunk], flat)
        out[chunk].reshape(-1)[flat] = mapped + _uncertainty(mapped) * (fitted - mapped)

    parallel_map(snap, fine_row_chunks(len(alpha)))
    return out


def _fit(rgb: np.ndarray, alpha: np.ndarray, mode: str) -> np.ndarray:
    """Coefficients (h, w, 4) to read at full size, on a grid of `SAMPLES` a cell."""
    guide = _scaled(rgb, CELLS * SAMPLES) * np.float32(1 / 255)
    matte = _scaled(alpha, CELLS * SAMPLES)
    fit = local_fit(guide, matte, _certainty(matte), NARROW_RADIUS * SAMPLES, EPSILON)
    if mode == "snap":
        return fit
    coarse = _scaled(guide, CELLS // COARSE), _scaled(matte, CELLS // COARSE)
    wide, narrow_share = _wide_mixture(*coarse, _detail_confidence(alpha.shape))
    size = fit.shape[1::-1]
    fit *= cv2.resize(narrow_share, size)[..., None]
    fit += cv2.resize(wide, size)
    return fit


def _wide_mixture(
    guide: np.ndarray, matte: np.ndarray, max_confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """The wide fits' part of the fit (h, w, 4), and the share of the narrow fit (h, w).

    From the narrowest on, each wider window replaces the narrower ones by its confidence, which
    is max_confidence at most.
    """
    fits = [_wide_fit(guide, matte, radius // COARSE) for radius in WIDE_RADII]
    limit = max_confidence * _image_confidence(matte, fits[-1][1])
    mixture, narrow_share = np.zeros_like(fits[0][0]), np.ones_like(matte)
    for fit, residual in fits:
        confidence = np.float32(limit) * linear_falloff(residual, *LOCAL_CONFIDENCE)
        mixture += confidence[..., None] * (fit - mixture)
        narrow_share *= 1 - confidence
    return mixture, narrow_share


def _wide_fit(guide: np.ndarray, matte: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (h, w, 4) of a wide window, and the residual (h, w) of its first iteration."""
    fit, fitted = _fit_once(guide, matte, radius)
    residual = _residual(matte, fitted, radius)
    for _ in range(ITERATIONS - 1):
        current = matte + _uncertainty(matte) * (fitted - matte)
        fit, fitted = _fit_once(guide, current, radius)
    return fit, residual


def _fit_once(guide: np.ndarray, matte: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (h, w, 4), and the matte (h, w) that they give."""
    fit = local_fit(guide, matte, _certainty(matte), radius, EPSILON)
    return fit, np.clip(apply_fit(guide, fit), 0, 1)


def _residual(matte: np.ndarray, fitted: np.ndarray, radius: int) -> np.ndarray:
    """Mean square (h, w) of what colours leave unexplained of the certain pixels in a window."""
    side = (2 * radius + 1,) * 2
    weight = _certainty(matte)
    residual: np.ndarray = cv2.blur(weight * (fitted - matte) ** 2, side)
    residual /= cv2.blur(weight, side)
    return residual


def _image_confidence(matte: np.ndarray, residual: np.ndarray) -> float:
    """How well colours explain the image's edge, 0 to 1; 0 without an edge."""
    edge = residual[(matte > 0.1) & (matte < 0.9)]
    return float(linear_falloff(np.median(edge), *IMAGE_CONFIDENCE)) if edge.size else 0.0


def _detail_confidence(size: tuple[int, ...]) -> float:
    """How much finer than the map an image of `size` is, 0 to 1.

    At one pixel a cell it shows no hair that the map misses, and wide windows only blur; 1 from
    two pixels a cell (640 pixels) on.
    """
    return float(np.clip(max(size) / CELLS - 1, 0, 1))


def linear_falloff(value: np.ndarray | np.floating, full: float, none: float) -> np.ndarray:
    """1 up to `full`, 0 from `none` on, linear between."""
    share: np.ndarray = np.clip((none - value) / (none - full), 0, 1)
    return share


def _uncertainty(matte: np.ndarray) -> np.ndarray:
    """How far (0 to 1) the map may be changed at each pixel."""
    share: np.ndarray = np.clip((np.minimum(matte, 1 - matte) - SURE) / (2 * SURE), 0, 1)
    return share


def _certainty(matte: np.ndarray) -> np.ndarray:
    """Weight of a pixel in a fit: 1 where the map is 0 or 1, a hundredth where it is a half."""
    weight: np.ndarray = (2 * matte - 1) ** 2 + np.float32(0.01)
    return weight


def _scaled(image: np.ndarray, longest: int) -> np.ndarray:
    """The image with its longer side at most `longest`; itself where it is."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    # Averaging every pixel of a large image costs more than all the rest, and the fit is read
    # at single pixels anyway, so it may as well be learned from single ones.
    step = max(1, int(1 / scale))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # The middle of a cell, which is no longer than the side: a thin image has no second cell.
    top, left = min(step, height) // 2, min(step, width) // 2
    small: np.ndarray = cv2.resize(image[top::step, left::step], size, interpolation=cv2.INTER_AREA)
    return small
