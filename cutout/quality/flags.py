"""What may be wrong with a result, in words, for people and for sorting."""

import cv2
import numpy as np

from cutout.quality import maps

# The map is sure of a pixel beyond these, and alpha has taken it over below, or given it, above.
SURE, SURE_NOT = 0.9, 0.1
LOST = 0.5
# Parts that a square of this side (px of a map of 320) does not fit into are thin.
THIN = 7
MAP = 320
# Shares of the subject: a thin part, and any other, that counts.
THIN_SHARE, PART_SHARE = 0.004, 0.01
LOW_IOU = 0.75
SMALL = 0.05


def changed_parts(final: np.ndarray, alpha: np.ndarray) -> list[str]:
    """Parts of which the map is sure and that the final matte has otherwise.

    final: (h, w) the final alpha; alpha: (h, w) the stretched map. `thin_parts_lost`, `parts_lost`,
    `parts_added`; what is no thicker than the precision of an edge, a pixel either way, is none.
    """
    sure, kept = alpha >= SURE, maps.dilated(final >= LOST)
    side = max(1, round(THIN * max(final.shape) / MAP))
    square = np.ones((side, side), np.uint8)
    thin = sure & (cv2.morphologyEx(sure.astype(np.uint8), cv2.MORPH_OPEN, square) == 0)
    lost = sure & ~kept
    added = (alpha <= SURE_NOT) & ~maps.dilated(final < LOST)
    found = {
        "thin_parts_lost": maps.largest_part(lost & thin) >= THIN_SHARE * sure.sum(),
        "parts_lost": maps.largest_part(lost) >= PART_SHARE * sure.sum(),
        "parts_added": maps.largest_part(added) >= PART_SHARE * sure.sum(),
    }
    return [name for name, true in found.items() if true] if sure.any() else []


def flags(final: np.ndarray, alpha: np.ndarray, predicted: float, parts: int) -> list[str]:
    """All that applies to a result in which a subject was found; see `signals`."""
    coverage = float((final > LOST).mean())
    found = {
        "low_confidence": predicted < LOW_IOU,
        "several_subjects": parts > 1,
        "touches_border": bool(maps.sides_touched(final > LOST)),
        "small_subject": 0 < coverage < SMALL,
    }
    return [name for name, true in found.items() if true] + changed_parts(final, alpha)
