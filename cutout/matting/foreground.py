"""Foreground colours of a soft edge, so that no halo of the old background shows on a new one."""

import cv2
import numpy as np

from cutout.parallel import fine_row_chunks, parallel_map
from cutout.pixels import between, sample, take_pixels, true_indices

# Neighbouring colours are gathered on a grid of this many samples along the longer side, fewer
# than twice as many: bounded time, and the soft band of any image spans few of them.
SAMPLES = 600
# Radii in samples. The nearest pure colour decides: a wider window counts FALLBACK as much as the
# next narrower one, and so matters only where that one holds no pure pixel.
RADII, FALLBACK = (2, 8, 32), 0.1
# Nearer than this to 0 or 1 the wrong share of a colour is 2 levels of 255 at most, and the haze
# of such pixels around a model's map may cover a third of the image.
SURE = 0.01
# How much purer pixels count: alpha ** 12 halves at .94. Measured with benchmarks/refine.py:
# an exponent of 2 leaves .57 of the error of untouched colours, 8 .31, 12 .29, 16 .29.
PURITY_POWER = 12


def decontaminate(rgb: np.ndarray, alpha: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Estimate the foreground colours in the soft band: (H, W, 3) uint8.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32. Nothing changes outside the band, bit for bit.
    out: where the result goes, `rgb` itself to spare a copy; a new array by default.
    Foreground and background colours are weighted means of the purest neighbours, then both are
    moved the least that makes them mix to the colour observed, I = alpha F + (1 - alpha) B. After
    Forte, "Approximate fast foreground colour estimation", ICIP 2021, with pure samples instead
    of whole windows and the exact projection at the end.
    """
    inside = between(alpha, SURE, 1 - SURE)
    if out is None:
        out = rgb.copy()
    elif out is not rgb:
        np.copyto(out, rgb)
    if not inside.any():
        return out
    step = max(1, max(alpha.shape) // SAMPLES)
    colours = np.ascontiguousarray(rgb[::step, ::step])
    share = np.ascontiguousarray(alpha[::step, ::step])
    front, back = _pure_colours(colours, share), _pure_colours(colours, 1 - share)

    def unmix(chunk: slice) -> None:
        flat, rows, columns = true_indices(inside[chunk])
        rows, columns = (rows + chunk.start) / np.float32(step), columns / np.float32(step)
        part = take_pixels(alpha[chunk], flat)[:, None]
        foreground = sample(front, rows, columns)
        observed = take_pixels(rgb[chunk], flat)
        _project(observed, part, foreground, sample(back, rows, columns))
        foreground += np.float32(0.5)
        levels = np.clip(foreground, 0, 255, out=foreground).astype(np.uint8)
        out[chunk].reshape(-1, 3)[flat] = levels

    parallel_map(unmix, fine_row_chunks(len(alpha)))
    return out


def _project(observed: np.ndarray, part: np.ndarray, front: np.ndarray, back: np.ndarray) -> None:
    """Move `front` in place to where it and `back`, moved as little, mix to what is observed."""
    rest = 1 - part
    missing = observed - part * front
    missing -= np.multiply(rest, back, out=back)
    missing *= part / (part * part + rest * rest)
    front += missing


def _pure_colours(colours: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mean colour (h, w, 3) float32 of the purest pixels near each pixel."""
    # The tiny floor keeps the mean defined in an image without any pure pixel.
    weight = cv2.pow(share, PURITY_POWER) + np.float32(1e-9)
    planes = [cv2.multiply(plane, weight, dtype=cv2.CV_32F) for plane in cv2.split(colours)]
    weighted = cv2.merge([*planes, weight])
    total = np.zeros_like(weighted)
    for order, radius in enumerate(RADII):
        # Twice half the radius: one box would draw squares around single bright pure pixels.
        side = (radius + 1, radius + 1)
        mean = cv2.blur(cv2.blur(weighted, side), side)
        total = cv2.scaleAdd(mean, FALLBACK**order, total)
    mean_colours: np.ndarray = total[..., :3] / total[..., 3:]
    return mean_colours
