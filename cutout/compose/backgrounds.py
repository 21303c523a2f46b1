"""What lies behind the cut-out: a colour, an image, or the blurred original.

A background is an `rgb` of the image's size; `over` puts the subject on it.
"""

import cv2
import numpy as np

from cutout.pixels import take_pixels

# At once, where light is mixed.
LINEAR_PIXELS = 1 << 20


def over(
    rgb: np.ndarray,
    alpha: np.ndarray,
    back: np.ndarray,
    back_alpha: float | np.ndarray = 1.0,
    linear: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Put the subject on a background, Porter and Duff's "over" with straight alpha.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32; back: (H, W, 3) uint8 or one colour (3,);
    back_alpha: a number in [0, 1] or (H, W) float32. linear: blend light instead of sRGB values as
    browsers do. Returns (rgb, alpha); alpha is 1 everywhere over an opaque background. Pixels that
    are opaque in 8 bits keep their colour bit for bit, transparent ones take the background's.
    Porter and Duff, "Compositing digital images", 1984.
    """
    if np.ndim(back) == 1:
        # A row at a time: numpy fills threes of bytes one by one.
        back = np.tile(np.asarray(back, np.uint8), rgb.shape[1]).reshape(1, -1, 3)
    back = np.ascontiguousarray(np.broadcast_to(back, rgb.shape))
    behind = (1 - alpha) * np.asarray(back_alpha, np.float32)
    out = _blend_linear(rgb, back, alpha, behind) if linear else _blend(rgb, back, alpha, behind)
    grey = cv2.convertScaleAbs(alpha, alpha=255)
    cv2.copyTo(rgb, (grey == 255).view(np.uint8), out)
    return out, alpha + behind


def cover(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image (h, w, 3) uint8 to cover `size` (height, width), centred, the rest cut off."""
    height, width = size
    scale = max(height / image.shape[0], width / image.shape[1])
    # Cut first: scaling only what stays costs less.
    rows, columns = max(1, round(height / scale)), max(1, round(width / scale))
    top = max((image.shape[0] - rows) // 2, 0)
    left = max((image.shape[1] - columns) // 2, 0)
    part = np.ascontiguousarray(image[top : top + rows, left : left + columns])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    covered: np.ndarray = cv2.resize(part, (width, height), interpolation=method)
    return covered


def blurred(rgb: np.ndarray, alpha: np.ndarray, share: float = 0.02) -> np.ndarray:
    """The original without its subject, blurred by a Gaussian of `share` of the diagonal.

    The subject is left out of the average, or its colours would show around it; where no other
    pixel is near, farther background fills in, and an image full of subject gives its plain blur.
    Computed on at most 512 pixels a side: a blur has no finer detail.
    """
    height, width = alpha.shape
    scale = min(1.0, 512 / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    colours = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    # A thousandth of weight for the subject keeps the division defined everywhere.
    weight = np.maximum(1 - cv2.resize(alpha, small, interpolation=cv2.INTER_AREA), 1e-3)
    sigma = max(share * float(np.hypot(*small)), 0.5)
    total = cv2.GaussianBlur(colours * weight[..., None], (0, 0), sigma)
    total /= cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    full = cv2.resize(total, (width, height), interpolation=cv2.INTER_LINEAR)
    levels: np.ndarray = cv2.convertScaleAbs(full)
    return levels


def _blend(
    front: np.ndarray, back: np.ndarray, front_weight: np.ndarray, back_weight: np.ndarray
) -> np.ndarray:
    """Mix two images by weights (H, W); where both are zero the mixture is black."""
    mixture: np.ndarray = cv2.blendLinear(front, back, front_weight, back_weight)
    return mixture


def _blend_linear(
    front: np.ndarray, back: np.ndarray, front_weight: np.ndarray, back_weight: np.ndarray
) -> np.ndarray:
    """`_blend` of linear light, computed where neither weight is zero."""
    out = _blend(front, back, front_weight, back_weight)
    mixed = np.flatnonzero((front_weight > 0) & (back_weight > 0))
    # In parts: light takes four times the memory of colours, and more while it is computed.
    for start in range(0, len(mixed), LINEAR_PIXELS):
        flat = mixed[start : start + LINEAR_PIXELS]
        first = take_pixels(front_weight, flat)[:, None]
        second = take_pixels(back_weight, flat)[:, None]
        light = _to_linear(take_pixels(front, flat)) * first
        light += _to_linear(take_pixels(back, flat)) * second
        out.reshape(-1, 3)[flat] = _from_linear(light / (first + second))
    return out


def _to_linear(levels: np.ndarray) -> np.ndarray:
    """SRGB bytes to linear light in [0, 1]. IEC 61966-2-1."""
    ramp = np.arange(256, dtype=np.float32) / 255
    table = np.where(ramp <= 0.04045, ramp / 12.92, ((ramp + 0.055) / 1.055) ** 2.4)
    light: np.ndarray = table.astype(np.float32)[levels]
    return light


def _from_linear(light: np.ndarray) -> np.ndarray:
    """Linear light to sRGB bytes. IEC 61966-2-1."""
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.floor(np.clip(curve, 0, 1) * 255 + 0.5).astype(np.uint8)
