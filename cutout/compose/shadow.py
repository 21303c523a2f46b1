"""A drop shadow made from the alpha alone, and how it goes under a subject.

A light source behind the viewer, as `filter: drop-shadow()` in CSS has it; shadows that lie on a
floor need to know where the floor is.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from cutout.compose.backgrounds import over
from cutout.compose.geometry import subject_box
from cutout.compose.lengths import Length, parse_length, to_px, within
from cutout.errors import InvalidValue

MAX_PX, MAX_PERCENT = 500, 50
# A blur has no finer detail than a copy in which sigma is about this many pixels.
BLUR_SIGMA = 4.0


@dataclass(frozen=True)
class DropShadow:
    """The shadow's place behind the subject: lengths in px or % of the subject's box.

    down, across: offset, % of the box's height and width. blur: twice the sigma of the Gaussian,
    as in CSS, % of the longer side. opacity: 0 to 1.
    """

    down: Length = (3.0, "%")
    across: Length = (0.0, "%")
    blur: Length = (6.0, "%")
    opacity: float = 0.5


def parse_offset(text: str) -> tuple[Length, Length]:
    """(down, across) of a horizontal and a vertical length, in this order as in CSS.

    A length is `30px`, `-30` (px) or `5%` of the subject's width or height. Raises InvalidValue.
    """
    lengths = [parse_length(word) for word in text.split()]
    if len(lengths) == 2:
        across, down = lengths
        if across and down and all(within(one, MAX_PX, MAX_PERCENT) for one in (across, down)):
            return down, across
    raise InvalidValue(
        f"{text[:40]!r} is not an offset: give a horizontal and a vertical length such as 0 30px "
        f"or -2% 5%, at most {MAX_PX}px or {MAX_PERCENT}% to either side.",
        allowed=f"-{MAX_PX}..{MAX_PX}px or -{MAX_PERCENT}..{MAX_PERCENT}%, twice",
    )


def parse_blur(text: str) -> Length:
    """The length of a blur: `30px`, `30` (px) or `5%`, not negative. Raises InvalidValue."""
    length = parse_length(text.strip())
    if length and length[0] >= 0 and within(length, MAX_PX, MAX_PERCENT):
        return length
    raise InvalidValue(
        f"{text[:40]!r} is not a blur: give one length such as 30px or 5%, at most {MAX_PX}px or "
        f"{MAX_PERCENT}%.",
        allowed=f"0..{MAX_PX}px or 0..{MAX_PERCENT}%",
    )


def subject_shadow(alpha: np.ndarray, style: DropShadow) -> np.ndarray:
    """`drop_shadow` with the lengths of a style: (H, W) float32."""
    _, _, height, width = subject_box(alpha)
    offset = to_px(style.down, height), to_px(style.across, width)
    return drop_shadow(alpha, offset, to_px(style.blur, max(height, width)), style.opacity)


def drop_shadow(
    alpha: np.ndarray, offset: tuple[int, int], blur: float, opacity: float
) -> np.ndarray:
    """The alpha of a subject's shadow, (H, W) float32 in [0, 1].

    alpha: (H, W) float32; offset: (down, across) px, negative for up and left; blur: px, twice the
    Gaussian's sigma as in CSS; opacity: 0 to 1. What leaves the canvas is lost, and nothing beyond
    the canvas casts a shadow.
    """
    shadow = _blurred(_shifted(alpha, offset), blur / 2)
    shadow *= np.float32(opacity)
    return np.clip(shadow, 0, 1, out=shadow)


def shadowed(
    shadow: np.ndarray, back: np.ndarray | tuple[int, int, int], back_alpha: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """A background with a black shadow on it, for `over`: (rgb, alpha) with straight alpha.

    shadow: (H, W) float32; back: (H, W, 3) uint8 or one colour (3,); back_alpha: 0 to 1. Over a
    transparent background (back_alpha 0) it is the shadow alone.
    """
    black = np.zeros((*shadow.shape, 3), np.uint8)
    return over(black, shadow, np.asarray(back, np.uint8), back_alpha)


def under(rgb: np.ndarray, alpha: np.ndarray, shadow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Subject and shadow as one cut-out: (rgb, alpha) with straight alpha.

    rgb: (H, W, 3) uint8; alpha, shadow: (H, W) float32.
    """
    return over(rgb, alpha, np.zeros(3, np.uint8), shadow)


def _shifted(alpha: np.ndarray, offset: tuple[int, int]) -> np.ndarray:
    """A copy moved by (down, across) px; zero where nothing was."""
    out = np.zeros(alpha.shape, np.float32)
    (down, across), (height, width) = offset, alpha.shape
    target = (
        slice(max(down, 0), height + min(down, 0)),
        slice(max(across, 0), width + min(across, 0)),
    )
    source = (
        slice(max(-down, 0), height - max(down, 0)),
        slice(max(-across, 0), width - max(across, 0)),
    )
    if abs(down) < height and abs(across) < width:
        out[target] = alpha[source]
    return out


def _blurred(alpha: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur (H, W) float32 of a matte, zero beyond its border."""
    if sigma <= 0:
        return alpha
    height, width = alpha.shape
    factor = max(1.0, sigma / BLUR_SIGMA)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    across, down = sigma * size[0] / width, sigma * size[1] / height
    small = cv2.GaussianBlur(small, (0, 0), across, sigmaY=down, borderType=cv2.BORDER_CONSTANT)
    out: np.ndarray = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return out
