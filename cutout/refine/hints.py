"""Corrections by hand: strokes that say what is certainly subject, and what is background.

A stroke corrects the whole region around it that looks like it. The model's map is solved anew on
a coarse grid as a random walk: from a cell the walk steps to its neighbours, more rarely across an
edge of the image or of the map, and ends at a stroke or, with a small probability in each step,
where the map's own alpha holds. That probability is the smaller, the more a cell has the colours
of a stroke. The solution is the mean of the alphas at which such walks end.

Grady, "Multilabel random walker image segmentation using prior models", CVPR 2005.
"""

from typing import NamedTuple

import cv2
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from scipy.spatial import cKDTree

from cutout.parallel import fine_row_chunks, parallel_map

# Cells along the longer side: half the model's own, for the edges are solved anew afterwards.
CELLS = 160
AREA = cv2.INTER_AREA
# A level above this is a stroke.
WHITE = 127
# Weight of a step between neighbours: exp(-COLOUR_EDGES * d² - MAP_EDGES * a²) + MIN_STEP, where
# d² is the squared difference of their colours over its mean, and a that of their alphas.
COLOUR_EDGES, MAP_EDGES, MIN_STEP = 1.0, 60.0, 1e-3
# Weight of the map's own alpha: HOLD where colours are not like a stroke's, MIN_HOLD where they
# are the same; between, by a Gaussian of the distance in CIELAB over 100.
HOLD, MIN_HOLD, LIKENESS = 0.03, 1e-5, 100.0
# Colours of a side's strokes that are compared with, at most.
MAX_SAMPLES = 300
# A seed's weight: so large that its value is exact to four digits.
SEED = 1e4
# The share of walks that end at a stroke: below the first the map is not changed, above the
# second the solution counts in full.
REACH = 0.005, 0.05
# Difference of mean and map: below the first the finer map is kept, above the second replaced.
DIFFERENCE = 0.02, 0.1
# The solution is spread around a half by this factor: a mean of walks seldom is quite 0 or 1.
CONTRAST = 3.0


class Strokes(NamedTuple):
    """What a person says at the image's size: certainly subject, background, (H, W) bool each."""

    kept: np.ndarray
    erased: np.ndarray


class Correction(NamedTuple):
    """The solution (h, w) on the grid, and how far (0 to 1) it replaces the map there, float32."""

    alpha: np.ndarray
    weight: np.ndarray


def strokes_at(keep: np.ndarray | None, erase: np.ndarray | None, size: tuple[int, int]) -> Strokes:
    """The strokes of two grey images, scaled to an image of `size` (height, width).

    keep, erase: (h, w) uint8 of any size and ratio, or None. Levels above 127 are strokes. Where
    both are, erase holds.
    """
    kept, erased = _mask(keep, size), _mask(erase, size)
    return Strokes(kept & ~erased, erased)


def apply_hints(rgb: np.ndarray, alpha: np.ndarray, strokes: Strokes) -> np.ndarray:
    """The map corrected by strokes: alpha (H, W) float32, a new array.

    rgb: (H, W, 3) uint8; alpha: (H, W) float32 in [0, 1], the model's map at the image's size.
    Alpha is 1 where strokes keep and 0 where they erase; where they do not reach it is the map's
    own, bit by bit.
    """
    out = alpha.copy()
    if strokes.kept.any() or strokes.erased.any():
        _blend(out, _solve(rgb, alpha, strokes))
        out[strokes.kept], out[strokes.erased] = 1, 0
    return out


def _mask(plane: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    if plane is None:
        return np.zeros(size, bool)
    shrinks = plane.size > size[0] * size[1]
    scaled = cv2.resize(plane, size[::-1], interpolation=AREA if shrinks else cv2.INTER_LINEAR)
    mask: np.ndarray = scaled > WHITE
    return mask


def _solve(rgb: np.ndarray, alpha: np.ndarray, strokes: Strokes) -> Correction:
    """Solve the map on the grid with the strokes as seeds."""
    height, width = alpha.shape
    scale = min(1.0, CELLS / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    colours = _lab(cv2.resize(rgb, size, interpolation=AREA))
    coarse = cv2.resize(alpha, size, interpolation=AREA).reshape(size[::-1])
    seeds = [_cells(mask, size) for mask in strokes]
    seeds[0] &= ~seeds[1]
    hold = HOLD * (1 - _likeness(colours, seeds)) + MIN_HOLD
    system = _couplings(colours, coarse) + scipy.sparse.diags(hold.ravel())
    from_map, from_kept, from_erased = _random_walk(system, hold, coarse, seeds)
    mean = from_map + from_kept
    weight = _smoothstep(from_kept + from_erased, *REACH)
    weight *= _smoothstep(np.abs(mean - coarse), *DIFFERENCE)
    solved = np.clip((mean - 0.5) * CONTRAST + 0.5, 0, 1)
    # One cell wider, or a seam would be left where the map's edge lies between two cells.
    return Correction(solved.astype(np.float32), _widened(weight.astype(np.float32)))


def _random_walk(
    system: scipy.sparse.spmatrix, hold: np.ndarray, coarse: np.ndarray, seeds: list[np.ndarray]
) -> np.ndarray:
    """Three planes (3, h, w): the map's part of the solution, the walks' shares at either stroke.

    system: couplings of the cells and weights of the map; seeds: kept and erased cells.
    """
    kept, erased = (seed.ravel() for seed in seeds)
    stroke = kept | erased
    target = np.zeros((coarse.size, 3))
    target[:, 0] = np.where(stroke, 0, (hold * coarse).ravel())
    target[kept, 1] = target[erased, 2] = SEED
    factors = scipy.sparse.linalg.splu(
        (system + scipy.sparse.diags(SEED * stroke)).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    planes: np.ndarray = factors.solve(target).T.reshape(3, *coarse.shape)
    return planes


def _couplings(colours: np.ndarray, coarse: np.ndarray) -> scipy.sparse.csr_matrix:
    """Laplacian (n, n) of the grid's cells, each coupled with its neighbours in four directions."""
    cells = np.arange(coarse.size).reshape(coarse.shape)
    first = np.concatenate([cells[:, :-1].ravel(), cells[:-1].ravel()])
    second = np.concatenate([cells[:, 1:].ravel(), cells[1:].ravel()])
    flat, plane = colours.reshape(-1, 3), coarse.ravel()
    apart = ((flat[first] - flat[second]) ** 2).sum(axis=1)
    apart /= apart.mean() + 1e-6 if len(apart) else 1
    step = (plane[first] - plane[second]) ** 2
    weight = np.exp(-COLOUR_EDGES * apart - MAP_EDGES * step) + MIN_STEP
    pairs = np.concatenate([first, second]), np.concatenate([second, first])
    adjacency = scipy.sparse.csr_matrix(
        (np.concatenate([weight, weight]), pairs), shape=(coarse.size, coarse.size)
    )
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    return scipy.sparse.diags(degree) - adjacency


def _likeness(colours: np.ndarray, seeds: list[np.ndarray]) -> np.ndarray:
    """How like (h, w), 0 to 1, the nearest colour of any stroke each cell's colour is."""
    samples = []
    for seed in seeds:
        own = colours[seed]
        samples.append(own[:: max(1, -(-len(own) // MAX_SAMPLES))])
    found, _ = cKDTree(np.concatenate(samples)).query(colours.reshape(-1, 3))
    likeness: np.ndarray = np.exp(-LIKENESS * found.reshape(colours.shape[:2]) ** 2)
    return likeness


def _cells(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cells (h, w) of a stroke: those it fills by half, and where it is thinner all it touches."""
    share = cv2.resize(mask.view(np.uint8) * np.uint8(255), size, interpolation=AREA)
    share = share.reshape(size[::-1])
    half = (share > WHITE).astype(np.uint8)
    cells: np.ndarray = (half > 0) | ((share > 0) & (_widened(half) == 0))
    return cells


def _widened(plane: np.ndarray) -> np.ndarray:
    """The largest value (h, w) of each cell and its eight neighbours."""
    wide: np.ndarray = cv2.dilate(plane, np.ones((3, 3), np.uint8)).reshape(plane.shape)
    return wide


def _lab(rgb: np.ndarray) -> np.ndarray:
    """Colours (h, w, 3) float32 in CIELAB over 100, where equal distances look equal."""
    lab: np.ndarray = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab / 100


def _smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, smooth between."""
    ramp = np.clip((values - low) / (high - low), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _blend(out: np.ndarray, correction: Correction) -> None:
    """Replace the map (H, W) by the correction, as far as its weight says, in place."""
    height, width = out.shape
    wide = [
        cv2.resize(plane, (width, len(plane)), interpolation=cv2.INTER_LINEAR)
        for plane in correction
    ]

    def mix(band: slice) -> None:
        weight = _upsample_rows(wide[1], height, band)
        if weight.any():
            change = _upsample_rows(wide[0], height, band)
            change -= out[band]
            change *= weight
            out[band] += change

    parallel_map(mix, fine_row_chunks(height))


def _upsample_rows(plane: np.ndarray, height: int, band: slice) -> np.ndarray:
    """Rows of the band out of `height` that a plane (h, W) is linearly scaled to."""
    places = (np.arange(band.start, band.stop) + 0.5) * (len(plane) / height) - 0.5
    places = places.clip(0, len(plane) - 1)
    above = places.astype(np.intp)
    below = np.minimum(above + 1, len(plane) - 1)
    rows: np.ndarray = plane[below]
    rows -= plane[above]
    rows *= (places - above).astype(np.float32)[:, None]
    rows += plane[above]
    return rows
