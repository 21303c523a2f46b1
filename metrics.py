"""Scores of one result file against its true mask: the files are read here, nothing else."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from cutout import measures
from cutout.errors import UndecodableImage


def _read_map(path: str | Path) -> np.ndarray:
    """A cut-out's alpha, or a grey map or mask, as (H, W) uint8."""
    data = Path(path).read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as picture:
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
            grey = picture.convert("RGBA").getchannel("A") if has_alpha else picture.convert("L")
            return np.asarray(grey)
    except (OSError, SyntaxError, ValueError) as error:
        raise UndecodableImage("The file cannot be decoded; give a PNG, JPEG or WebP.") from error


def compute_metrics(
    pred_path: str | Path, gt_path: str | Path, threshold: int = measures.THRESHOLD
) -> dict[str, float | int]:
    """Compare a result with its true mask, both files of one size.

    pred_path: a cut-out (its alpha counts), a grey map or a mask. gt_path: the true mask.
    A pixel is subject where its level is above `threshold` (0-255, default 128), in both.
    Returns `iou`, `dice`, `precision`, `recall`, `pixel_accuracy`, `specificity` in [0, 1], the
    counts `tp`, `fp`, `fn`, `tn` and the `threshold`. Two empty masks agree and score 1; a ratio
    0/0 of masks that differ scores 0. A missing file is a FileNotFoundError.
    """
    pair = measures.pair(_read_map(pred_path), _read_map(gt_path), threshold)
    return measures.score(pair, groups=("mask",)).values | {"threshold": threshold}
