"""Align the upsampled map with the photograph's own edges.

The model sees 320 x 320 cells, so its edge is some pixels off at full size. In a small window
the true alpha is close to a linear function of colour, and the sure pixels on both sides of the
edge say which function; inside the unsure band that function replaces the map.
"""

import cv2
import numpy as np

from cutout.cores import WORTH_A_BAND, bands, each
from cutout.guided import apply_fit, between, local_fit, pixels_at, places_of, sample_scaled

# The model's grid; lengths below are in its cells, so they follow its precision, not the
# picture's size. SAMPLES a cell are enough to place an edge by colour.
CELLS, SAMPLES = 320, 2
# One cell: what the model's edge may be off. Sixteen: how far hair and leaves may reach.
NARROW, WIDE = 1, 16
# A window this wide needs no finer grid than one sample in two cells.
COARSE = 2
# Variance of colour that counts as flat: .01 of the range squared, just above sensor noise.
EPSILON = 1e-4
# The wide fit is repeated once on its own answer: unsure pixels that it decided then vote too.
TURNS = 2
# The residual (mean square of alpha at sure pixels, in the wide window) says how well colours
# explain the matte. Medians along soft edges: .004 to .023 for 14 pictures of hair, plants and
# toys; .024 to .069 for 8 of cars, 7 of them above .035, for their parts repeat the backdrop's
# colours. Belief is full below the first number and none above the other, for a picture by its
# median and for each place in it by its own residual.
PICTURE_BELIEF, PLACE_BELIEF = (0.025, 0.035), (0.012, 0.04)
# Where the map is nearer than this to 0 or 1 it is left alone, fading in up to thrice that.
SURE = 0.01
# A regularised fit shrinks towards the mean; this undoes it, and the absolute error says so.
GAIN = 1.25


def snap_edges(rgb, alpha, mode="auto", out=None):
    """Alpha (H, W) float32 whose edges follow the photograph's, or `alpha` itself when off.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the map at full size. mode: `off`; `snap`, one
    cell of reach, safe on hard edges; `auto`, sixteen where colours explain the matte (hair on
    a plain ground), one elsewhere. Empty and full mattes come back unchanged. out: where the
    answer goes, `alpha` itself to spare a copy; a new array by default.
    """
    if mode == "off":
        return alpha
    inside = between(alpha, SURE, 1 - SURE)
    out = alpha.copy() if out is None else out
    if not inside.any():
        return out
    fit = _fit(rgb, alpha, mode)

    def snap(band):
        flat, rows, columns = places_of(inside[band])
        here = sample_scaled(fit, rows + band.start, columns, alpha.shape)
        seen = apply_fit(pixels_at(rgb[band], flat) * np.float32(1 / 255), here)
        seen = np.clip((seen - 0.5) * GAIN + 0.5, 0, 1)
        own = pixels_at(alpha[band], flat)
        out[band].reshape(-1)[flat] = own + _unsure(own) * (seen - own)

    each(snap, bands(len(alpha), WORTH_A_BAND))
    return out


def _fit(rgb, alpha, mode):
    """Coefficients (h, w, 4) to read at full size, on a grid of `SAMPLES` a cell."""
    guide = _scaled(rgb, CELLS * SAMPLES) * np.float32(1 / 255)
    matte = _scaled(alpha, CELLS * SAMPLES)
    near = local_fit(guide, matte, _sureness(matte), NARROW * SAMPLES, EPSILON)
    if mode == "snap":
        return near
    far, belief = _wide_fit(_scaled(guide, CELLS // COARSE), _scaled(matte, CELLS // COARSE))
    size = near.shape[1::-1]
    far = cv2.resize(far, size)
    far -= near
    far *= cv2.resize(belief, size)[..., None]
    far += near
    return far


def _wide_fit(guide, matte):
    """Coefficients (h, w, 4) of the wide window, and how far (0 to 1) each is to be believed."""
    current, belief = matte, None
    for _ in range(TURNS):
        far = local_fit(guide, current, _sureness(current), WIDE // COARSE, EPSILON)
        seen = np.clip(apply_fit(guide, far), 0, 1)
        belief = _belief(matte, seen) if belief is None else belief
        current = matte + _unsure(matte) * (seen - matte)
    return far, belief


def _belief(matte, explained):
    """Belief in the wide fit by its residual, first of the picture, then of the place."""
    side = (2 * WIDE // COARSE + 1,) * 2
    sure = _sureness(matte)
    residual = cv2.blur(sure * (explained - matte) ** 2, side) / cv2.blur(sure, side)
    edge = residual[(matte > 0.1) & (matte < 0.9)]
    typical = np.median(edge) if edge.size else np.inf
    return _below(residual, *PLACE_BELIEF) * np.float32(_below(typical, *PICTURE_BELIEF))


def _below(value, full, none):
    """1 up to `full`, 0 from `none` on, linear between."""
    return np.clip((none - value) / (none - full), 0, 1)


def _unsure(matte):
    """How far (0 to 1) the map may be changed here."""
    return np.clip((np.minimum(matte, 1 - matte) - SURE) / (2 * SURE), 0, 1)


def _sureness(matte):
    """Weight of a pixel: 1 where the map says 0 or 1, a hundredth where it says a half."""
    return (2 * matte - 1) ** 2 + np.float32(0.01)


def _scaled(picture, longest):
    """A copy whose longer side is at most `longest`."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    # Averaging every pixel of a large picture costs more than all the rest, and the fit is read
    # at single pixels anyway, so it may as well be learned from single ones.
    step = max(1, int(1 / scale))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(
        picture[step // 2 :: step, step // 2 :: step], size, interpolation=cv2.INTER_AREA
    )
