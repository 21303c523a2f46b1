"""Matting of one picture: whose trimap, how often, and what to tell the caller."""

import numpy as np

from cutout.matting.solve import missing_parts, solve_alpha
from cutout.matting.trimap import SHARE, UNKNOWN, automatic_trimap, checked_trimap

METHODS = ("closed-form", "knn")


def refine_matte(
    rgb: np.ndarray,
    alpha: np.ndarray,
    method: str,
    trimap: np.ndarray | None = None,
    iterations: int = 1,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Solve alpha in the band around the edge: (alpha, warnings).

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the model's; method: one of METHODS; trimap:
    (H, W) uint8 of a caller, checked, or None for the automatic one. iterations: each further
    one draws a trimap of half the width around the solved matte, within the first one's band.
    Where the equations leave the answer open it leans a little to the side whose colours a pixel
    has, and under the automatic trimap, in a picture whose colours tell little, to the model's
    alpha. A caller's trimap that cannot be solved raises Unsolvable; where the automatic one
    cannot, `alpha` itself comes back with a warning that says so.
    """
    prior = alpha if trimap is None else None
    if trimap is None:
        trimap = automatic_trimap(alpha)
        if absent := missing_parts(trimap):
            return alpha, (f"Matting was skipped: the automatic trimap has no {absent} pixels.",)
    else:
        trimap = checked_trimap(trimap, alpha.shape)
    out, warnings = solve_alpha(rgb, trimap, method, prior)
    for turn in range(1, iterations):
        closer = automatic_trimap(out, share=SHARE / 2**turn)
        closer = np.where(trimap == UNKNOWN, closer, trimap)
        if missing_parts(closer):
            break
        out, more = solve_alpha(rgb, closer, method, prior)
        warnings += more
    return out, warnings
