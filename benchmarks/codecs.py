"""JPEG decoders and PNG encoders at 12 megapixels: CPU time and bytes of each candidate.

`python -m benchmarks.codecs [PHOTO.jpg] [--data FOLDER]`; without a photograph, one of
scikit-image is enlarged and given sensor noise. Candidates that are not installed (pyvips, isal,
deflate) are named and left out. Then ours on many images: CPU time, wall time and size. FOLDER
holds data sets with `image` and `mask`, as `CUTOUT_DATA` does.
"""

import argparse
import importlib
import io
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import simplejpeg
from PIL import Image
from skimage import data as samples
from zlib_ng import zlib_ng

from benchmarks import machine, sample_images
from cutout import images
from cutout.compose.straight_alpha import compose
from cutout.images.png_writer.filters import UP, filter_rows

HEIGHT, WIDTH = 3000, 4000


def photograph():
    """12 MP JPEG, quality 90."""
    random = np.random.default_rng(0)
    large = Image.fromarray(samples.astronaut()).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    noise = random.normal(0, 3, (HEIGHT, WIDTH, 1)) + random.normal(0, 2, (HEIGHT, WIDTH, 3))
    file = io.BytesIO()
    Image.fromarray((np.asarray(large) + noise).clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=90
    )
    return file.getvalue()


def soft_shape(height, width):
    """(H, W) float32: a subject of a third of the image with a wavy, soft edge."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(
        (rows - height / 2) / (0.4 * height), (columns - width / 2) / (0.28 * width)
    )
    distance += 0.05 * np.sin(columns / 40) * np.cos(rows / 55)
    return np.clip((1 - distance) * 40 + 0.5, 0, 1)


def timed(work, rounds=5):
    """The result of `work`, and the medians of its CPU and wall time in ms."""
    times = []
    for _ in range(rounds):
        start, clock = time.process_time(), time.perf_counter()
        result = work()
        times.append((time.process_time() - start, time.perf_counter() - clock))
    return result, *(1000 * median(column) for column in zip(*times, strict=True))


def measured(name, work, base=None, rounds=5):
    result, cpu_ms, wall_ms = timed(work, rounds)
    ratio = f"{len(result) / base:8.3f}" if base else ""
    print(f"{name:34s}{cpu_ms:8.0f} {wall_ms:8.0f} ms{ratio}", flush=True)
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
    image = vips.Image.new_from_memory(cutout, width, height, 4, "uchar")
    image = image.copy(interpretation="srgb")
    return image.pngsave_buffer(compression=level, filter="up")


def encoders(cutout):
    yield "Pillow 1", lambda: by_pillow(cutout, 1)
    for level in (1, 3):
        yield f"OpenCV {level}, up", lambda level=level: by_opencv(cutout, level)
    if vips := optional("pyvips"):
        for level in (2, 3):
            yield f"libvips {level}, up", lambda level=level: by_vips(vips, cutout, level)
    rows = cutout.reshape(len(cutout), -1)

    def up():
        return filter_rows(rows, UP, slice(0, len(rows)), 4)

    if isal := optional("isal.isal_zlib"):
        yield "isal 1, up (pixels only)", lambda: isal.compress(up(), 1)
    if libdeflate := optional("deflate"):
        for level in (1, 3):
            name = f"libdeflate {level}, up (pixels only)"
            yield name, lambda level=level: libdeflate.zlib_compress(up(), level)
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


def as_decoded(source, sigma, quality, size=(WIDTH, HEIGHT)):
    """An image stretched to the size, with noise, encoded as JPEG and decoded."""
    pixels = np.asarray(source.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(1).normal(0, sigma, pixels.shape) if sigma else 0
    file = io.BytesIO()
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=quality
    )
    return images.decode(file.getvalue()).rgb


def cutouts(folder):
    """Name and cut-out: with and without noise at several sizes, opaque, and real photographs."""
    shape = soft_shape(HEIGHT, WIDTH)
    for name in (*sample_images.NAMES, "rocket"):
        source = Image.fromarray(getattr(samples, name)())
        for sigma, quality in ((sample_images.NOISE, sample_images.QUALITY), (0, 90), (0, 75)):
            rgb = as_decoded(source, sigma, quality)
            yield f"{name} 12 MP, noise {sigma:g}, q{quality}", compose(rgb, shape)
        yield f"{name} 12 MP, RGB, noise 0, q75", rgb
        for width, height in ((2000, 1500), (1000, 750), (400, 300)):
            rgb = as_decoded(source, 0, 90, (width, height))
            yield f"{name} {width} x {height}", compose(rgb, soft_shape(height, width))
    for path in sorted(folder.glob("*/image/*"))[::20] if folder else ():
        mask = next(path.parent.with_name("mask").glob(f"{path.stem}*"), None)
        if mask:
            alpha = np.asarray(Image.open(mask).convert("L"), np.float32) / 255
            yield path.stem, compose(images.decode(path.read_bytes()).rgb, alpha)


def survey(folder):
    """Ours on many images, against Pillow's level 6."""
    print(f"\n{'ours: cut-out to PNG':34s}{'CPU':>8s} {'wall':>8s} ms   x Pillow 6")
    ratios = []
    for name, cutout in cutouts(folder):
        data, cpu_ms, wall_ms = timed(lambda cutout=cutout: images.encode(cutout), rounds=3)
        ratios.append(len(data) / len(by_pillow(cutout, 6)))
        print(f"{name:34s}{cpu_ms:8.0f} {wall_ms:8.0f} ms{ratios[-1]:8.3f}", flush=True)
    print(f"{len(ratios)} images: median {median(ratios):.3f}, worst {max(ratios):.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, help="folder of data sets with image/ and mask/")
    parser.add_argument("--quick", action="store_true", help="without the many images")
    args = parser.parse_args()
    print(machine.machine())
    print("CPU and wall time, medians of 5; bytes as a multiple of Pillow's level 6")
    jpeg = args.photo.read_bytes() if args.photo else photograph()
    print(f"\nJPEG of {len(jpeg)} bytes to RGB")
    for name, work in decoders(jpeg):
        rgb = measured(name, work)
    alpha = soft_shape(*rgb.shape[:2])
    print(
        f"\n{rgb.shape[1]} x {rgb.shape[0]} cut-out, {(alpha > 0).mean():.0%} of it shown, to PNG"
    )
    cutout = measured("compose", lambda: compose(rgb, alpha))
    base = len(measured("Pillow 6", lambda: by_pillow(cutout, 6), rounds=1))
    for name, work in encoders(cutout):
        measured(name, work, base)
    if not args.quick:
        survey(args.data)


if __name__ == "__main__":
    main()
