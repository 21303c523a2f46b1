"""Small operations on the pixels of an array that several packages share."""

import cv2
import numpy as np

# cv2.remap takes coordinates as images of fewer than 32,768 a side.
ROW = 1024


def between(plane: np.ndarray, low: float, high: float) -> np.ndarray:
    """Mask (H, W) bool of low < plane < high, in one pass where numpy takes three."""
    if plane.size < ROW:
        # OpenCV takes a matte of few pixels for a scalar.
        return (plane > low) & (plane < high)
    inside: np.ndarray = cv2.inRange(
        plane,
        float(np.nextafter(np.float32(low), np.float32(1))),
        float(np.nextafter(np.float32(high), np.float32(0))),
    )
    return inside.view(bool)


def true_indices(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat index, row and column of every true pixel; several times faster than nonzero."""
    flat = np.flatnonzero(mask)
    rows, columns = np.divmod(flat.astype(np.int32), np.int32(mask.shape[1]))
    return flat, rows, columns


def take_pixels(image: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """The pixels of an image (H, W, channels) or (H, W) at flat indices."""
    return image.reshape(-1, *image.shape[2:]).take(flat, axis=0)


def sample(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Bilinear values (N, channels) at positions in pixels; those outside move to the border.

    image: (h, w, channels) float32, two to four channels; rows, columns: (N,) float.
    """
    count = len(rows)
    positions = np.zeros((2, max(1, -(-count // ROW)) * ROW), np.float32)
    positions[0, :count], positions[1, :count] = columns, rows
    across, down = positions.reshape(2, -1, ROW)
    values: np.ndarray = cv2.remap(
        image, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return values.reshape(-1, image.shape[2])[:count]


def sample_scaled(
    small: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """`sample` of a scaled copy of an image of `size` (height, width) at that image's pixels."""
    scale = np.float32(small.shape[0] / size[0]), np.float32(small.shape[1] / size[1])
    half = np.float32(0.5)
    return sample(small, (rows + half) * scale[0] - half, (columns + half) * scale[1] - half)


def to_level(alpha: np.ndarray) -> np.ndarray:
    """(H, W) float32 in [0, 1] -> (H, W) uint8, rounded and clipped."""
    # Not cv2.max: it takes a matte of one pixel for a scalar of four channels.
    level: np.ndarray = cv2.convertScaleAbs(np.maximum(alpha, 0), alpha=255.0)
    return level
