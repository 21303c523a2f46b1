"""Images of any size and ratio: nothing fails, the shape stays, and no input is written to."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutout.compose import geometry
from cutout.compose.backgrounds import blurred, cover, over
from cutout.compose.straight_alpha import compose
from cutout.compose.views import overlay
from cutout.matting.foreground import decontaminate
from cutout.matting.matte import METHODS, refine_matte
from cutout.matting.trimap import automatic_trimap
from cutout.refine import masks
from cutout.refine.edges import snap_edges

# (rgb, alpha) -> alpha of the same size.
MATTES = {
    "off": lambda rgb, alpha: snap_edges(rgb, alpha, "off"),
    "snap": lambda rgb, alpha: snap_edges(rgb, alpha, "snap"),
    "auto": lambda rgb, alpha: snap_edges(rgb, alpha, "auto"),
    "threshold": lambda rgb, alpha: masks.threshold(alpha, 0.5, 0.2),
    "drop_specks": lambda rgb, alpha: masks.drop_specks(alpha),
    "fill_holes": lambda rgb, alpha: masks.fill_holes(alpha),
    "smooth": lambda rgb, alpha: masks.smooth(alpha),
    "enhance_edges": lambda rgb, alpha: masks.enhance_edges(alpha),
    "feather": lambda rgb, alpha: masks.feather(alpha),
}
for _method in METHODS:
    MATTES[_method] = lambda rgb, alpha, method=_method: refine_matte(
        rgb, alpha, method, iterations=2
    )[0]
# (rgb, alpha) -> rgb of the same size.
COLOURS = {
    "decontaminate": decontaminate,
    "over": lambda rgb, alpha: over(rgb, alpha, (10, 200, 30))[0],
    "over in linear light": lambda rgb, alpha: over(rgb, alpha, rgb, 0.5, linear=True)[0],
    "blurred": blurred,
    "overlay": overlay,
    "cutout": lambda rgb, alpha: compose(rgb, alpha)[..., :3],
}
MAX_PIXELS, MAX_RATIO = 20_000, 2000
THIN = [(400, 1), (1000, 2), (2000, 5), (4000, 10), (20_000, 30)]
THIN += [shape[::-1] for shape in THIN]


@st.composite
def shapes(draw):
    """(height, width) from 1 x 1 on, as thin as 1 : 2000, of few pixels."""
    short = draw(st.integers(1, 60))
    ratio = 2 ** draw(st.floats(0, np.log2(MAX_RATIO)))
    long = min(max(short, round(short * ratio)), MAX_PIXELS // short)
    return (short, long) if draw(st.booleans()) else (long, short)


def image(shape, kind="noise", seed=0):
    """(rgb, alpha) that cannot be written to: the alpha flat, a ramp, a step, or noise."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (*shape, 3), np.uint8)
    along = np.linspace(-1, 2, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    alpha = {
        "empty": np.zeros(shape, np.float32),
        "full": np.ones(shape, np.float32),
        "half": np.full(shape, 0.5, np.float32),
        "ramp": np.clip(along, 0, 1),
        "step": (along > 0.5).astype(np.float32),
        "noise": rng.random(shape, np.float32),
    }[kind]
    rgb.flags.writeable = alpha.flags.writeable = False
    return rgb, alpha


images = st.builds(
    image,
    shapes(),
    st.sampled_from(["empty", "full", "half", "ramp", "step", "noise"]),
    st.integers(0, 3),
)
property_settings = functools.partial(settings, max_examples=40)


@pytest.mark.parametrize("run", MATTES.values(), ids=MATTES)
@property_settings()
@given(images)
def test_a_matte_of_any_size_stays_a_matte_of_that_size(run, drawn):
    check_matte(run, *drawn)


@pytest.mark.parametrize("run", MATTES.values(), ids=MATTES)
@pytest.mark.parametrize("kind", ["step", "noise"])
@pytest.mark.parametrize("shape", THIN)
def test_a_matte_of_a_long_thin_image_stays_a_matte(run, shape, kind):
    check_matte(run, *image(shape, kind))


def check_matte(run, rgb, alpha):
    before = rgb.tobytes(), alpha.tobytes()
    out = run(rgb, alpha)
    assert (out.shape, out.dtype) == (alpha.shape, np.float32)
    assert np.isfinite(out).all() and 0 <= out.min() <= out.max() <= 1
    assert (rgb.tobytes(), alpha.tobytes()) == before


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
@property_settings()
@given(images)
def test_colours_of_any_size_keep_their_size(run, drawn):
    check_colours(run, *drawn)


@pytest.mark.parametrize("run", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("shape", THIN)
def test_colours_of_a_long_thin_image_keep_their_size(run, shape):
    check_colours(run, *image(shape))


def check_colours(run, rgb, alpha):
    before = rgb.tobytes(), alpha.tobytes()
    out = run(rgb, alpha)
    assert (out.shape, out.dtype) == (rgb.shape, np.uint8)
    assert (rgb.tobytes(), alpha.tobytes()) == before


@property_settings()
@given(images)
def test_a_trimap_of_any_size_has_three_values(drawn):
    _, alpha = drawn
    trimap = automatic_trimap(alpha)
    assert trimap.shape == alpha.shape and set(np.unique(trimap)) <= {0, 128, 255}


@property_settings(max_examples=100)
@given(shapes(), shapes())
def test_a_background_of_any_size_covers_any_size(source, target):
    background, _ = image(source)
    out = cover(background, target)
    assert (out.shape, out.dtype) == ((*target, 3), np.uint8)


@pytest.mark.parametrize("size", [(300, 40), *THIN])
@pytest.mark.parametrize("background", [(1, 1000), (1000, 1), (1, 1), (40, 300)])
def test_a_long_thin_background_covers_and_is_covered(size, background):
    assert cover(image(background)[0], size).shape == (*size, 3)
    assert cover(image(size)[0], background).shape == (*background, 3)


@property_settings()
@given(images, st.integers(1, 300))
def test_crop_and_scale_of_any_size(drawn, max_size):
    rgb, alpha = drawn
    top, left, height, width = box = geometry.subject_box(alpha)
    assert top >= 0 and left >= 0 and height > 0 and width > 0
    assert top + height <= alpha.shape[0] and left + width <= alpha.shape[1]
    part, part_alpha = geometry.crop(rgb, alpha, box)
    assert part.shape == (height, width, 3) and part_alpha.shape == (height, width)
    small, small_alpha = geometry.fit_within(rgb, alpha, max_size)
    assert small.shape == (*small_alpha.shape, 3)
    assert max(small_alpha.shape) == min(max_size, max(alpha.shape))
    assert np.isfinite(small_alpha).all() and 0 <= small_alpha.min() <= small_alpha.max() <= 1
