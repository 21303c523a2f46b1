"""What a picture may be, and what its header says; nothing here touches a pixel."""

from dataclasses import dataclass

from cutout.errors import TooManyFrames, TooManyPixels

KNOWN = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")


@dataclass(frozen=True)
class Limits:
    """What is let in.

    max_pixels: height x width, summed over frames. formats: out of `KNOWN`.
    max_frames: pictures in one file. More are refused, not cut down to the first in silence:
    the sender of an animation would otherwise get a still and no word about it. Where a
    deployment raises the limit, the first frame is the one that is used.
    """

    max_pixels: int = 50_000_000
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP")
    max_frames: int = 1


@dataclass(frozen=True)
class Header:
    """What can be known before decoding. size: (height, width), upright; depth: bits a sample."""

    format: str
    size: tuple[int, int]
    frames: int = 1
    depth: int = 8


def check_pixels(width: int, height: int, limits: Limits, frames: int = 1) -> None:
    """Refuse more frames or pixels than `limits` allows."""
    if frames > limits.max_frames:
        raise TooManyFrames(
            f"The file holds {frames} pictures; at most {limits.max_frames} allowed. "
            "Send the one you want as a still picture.",
            frames=frames,
            allowed=limits.max_frames,
        )
    pixels = width * height * frames
    if pixels > limits.max_pixels:
        raise TooManyPixels(
            f"The picture has {width} x {height} pixels"
            + (f" in {frames} frames" if frames > 1 else "")
            + f"; at most {limits.max_pixels} are allowed. Send a smaller one.",
            pixels=pixels,
            allowed=limits.max_pixels,
        )
