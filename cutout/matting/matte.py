"""Matting of one image: which trimap, how many iterations, and warnings for the caller."""

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
    *,
    known: np.ndarray | None = None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Solve alpha in the band around the edge: (alpha, warnings).

    rgb: (H, W, 3) uint8; alpha: (H, W) float32, the model's; method: one of METHODS; trimap:
    (H, W) uint8 of the caller, which is checked, or None for the automatic one. iterations: each
    further one uses a trimap of half the width around the solved matte, within the first one's
    band. Where the equations leave alpha open, weak data terms decide: whether a pixel's colours
    are those of the subject or of the background and, under the automatic trimap in an image
    whose colours do not separate the two, the model's alpha. known: a second trimap (H, W) uint8;
    what is not unknown in it holds over the first.

    A caller's trimap that cannot be solved raises Unsolvable. Where the automatic one cannot,
    `alpha` itself is returned with a warning.
    """
    prior = alpha if trimap is None else None
    automatic = trimap is None
    trimap = automatic_trimap(alpha) if trimap is None else checked_trimap(trimap, alpha.shape)
    if known is not None:
        trimap = np.where(known == UNKNOWN, trimap, known)
    if automatic and (absent := missing_parts(trimap)):
        return alpha, (f"Matting was skipped: the automatic trimap has no {absent} pixels.",)
    out, warnings = solve_alpha(rgb, trimap, method, prior)
    for iteration in range(1, iterations):
        narrower = automatic_trimap(out, share=SHARE / 2**iteration)
        narrower = np.where(trimap == UNKNOWN, narrower, trimap)
        if missing_parts(narrower):
            break
        out, more = solve_alpha(rgb, narrower, method, prior)
        warnings += more
    return out, warnings
