"""Alpha in the unknown band: choose the scale, set up the equations, solve, refine."""

from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from cutout.errors import Unsolvable
from cutout.guided_filter import evaluate_fit, local_fit
from cutout.matting.closed_form import closed_form_rows
from cutout.matting.colour_prior import colour_prior
from cutout.matting.knn import knn_rows
from cutout.matting.trimap import BACKGROUND, SUBJECT, SURE_BACKGROUND, SURE_SUBJECT, UNKNOWN
from cutout.parallel import fine_row_chunks, parallel_map

# Warnings for the caller, mostly none.
Warnings = tuple[str, ...]


class MaxUnknown(NamedTuple):
    """Unknown pixels solved at once: in the picture itself, and in a smaller copy of it."""

    whole: int
    copy: int


# What is solved in a copy is carried to full size by the photograph's colours, so that the copy may
# be small: 12 megapixels take little longer than half of one. Measured with benchmarks/refine.py.
MAX_UNKNOWN = {"closed-form": MaxUnknown(50_000, 50_000), "knn": MaxUnknown(160_000, 110_000)}
# Known pixels this near to the band, as a share of the diagonal, are KNN's sample of the sure
# parts; the whole picture would cost minutes and is no better.
NEAR, MAX_NEAR = 0.02, 160_000
TOLERANCE, MAX_ITERATIONS = 1e-5, 1000
# Unknown pixels cut off from every known one leave the answer open: this picks zero there.
SHIFT = 1e-9
# Weights against the couplings of a mean pixel: of the colours where they are certain, and of the
# model's alpha in pictures where they are not. The sure parts of a caller's trimap need no model.
COLOURS, PRIOR = {"closed-form": 3e-6, "knn": 1e-3}, {"closed-form": 3e-2, "knn": 1.0}
COLOURS_OF_CALLER = 1e-4
# Mean certainty of the colours where the model is sure, on both sides of its edge: below the first
# the model's alpha counts in full, above the second hardly. It is .81 to .95 for 13 of 14 pictures
# of hair, plants, toys, where the model is often far off, and .47 to .61 for 8 cars, whose parts
# repeat the backdrop's colours.
CERTAIN = 0.65, 0.78
# Variance of colour that counts as flat when the matte is carried to full size.
FIT_EPSILON = 1e-5


def solve_alpha(
    rgb: np.ndarray, trimap: np.ndarray, method: str, prior: np.ndarray | None = None
) -> tuple[np.ndarray, Warnings]:
    """Alpha (H, W) float32 by `closed-form` or `knn`, and a tuple of warnings, mostly empty.

    rgb: (H, W, 3) uint8; trimap: (H, W) uint8 of 0, 128, 255, kept exactly where known.
    prior: (H, W) float32, the matte that the trimap was drawn from, or None for a caller's. Where
    the equations leave the answer open it leans to the prior and to the side of its colour.
    A trimap without unknown, subject or background pixels raises Unsolvable.
    """
    if absent := missing_parts(trimap):
        raise Unsolvable(
            f"The trimap has no {absent} pixels, so there is nothing to solve: turn matting off "
            "for this picture or send a trimap with all three."
        )
    count = np.count_nonzero(trimap == UNKNOWN)
    most = MAX_UNKNOWN[method]
    if count <= most.whole:
        return _solve_at_full_size(rgb, trimap, method, prior)
    small_rgb, small_trimap = _downscale(rgb, trimap, float(np.sqrt(most.copy / count)))
    small_prior = None if prior is None else cv2.resize(prior, small_trimap.shape[::-1])
    coarse, warnings = _solve_at_full_size(small_rgb, small_trimap, method, small_prior)
    return _upsample_alpha(rgb, trimap, small_rgb, coarse), warnings


def warm_up() -> None:
    """Touch every library the solvers use, so that no request pays for loading it."""
    ramp = np.linspace(0, 255, 24).astype(np.uint8)
    rgb = np.dstack([np.tile(ramp, (24, 1))] * 3)
    trimap = np.full((24, 24), UNKNOWN, np.uint8)
    trimap[:, :4], trimap[:, -4:] = BACKGROUND, SUBJECT
    for method in MAX_UNKNOWN:
        solve_alpha(rgb, trimap, method)


def missing_parts(trimap: np.ndarray) -> str:
    """What a trimap lacks of unknown, subject and background, in words; empty if nothing."""
    wanted = {"unknown": UNKNOWN, "subject": SUBJECT, "background": BACKGROUND}
    return " and no ".join(name for name, value in wanted.items() if not (trimap == value).any())


def _downscale(rgb: np.ndarray, trimap: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Picture and trimap scaled down; a cell that holds any unknown pixel is unknown.

    A stroke so thin that it fills no cell keeps the cells it fills most, or its side would be lost.
    """
    size = [max(3, round(side * scale)) for side in (trimap.shape[1], trimap.shape[0])]
    area = partial(cv2.resize, dsize=size, interpolation=cv2.INTER_AREA)
    small = np.full(size[::-1], UNKNOWN, np.uint8)
    for value in (BACKGROUND, SUBJECT):
        full = area(np.uint8(255) * (trimap == value)) == 255
        if not full.any():
            shares = area((trimap == value).astype(np.float32))
            full = shares >= shares.max()
        small[full] = value
    return area(rgb), small


def _upsample_alpha(
    rgb: np.ndarray, trimap: np.ndarray, small_rgb: np.ndarray, coarse: np.ndarray
) -> np.ndarray:
    """The matte at full size: locally linear in colour, as the small one was found to be."""
    guide = small_rgb / np.float32(255)
    fit = local_fit(guide, coarse, np.ones_like(coarse), 1, FIT_EPSILON)
    alpha, unknown = (trimap == SUBJECT).astype(np.float32), trimap == UNKNOWN

    def fill(band: slice) -> None:
        flat, values = evaluate_fit(rgb, fit, unknown, band)
        alpha[band].reshape(-1)[flat] = np.clip(values, 0, 1)

    parallel_map(fill, fine_row_chunks(len(alpha)))
    return alpha


def _solve_at_full_size(
    rgb: np.ndarray, trimap: np.ndarray, method: str, prior: np.ndarray | None
) -> tuple[np.ndarray, Warnings]:
    image, unknown = rgb / 255.0, trimap == UNKNOWN
    inside = np.flatnonzero(unknown)
    known = (trimap == SUBJECT).astype(np.float64).ravel()
    if method == "knn":
        rows = knn_rows(image, unknown, _near(unknown))
    else:
        rows = closed_form_rows(image, unknown)
    system, target = rows[:, inside], -(rows @ known)
    weight, pull = _data_term(image, trimap, method, prior)
    scale = system.diagonal().mean()
    system = system + scipy.sparse.diags(scale * weight + SHIFT)
    values, warnings = (_solve_cg if method == "knn" else _solve_lu)(system, target + scale * pull)
    known[inside] = np.clip(values, 0, 1)
    return known.reshape(trimap.shape).astype(np.float32), warnings


def _data_term(
    image: np.ndarray, trimap: np.ndarray, method: str, prior: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n,) of what each unknown pixel leans to, and their products with it (n,)."""
    judged = colour_prior(image, trimap)
    if prior is None:
        weight = COLOURS_OF_CALLER * judged.confidence
        return weight, weight * judged.alpha
    said, (low, high) = prior[trimap == UNKNOWN], CERTAIN
    sure = (said <= SURE_BACKGROUND) | (said >= SURE_SUBJECT)
    certain = judged.confidence[sure].mean() if sure.any() else 0
    # Never none: a part that neither couplings nor colours reach keeps the model's alpha.
    doubt = np.clip((high - certain) / (high - low), 1e-3, 1)
    weight, trust = COLOURS[method] * judged.confidence, PRIOR[method] * doubt**2
    return weight + trust, weight * judged.alpha + trust * said


def _near(unknown: np.ndarray) -> np.ndarray:
    """Known pixels around the band, thinned evenly to at most MOST_NEAR."""
    reach = max(2, round(NEAR * float(np.hypot(*unknown.shape))))
    square = np.ones((2 * reach + 1,) * 2, np.uint8)
    around = (cv2.dilate(unknown.astype(np.uint8), square) > 0) & ~unknown
    places = np.flatnonzero(around)
    chosen = places[:: max(1, -(-len(places) // MAX_NEAR))]
    thinned = np.zeros(unknown.size, bool)
    thinned[chosen] = True
    return thinned.reshape(unknown.shape)


def _solve_lu(system: scipy.sparse.spmatrix, target: np.ndarray) -> tuple[np.ndarray, Warnings]:
    """Solve by factors: the band along an edge is thin, so they stay sparse."""
    factors = scipy.sparse.linalg.splu(
        system.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return factors.solve(target), ()


def _solve_cg(system: scipy.sparse.spmatrix, target: np.ndarray) -> tuple[np.ndarray, Warnings]:
    """Solve by conjugate gradients: links to far pixels would fill the factors."""
    diagonal = scipy.sparse.diags(1 / system.diagonal())
    values, left = scipy.sparse.linalg.cg(
        system, target, rtol=TOLERANCE, maxiter=MAX_ITERATIONS, M=diagonal
    )
    if not left:
        return values, ()
    return values, (f"Matting stopped after {MAX_ITERATIONS} steps before it had converged.",)
