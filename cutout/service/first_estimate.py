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


def seconds_per_megapixel(model: Model, infer: Infer) -> float:
    """Seconds that a megapixel of work takes, file in and file out.

    Of two passes the second counts: libraries load and memory is taken in the first.
    """
    data, plan = _drawn_photograph(), pipeline.make_plan(Options())
    for _ in range(2):
        start = time.perf_counter()
        pipeline.cut_out(images.decode(data), plan, model, infer)
        seconds = time.perf_counter() - start
    return seconds / (SIDE * SIDE / 1e6 + FIXED_MEGAPIXELS)


def _drawn_photograph() -> bytes:
    """A disc with a soft edge on an uneven ground, with the noise of a camera."""
    y, x = np.ogrid[:SIDE, :SIDE]
    distance = np.hypot(y - SIDE / 2, x - SIDE / 2)
    alpha = np.clip((SIDE / 3 - distance) / 4, 0, 1)[..., None]
    ground = np.stack(np.broadcast_arrays(60 + y / 20, 80 + x / 20, 90), axis=-1)
    noise = np.random.default_rng(0).normal(0, 3, (SIDE, SIDE, 1))
    rgb = alpha * np.array((200, 150, 90)) + (1 - alpha) * ground + noise
    encoded = cv2.imencode(".jpg", np.clip(rgb, 0, 255).astype(np.uint8))[1]
    return bytes(encoded)
