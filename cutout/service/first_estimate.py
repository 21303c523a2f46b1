"""How fast this machine is, measured once at start, so that the first crowd is judged rightly."""

import time

import cv2
import numpy as np

from cutout import images, pipeline
from cutout.admission import FIXED_MEGAPIXELS
from cutout.options import Options
from cutout.pipeline import Infer, Model

# Side of the drawn image in px.
SIDE = 1400
# Colour of the disc.
TOP = (200, 150, 90)


def seconds_per_megapixel(model: Model, infer: Infer) -> float:
    """Seconds that a megapixel of work takes, file in and file out.

    The first pass takes no longer than those that follow.
    """
    data, plan = _drawn_photograph(), pipeline.make_plan(Options())
    start = time.perf_counter()
    pipeline.cut_out(images.decode(data), plan, model, infer)
    seconds = time.perf_counter() - start
    return seconds / (SIDE * SIDE / 1e6 + FIXED_MEGAPIXELS)


def _drawn_photograph() -> bytes:
    """A disc with a soft edge on an uneven ground, with the noise of a camera."""
    y, x = np.ogrid[: np.float32(SIDE), : np.float32(SIDE)]
    distance = np.hypot(y - SIDE / 2, x - SIDE / 2)
    alpha = np.clip((SIDE / 3 - distance) / 4, 0, 1)
    noise = 3 * np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32)
    ground = np.broadcast_arrays(60 + y / 20, 80 + x / 20, np.float32(90))
    channels = [one + alpha * (top - one) + noise for one, top in zip(ground, TOP, strict=True)]
    rgb = np.clip(cv2.merge(channels), 0, 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", rgb)[1]
    return bytes(encoded)
