"""What an image may be, and what its header says; no pixel is decoded here."""

from dataclasses import dataclass

from cutout.errors import TooManyFrames, TooManyPixels

KNOWN = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
# Dots per inch that JPEG's 16 bits hold; the other formats hold more.
MAX_DPI = 65_535


@dataclass(frozen=True)
class Limits:
    """What is accepted.

    max_pixels: height x width, summed over frames. formats: out of `KNOWN`, and HEIC.
    max_frames: images in one file. A file with more is refused, not reduced to its first frame:
    the sender of an animation would get a still image and not learn why. Where a deployment
    raises the limit, the first frame is the one that is used.
    isolated: read formats other than JPEG, PNG and WebP in processes that can be killed.
    """

    max_pixels: int = 50_000_000
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP")
    max_frames: int = 1
    isolated: bool = False


@dataclass(frozen=True)
class Header:
    """What is known before decoding. size: (height, width), upright; depth: bits a sample."""

    format: str
    size: tuple[int, int]
    frames: int = 1
    depth: int = 8


def check_pixels(width: int, height: int, limits: Limits, frames: int = 1) -> None:
    """Refuse more frames or pixels than `limits` allows."""
    if frames > limits.max_frames:
        raise TooManyFrames(
            f"The file holds {frames} images; at most {limits.max_frames} allowed. "
            "Send the one you want as a still image.",
            frames=frames,
            allowed=limits.max_frames,
        )
    pixels = width * height * frames
    if pixels > limits.max_pixels:
        raise TooManyPixels(
            f"The image has {width} x {height} pixels"
            + (f" in {frames} frames" if frames > 1 else "")
            + f"; at most {limits.max_pixels} are allowed. Send a smaller one.",
            pixels=pixels,
            allowed=limits.max_pixels,
        )
