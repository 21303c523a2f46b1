"""No function writes to what it is given, unless a caller names that array as the output."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutout import pixels, quality
from cutout.compose import backgrounds, canvas, extension, geometry, shadow, views
from cutout.compose.straight_alpha import compose
from cutout.guided_filter import apply_fit, evaluate_fit, local_fit
from cutout.matting.closed_form import closed_form_rows
from cutout.matting.colour_prior import colour_prior
from cutout.matting.foreground import decontaminate
from cutout.matting.knn import knn_rows
from cutout.matting.matte import METHODS, refine_matte
from cutout.matting.solve import solve_alpha
from cutout.matting.trimap import automatic_trimap, checked_trimap
from cutout.refine import masks
from cutout.refine.edges import snap_edges

# Of arrays rgb (uint8), alpha (float32), image (float64 of rgb), fit (h, w, 4), trimap.
FUNCTIONS = {
    "snap_edges": lambda a: [snap_edges(a.rgb, a.alpha, mode) for mode in ("off", "snap", "auto")],
    "masks": lambda a: [
        masks.threshold(a.alpha, 0.5, 0.1),
        masks.drop_specks(a.alpha, 0.1),
        masks.fill_holes(a.alpha, 0.1),
        masks.smooth(a.alpha, 2),
        masks.enhance_edges(a.alpha),
        masks.feather(a.alpha),
    ],
    "decontaminate": lambda a: decontaminate(a.rgb, a.alpha),
    "refine_matte": lambda a: [refine_matte(a.rgb, a.alpha, name) for name in METHODS],
    "a caller's trimap": lambda a: [
        refine_matte(a.rgb, a.alpha, name, a.trimap, iterations=2) for name in METHODS
    ],
    "solve_alpha": lambda a: [solve_alpha(a.rgb, a.trimap, name, a.alpha) for name in METHODS],
    "trimaps": lambda a: [automatic_trimap(a.alpha), checked_trimap(a.trimap, a.alpha.shape)],
    "laplacians": lambda a: [
        closed_form_rows(a.image, a.trimap == 128),
        knn_rows(a.image, a.trimap == 128, a.trimap != 128),
        colour_prior(a.image, a.trimap),
    ],
    "guided filter": lambda a: [
        local_fit(np.float32(a.image), a.alpha, a.alpha + 1, 2, 1e-3),
        apply_fit(np.float32(a.image), a.fit),
        evaluate_fit(a.rgb, a.fit, a.alpha > 0.5, slice(0, len(a.alpha))),
    ],
    "pixels": lambda a: [
        pixels.between(a.alpha, 0.1, 0.9),
        pixels.sample(a.fit, np.array([0.5]), np.array([0.5])),
        pixels.to_level(a.alpha),
    ],
    "backgrounds": lambda a: [
        backgrounds.over(a.rgb, a.alpha, a.rgb, 0.5, linear=True),
        backgrounds.over(a.rgb, a.alpha, a.rgb, a.alpha),
        backgrounds.cover(a.rgb, (9, 30)),
        backgrounds.blurred(a.rgb, a.alpha),
    ],
    "geometry": lambda a: [
        geometry.crop(a.rgb, a.alpha, geometry.subject_box(a.alpha)),
        geometry.crop(a.rgb, a.alpha, (-2, -2, 9, 9)),
        geometry.fit_within(a.rgb, a.alpha, 7),
    ],
    "canvas": lambda a: [canvas.place(a.rgb, a.alpha, (40, 40), scale) for scale in (None, 0.8)],
    "shadow": lambda a: (
        [shadow.drop_shadow(a.alpha, (3, -2), blur, 0.5) for blur in (0, 1, 40)]
        + [shadow.under(a.rgb, a.alpha, a.alpha), shadow.shadowed(a.alpha, a.rgb)]
    ),
    "extend_colours": lambda a: extension.extend_colours(a.rgb, a.alpha),
    "views": lambda a: [views.grey_mask(a.alpha), views.overlay(a.rgb, a.alpha)],
    "cutout": lambda a: compose(a.rgb, a.alpha),
    "quality": lambda a: [
        quality.signals(a.square, [a.square, a.square]),
        quality.signals(a.square, (), a.alpha),
        quality.merge([a.square, a.square.T, a.square]),
        quality.placed(a.square, quality.near_box(a.square), a.square.shape),
    ],
}


class Arrays:
    """One of each kind of array, none of which can be written to."""

    def __init__(self, height: int, width: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
        ramp = np.linspace(-1, 2, height * width, dtype=np.float32).reshape(height, width)
        self.alpha = np.clip(ramp, 0, 1)
        self.image = self.rgb / 255
        self.fit = rng.random((height, width, 4), np.float32)
        self.trimap = np.full((height, width), 128, np.uint8)
        self.trimap.flat[0], self.trimap.flat[-1] = 0, 255
        self.square = rng.random((64, 64), np.float32)
        for array in vars(self).values():
            array.flags.writeable = False

    def content(self) -> dict[str, bytes]:
        return {name: array.tobytes() for name, array in vars(self).items()}


@pytest.mark.parametrize("run", FUNCTIONS.values(), ids=FUNCTIONS)
@settings(max_examples=10)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 9))
def test_inputs_are_unchanged_bit_for_bit(run, height, width, seed):
    arrays = Arrays(height, width, seed)
    before = arrays.content()
    run(arrays)
    assert arrays.content() == before
