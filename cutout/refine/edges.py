"""Align the upsampled map with the photograph's own edges.

The model sees 320 x 320 cells, so its edge is some pixels off at full size. In a small window
the true alpha is close to a linear function of colour, and the sure pixels on both sides of the
edge say which function; inside the unsure band that function replaces the map.
"""

import cv2
import numpy as np

from cutout.guided_filter import apply_fit, evaluate_fit, local_fit
from cutout.parallel import fine_row_chunks, parallel_map
from cutout.pixels import between, take_pixels

# The model's grid; lengths below are in its cells, so they follow its precision, not the
# picture's size. SAMPLES a cell are enough to place an edge by colour.
CELLS, SAMPLES = 320, 2
# One cell: what the model's edge may be off. Four and sixteen: how far fur, hair, leaves reach.
NARROW_RADIUS, WIDE_RADII = 1, (4, 16)
# Windows this wide need no finer grid than one sample in so many cells.
COARSE = 2
# Variance of colour that counts as flat: .01 of the range squared, just above sensor noise.
EPSILON = 1e-4
# A wide fit is repeated on its own answer: unsure pixels that it decided then vote too.
ITERATIONS = 3
# The residual (mean square of alpha at sure pixels, in the widest window) says how well colours
# explain the matte. Medians along soft edges: .004 to .023 for 14 pictures of hair, plants and
# toys; .024 to .069 for 8 of cars, 7 of them above .035, for their parts repeat the backdrop's
# colours. Belief is full below the first number and none above the other, for a picture by its
# median and for each place in it by its own residual.
IMAGE_CONFIDENCE, LOCAL_CONFIDENCE = (0.025, 0.035), (0.012, 0.04)
# Where the map is nearer than this to 0 or 1 it is left alone, fading in up to thrice that.
SURE = 0.01
# A regularised fit shrinks towards the mean; this undoes it, and the absolute error says so.
GAIN = 1.25


def snap_edges(
    rgb: np.ndarray, alpha: np.ndarray, mode: str = "auto", out: np.ndarray | None = None
) -> np.ndarray:
    """Alpha (H, W) float32 whose edges follow the photograph's, or `alpha` itself when off.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the map at full size. mode: `off`; `snap`, one
    cell of reach, safe on hard edges; `auto`, up to sixteen where colours explain the matte
    (hair on a plain ground) and the picture is finer than the map, one elsewhere. Empty and full
    mattes come back unchanged. out: where the answer goes, `alpha` itself to spare a copy; a new
    array by default.
    """
    if mode == "off":
        return alpha
    inside = between(alpha, SURE, 1 - SURE)
    out = alpha.copy() if out is None else out
    if not inside.any():
        return out
    fit = _fit(rgb, alpha, mode)

    def snap(band: slice) -> None:
        flat, seen = evaluate_fit(rgb, fit, inside, band)
        seen = np.clip((seen - 0.5) * GAIN + 0.5, 0, 1)
        own = take_pixels(alpha[band], flat)
        out[band].reshape(-1)[flat] = own + _unsure(own) * (seen - own)

    parallel_map(snap, fine_row_chunks(len(alpha)))
    return out


def _fit(rgb: np.ndarray, alpha: np.ndarray, mode: str) -> np.ndarray:
    """Coefficients (h, w, 4) to read at full size, on a grid of `SAMPLES` a cell."""
    guide = _scaled(rgb, CELLS * SAMPLES) * np.float32(1 / 255)
    matte = _scaled(alpha, CELLS * SAMPLES)
    fit = local_fit(guide, matte, _sureness(matte), NARROW_RADIUS * SAMPLES, EPSILON)
    if mode == "snap":
        return fit
    coarse = _scaled(guide, CELLS // COARSE), _scaled(matte, CELLS // COARSE)
    wide, kept = _wide_mixture(*coarse, _detail_confidence(alpha.shape))
    size = fit.shape[1::-1]
    fit *= cv2.resize(kept, size)[..., None]
    fit += cv2.resize(wide, size)
    return fit


def _wide_mixture(
    guide: np.ndarray, matte: np.ndarray, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """What to add to the narrow fit (h, w, 4), and how much of that one to keep (h, w).

    From the narrowest on, a wider window replaces a narrower one where it is believed; most:
    belief at best.
    """
    fits = [_wide_fit(guide, matte, reach // COARSE) for reach in WIDE_RADII]
    trust = most * _image_confidence(matte, fits[-1][1])
    mixture, kept = np.zeros_like(fits[0][0]), np.ones_like(matte)
    for far, residual in fits:
        confidence = np.float32(trust) * linear_falloff(residual, *LOCAL_CONFIDENCE)
        mixture += confidence[..., None] * (far - mixture)
        kept *= 1 - confidence
    return mixture, kept


def _wide_fit(guide: np.ndarray, matte: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (h, w, 4) of a wide window, and the residual (h, w) of its first turn."""
    current, residual = matte, None
    for _ in range(ITERATIONS):
        far = local_fit(guide, current, _sureness(current), radius, EPSILON)
        seen = np.clip(apply_fit(guide, far), 0, 1)
        residual = _residual(matte, seen, radius) if residual is None else residual
        current = matte + _unsure(matte) * (seen - matte)
    return far, residual


def _residual(matte: np.ndarray, predicted: np.ndarray, radius: int) -> np.ndarray:
    """Mean square (h, w) of what colours leave unexplained of the sure pixels in a window."""
    side = (2 * radius + 1,) * 2
    sure = _sureness(matte)
    return cv2.blur(sure * (predicted - matte) ** 2, side) / cv2.blur(sure, side)


def _image_confidence(matte: np.ndarray, residual: np.ndarray) -> float:
    """How far colours explain this picture's edge, 0 to 1; 0 without an edge."""
    edge = residual[(matte > 0.1) & (matte < 0.9)]
    return float(linear_falloff(np.median(edge), *IMAGE_CONFIDENCE)) if edge.size else 0.0


def _detail_confidence(size: tuple[int, int]) -> float:
    """How much more than the map a picture of this size can tell, 0 to 1.

    At one pixel a cell it shows no hair that the map misses, and wide windows only blur; all of
    it from two pixels a cell (640 pixels) on.
    """
    return float(np.clip(max(size) / CELLS - 1, 0, 1))


def linear_falloff(value: np.ndarray, full: float, none: float) -> np.ndarray:
    """1 up to `full`, 0 from `none` on, linear between."""
    return np.clip((none - value) / (none - full), 0, 1)


def _unsure(matte: np.ndarray) -> np.ndarray:
    """How far (0 to 1) the map may be changed here."""
    return np.clip((np.minimum(matte, 1 - matte) - SURE) / (2 * SURE), 0, 1)


def _sureness(matte: np.ndarray) -> np.ndarray:
    """Weight of a pixel: 1 where the map says 0 or 1, a hundredth where it says a half."""
    return (2 * matte - 1) ** 2 + np.float32(0.01)


def _scaled(picture: np.ndarray, longest: int) -> np.ndarray:
    """A copy whose longer side is at most `longest`."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    # Averaging every pixel of a large picture costs more than all the rest, and the fit is read
    # at single pixels anyway, so it may as well be learned from single ones.
    step = max(1, int(1 / scale))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # The middle of a cell, which is no longer than the side: a thin picture has no second cell.
    top, left = min(step, height) // 2, min(step, width) // 2
    return cv2.resize(picture[top::step, left::step], size, interpolation=cv2.INTER_AREA)
