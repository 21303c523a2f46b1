"""Alpha in the unknown band: choose the scale, set up the equations, solve, upsample."""

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
    """Unknown pixels solved at once: in the image itself, and in a smaller copy of it."""

    whole: int
    copy: int


# What is solved in a copy is upsampled by the image's colours, so that the copy may be small: 12
# megapixels take little longer than half of one. Measured with benchmarks/refine.py.
MAX_UNKNOWN = {"closed-form": MaxUnknown(50_000, 50_000), "knn": MaxUnknown(160_000, 110_000)}
# KNN takes neighbours from the known pixels within this share of the diagonal of the band; from
# the whole image the search would take minutes and give no better mattes.
NEAR, MAX_NEAR = 0.02, 160_000
TOLERANCE, MAX_ITERATIONS = 1e-5, 1000
# Unknown pixels cut off from every known one leave alpha open: this makes it zero there.
SHIFT = 1e-9
# Weights relative to the couplings of a mean pixel: of the colour prior, times its confidence, and
# of the model's alpha where colours do not separate subject and background. A caller's trimap
# comes without the latter.
COLOUR_WEIGHT = {"closed-form": 3e-6, "knn": 1e-3}
MODEL_WEIGHT = {"closed-form": 3e-2, "knn": 1.0}
CALLER_COLOUR_WEIGHT = 1e-4
# Mean confidence of the colour prior where the model is certain, on both sides of its edge: up to
# the first number the model's alpha counts in full, from the second on hardly. It is .81 to .95 for
# 13 of 14 images of hair, plants, toys, where the model is often far off, and .47 to .61 for 8
# cars, whose parts have the backdrop's colours.
COLOUR_CONFIDENCE = 0.65, 0.78
# Variance of colour that counts as flat when the matte is upsampled.
FIT_EPSILON = 1e-5


def solve_alpha(
    rgb: np.ndarray, trimap: np.ndarray, method: str, prior: np.ndarray | None = None
) -> tuple[np.ndarray, Warnings]:
    """Alpha (H, W) float32 by `closed-form` or `knn`, and a tuple of warnings, mostly empty.

    rgb: (H, W, 3) uint8; trimap: (H, W) uint8 of 0, 128, 255, kept exactly where known.
    prior: (H, W) float32, the matte that the trimap was made from, or None for a caller's trimap.
    Raises Unsolvable for a trimap without unknown, subject or background pixels.
    """
    if absent := missing_parts(trimap):
        raise Unsolvable(
            f"The trimap has no {absent} pixels, so there is nothing to solve: turn matting off "
            "for this image or send a trimap with all three."
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
    """Solve a tiny matte with every method, so that no request waits for libraries to load."""
    ramp = np.linspace(0, 255, 24).astype(np.uint8)
    rgb = np.dstack([np.tile(ramp, (24, 1))] * 3)
    trimap = np.full((24, 24), UNKNOWN, np.uint8)
    trimap[:, :4], trimap[:, -4:] = BACKGROUND, SUBJECT
    for method in MAX_UNKNOWN:
        solve_alpha(rgb, trimap, method)


def missing_parts(trimap: np.ndarray) -> str:
    """Names of the values that a trimap does not hold, joined by "and no"; empty if none."""
    wanted = {"unknown": UNKNOWN, "subject": SUBJECT, "background": BACKGROUND}
    return " and no ".join(name for name, value in wanted.items() if not (trimap == value).any())


def _downscale(rgb: np.ndarray, trimap: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Image and trimap scaled down; a cell that holds any unknown pixel is unknown.

    Where subject or background fill no cell, the cells they fill most are theirs: a thin stroke
    of a caller is kept.
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
    """Alpha at full size: the local linear function of colour that fits the small matte.

    rgb: (H, W, 3) uint8; trimap: (H, W) uint8; small_rgb: (h, w, 3) uint8; coarse: (h, w) float32.
    """
    guide = small_rgb / np.float32(255)
    fit = local_fit(guide, coarse, np.ones_like(coarse), 1, FIT_EPSILON)
    alpha: np.ndarray = (trimap == SUBJECT).astype(np.float32)
    unknown = trimap == UNKNOWN

    def fill(chunk: slice) -> None:
        flat, values = evaluate_fit(rgb, fit, unknown, chunk)
        alpha[chunk].reshape(-1)[flat] = np.clip(values, 0, 1)

    parallel_map(fill, fine_row_chunks(len(alpha)))
    return alpha


def _solve_at_full_size(
    rgb: np.ndarray, trimap: np.ndarray, method: str, prior: np.ndarray | None
) -> tuple[np.ndarray, Warnings]:
    """`solve_alpha` without a smaller copy."""
    image, unknown = rgb / 255.0, trimap == UNKNOWN
    inside = np.flatnonzero(unknown)
    known = (trimap == SUBJECT).astype(np.float64).ravel()
    if method == "knn":
        rows = knn_rows(image, unknown, _near(unknown))
    else:
        rows = closed_form_rows(image, unknown)
    system, target = rows[:, inside], -(rows @ known)
    weight, weighted_alpha = _data_term(image, trimap, method, prior)
    scale = system.diagonal().mean()
    system = system + scipy.sparse.diags(scale * weight + SHIFT)
    values, warnings = (_solve_cg if method == "knn" else _solve_lu)(
        system, target + scale * weighted_alpha
    )
    known[inside] = np.clip(values, 0, 1)
    return known.reshape(trimap.shape).astype(np.float32), warnings


def _data_term(
    image: np.ndarray, trimap: np.ndarray, method: str, prior: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (n,) of the alpha each unknown pixel is drawn to, and their product (n,)."""
    colours = colour_prior(image, trimap)
    if prior is None:
        weight = CALLER_COLOUR_WEIGHT * colours.confidence
        return weight, weight * colours.alpha
    model_alpha, (low, high) = prior[trimap == UNKNOWN], COLOUR_CONFIDENCE
    sure = (model_alpha <= SURE_BACKGROUND) | (model_alpha >= SURE_SUBJECT)
    confidence = colours.confidence[sure].mean() if sure.any() else 0
    # Never zero: a part that neither couplings nor colours reach keeps the model's alpha.
    share = np.clip((high - confidence) / (high - low), 1e-3, 1)
    weight = COLOUR_WEIGHT[method] * colours.confidence
    model_weight = MODEL_WEIGHT[method] * share**2
    return weight + model_weight, weight * colours.alpha + model_weight * model_alpha


def _near(unknown: np.ndarray) -> np.ndarray:
    """Known pixels near the unknown ones (H, W) bool, evenly thinned to at most MAX_NEAR."""
    radius = max(2, round(NEAR * float(np.hypot(*unknown.shape))))
    square = np.ones((2 * radius + 1,) * 2, np.uint8)
    near = np.flatnonzero((cv2.dilate(unknown.astype(np.uint8), square) > 0) & ~unknown)
    thinned = np.zeros(unknown.size, bool)
    thinned[near[:: max(1, -(-len(near) // MAX_NEAR))]] = True
    return thinned.reshape(unknown.shape)


def _solve_lu(system: scipy.sparse.spmatrix, target: np.ndarray) -> tuple[np.ndarray, Warnings]:
    """Solve by LU: the band along an edge is thin, so the factors stay sparse."""
    factors = scipy.sparse.linalg.splu(
        system.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    values: np.ndarray = factors.solve(target)
    return values, ()


def _solve_cg(system: scipy.sparse.spmatrix, target: np.ndarray) -> tuple[np.ndarray, Warnings]:
    """Solve by conjugate gradients: couplings of far pixels would fill the factors of an LU."""
    diagonal = scipy.sparse.diags(1 / system.diagonal())
    values, unconverged = scipy.sparse.linalg.cg(
        system, target, rtol=TOLERANCE, maxiter=MAX_ITERATIONS, M=diagonal
    )
    if not unconverged:
        return values, ()
    return values, (f"Matting stopped after {MAX_ITERATIONS} steps before it had converged.",)
