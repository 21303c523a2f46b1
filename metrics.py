"""Measures of one result file against its true mask: reads the two files and calls `measures`."""

from pathlib import Path

from cutout import images, measures


def compute_metrics(
    pred_path: str | Path, gt_path: str | Path, threshold: float = 0.5
) -> dict[str, float | int]:
    """Compare a result with its true mask, both files of one size.

    pred_path: a cut-out (its alpha counts), a grey map or a mask. gt_path: the true mask; both as
    `images.decode_mask` reads them.
    A pixel is subject where its alpha is above `threshold` (0 to 1), in both. Levels are 8-bit:
    the default means above level 128, see `measures.level_of`.
    Returns `iou`, `dice`, `precision`, `recall`, `pixel_accuracy`, `specificity` in [0, 1], the
    counts `tp`, `fp`, `fn`, `tn` and the `threshold`. Two empty masks agree and score 1; a ratio
    0/0 of masks that differ scores 0. A missing file is a FileNotFoundError.
    """
    pred, truth = (images.decode_mask(Path(path).read_bytes()) for path in (pred_path, gt_path))
    pair = measures.make_pair(pred, truth, measures.level_of(threshold))
    return measures.score(pair, groups=("mask",)).values | {"threshold": threshold}
