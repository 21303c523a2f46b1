"""Which codec for 12 megapixels: CPU milliseconds and bytes of each candidate, side by side.

`python benchmarks/codecs.py [PHOTO.jpg]`; without a photograph one is drawn from a picture that
comes with scikit-image, enlarged and given a sensor's noise. Candidates that are not installed
(pyvips, isal) are left out and named.
"""

import importlib
import io
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import simplejpeg
from PIL import Image
from skimage import data as samples
from zlib_ng import zlib_ng

from cutout import images
from cutout.images import filters

HEIGHT, WIDTH = 3000, 4000


def photograph():
    """12 MP JPEG, quality 90."""
    random = np.random.default_rng(0)
    large = Image.fromarray(samples.astronaut()).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    grain = random.normal(0, 3, (HEIGHT, WIDTH, 1)) + random.normal(0, 2, (HEIGHT, WIDTH, 3))
    file = io.BytesIO()
    Image.fromarray((np.asarray(large) + grain).clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=90
    )
    return file.getvalue()


def soft_shape(height, width):
    """(H, W) float32: a subject of a third of the picture with a wavy, soft edge."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(
        (rows - height / 2) / (0.4 * height), (columns - width / 2) / (0.28 * width)
    )
    distance += 0.05 * np.sin(columns / 40) * np.cos(rows / 55)
    return np.clip((1 - distance) * 40 + 0.5, 0, 1)


def measured(name, work, base=None, rounds=5):
    times = []
    for _ in range(rounds):
        start = time.process_time()
        result = work()
        times.append(1000 * (time.process_time() - start))
    ratio = f"{len(result) / base:8.3f}" if base else ""
    print(f"{name:34s}{median(times):8.0f} ms{ratio}", flush=True)
    return result


def decoders(jpeg):
    array = np.frombuffer(jpeg, np.uint8)
    yield "Pillow", lambda: np.asarray(Image.open(io.BytesIO(jpeg)))
    yield "OpenCV", lambda: cv2.imdecode(array, cv2.IMREAD_COLOR_RGB)
    yield "simplejpeg", lambda: simplejpeg.decode_jpeg(jpeg)
    if vips := optional("pyvips"):
        yield "libvips", lambda: vips.Image.new_from_buffer(jpeg, "").numpy()
    yield "ours (cutout.images.decode)", lambda: images.decode(jpeg).rgb


def by_pillow(cutout, level):
    file = io.BytesIO()
    Image.fromarray(cutout).save(file, "PNG", compress_level=level)
    return file.getvalue()


def by_opencv(cutout, level):
    how = [cv2.IMWRITE_PNG_COMPRESSION, level, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    return cv2.imencode(".png", cv2.cvtColor(cutout, cv2.COLOR_RGBA2BGRA), how)[1]


def by_vips(vips, cutout, level):
    height, width = cutout.shape[:2]
    picture = vips.Image.new_from_memory(cutout, width, height, 4, "uchar")
    picture = picture.copy(interpretation="srgb")
    return picture.pngsave_buffer(compression=level, filter="up")


def encoders(cutout):
    yield "Pillow 1", lambda: by_pillow(cutout, 1)
    for level in (1, 3):
        yield f"OpenCV {level}, up", lambda level=level: by_opencv(cutout, level)
    if vips := optional("pyvips"):
        for level in (2, 3):
            yield f"libvips {level}, up", lambda level=level: by_vips(vips, cutout, level)
    rows = cutout.reshape(len(cutout), -1)

    def up():
        return filters.filtered(rows, filters.UP, slice(0, len(rows)), 4)

    if isal := optional("isal.isal_zlib"):
        yield "isal 2, up (pixels only)", lambda: isal.compress(up(), 2)
    for level in (2, 3, 4, 5):
        name = f"zlib-ng {level}, up (pixels only)"
        yield name, lambda level=level: zlib_ng.compress(up(), level)
    yield "ours (cutout.images.encode)", lambda: images.encode(cutout)


def optional(module):
    try:
        return importlib.import_module(module)
    except ImportError:
        print(f"{module} is not installed: left out")
        return None


def main():
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    print(f"{platform.machine()}, Python {platform.python_version()}, commit {commit}")
    print("CPU time, median of 5; bytes as a multiple of Pillow's level 6")
    jpeg = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else photograph()
    print(f"\nJPEG of {len(jpeg)} bytes to RGB")
    for name, work in decoders(jpeg):
        rgb = measured(name, work)
    alpha = soft_shape(*rgb.shape[:2])
    print(
        f"\n{rgb.shape[1]} x {rgb.shape[0]} cut-out, {(alpha > 0).mean():.0%} of it shown, to PNG"
    )
    cutout = measured("compose", lambda: images.compose(rgb, alpha))
    base = len(measured("Pillow 6", lambda: by_pillow(cutout, 6), rounds=1))
    for name, work in encoders(cutout):
        measured(name, work, base)


if __name__ == "__main__":
    main()
