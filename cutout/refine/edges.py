"""Align the upsampled map with the photograph's own edges.

The model sees 320 x 320 cells, so its edge is some pixels off at full size. In a small window
the true alpha is close to a linear function of colour, and the sure pixels on both sides of the
edge say which function; inside the unsure band that function replaces the map.
"""

import cv2
import numpy as np

from cutout.guided import apply_fit, local_fit, sample_scaled

# The model's grid; lengths below are in its cells, so they follow its precision, not the
# picture's size. SAMPLES a cell are enough to place an edge by colour.
CELLS, SAMPLES = 320, 2
# One cell: what the model's edge may be off. Sixteen: how far hair and leaves may reach.
NARROW, WIDE = 1, 16
# Variance of colour that counts as flat: .01 of the range squared, just above sensor noise.
EPSILON = 1e-4
# A wide window is believed where colours explain the sure pixels in it: all of it below the
# first residual (mean square of alpha), none above the second. Measured at soft edges, medians:
# hair and plants .006, everyday scenes .019, cars, whose parts repeat the backdrop, .047.
BELIEVED, DOUBTED = 0.01, 0.04
# Where the map is nearer than this to 0 or 1 it is left alone, fading in up to thrice that.
SURE = 0.01


def snap_edges(rgb, alpha, mode="auto"):
    """Alpha (H, W) float32 whose edges follow the photograph's, or `alpha` itself when off.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the map at full size. mode: `off`; `snap`, one
    cell of reach, safe on hard edges; `auto`, sixteen where colours explain the matte (hair on
    a plain ground), one elsewhere. Empty and full mattes come back unchanged.
    """
    if mode == "off":
        return alpha
    places = np.flatnonzero(cv2.inRange(alpha, SURE, 1 - SURE).view(bool))
    if not len(places):
        return alpha.copy()
    rows, columns = np.divmod(places.astype(np.int32), np.int32(alpha.shape[1]))
    fit = _fit(rgb, alpha, mode)
    own = alpha.reshape(-1)[places]
    colours = rgb.reshape(-1, 3)[places] * np.float32(1 / 255)
    seen = np.clip(apply_fit(colours, sample_scaled(fit, rows, columns, alpha.shape)), 0, 1)
    trust = np.clip((np.minimum(own, 1 - own) - SURE) / (2 * SURE), 0, 1)
    out = alpha.copy()
    out.reshape(-1)[places] = own + trust * (seen - own)
    return out


def _fit(rgb, alpha, mode):
    """Coefficients (h, w, 4) to read at full size, on a grid of `SAMPLES` a cell."""
    guide, matte = _scaled(rgb, CELLS * SAMPLES) / np.float32(255), _scaled(alpha, CELLS * SAMPLES)
    near = local_fit(guide, matte, _sureness(matte), NARROW * SAMPLES, EPSILON)
    if mode == "snap":
        return near
    guide, matte = _scaled(guide, CELLS), _scaled(matte, CELLS)
    far = local_fit(guide, matte, _sureness(matte), WIDE, EPSILON)
    belief = _belief(matte, np.clip(apply_fit(guide, far), 0, 1))
    size = near.shape[1::-1]
    belief = cv2.resize(belief, size)[..., None]
    return near + belief * (cv2.resize(far, size) - near)


def _belief(matte, explained):
    """How far (0 to 1) the wide fit is to be believed, by its residual at the sure pixels."""
    side = (2 * WIDE + 1,) * 2
    sure = _sureness(matte)
    residual = cv2.blur(sure * (explained - matte) ** 2, side) / cv2.blur(sure, side)
    return np.clip((DOUBTED - residual) / (DOUBTED - BELIEVED), 0, 1)


def _sureness(matte):
    """Weight of a pixel: 1 where the map says 0 or 1, a hundredth where it says a half."""
    return (2 * matte - 1) ** 2 + np.float32(0.01)


def _scaled(picture, longest):
    """A copy whose longer side is at most `longest`."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Halves first, which OpenCV averages ten times faster than other ratios.
    while not (height % 2 or width % 2) and max(height, width) >= 3 * longest:
        height, width = height // 2, width // 2
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
