"""Strokes by hand: one corrects the region it lies in, and nothing that it does not reach."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutout.matting.matte import METHODS
from cutout.measures import iou
from cutout.options import Options
from cutout.pipeline import Extras, Job, make_plan, run
from cutout.pipeline.frame import Frame
from cutout.pipeline.order import MATTE
from cutout.pipeline.scores import ScoreMap
from cutout.refine.edges import snap_edges
from cutout.refine.hints import Strokes, apply_hints, strokes_at

SIZE = (480, 640)
GROUND, SHIRT, TROUSERS, LAMP = (90, 120, 150), (200, 60, 50), (40, 70, 40), (230, 210, 90)
# Boxes (top, bottom, left, right): two parts of the subject, the lamp behind it, far from both.
BOXES = {"shirt": (80, 240, 240, 400), "trousers": (240, 440, 250, 390), "lamp": (60, 200, 40, 130)}


def box(name):
    mask = np.zeros(SIZE, bool)
    top, bottom, left, right = BOXES[name]
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def rgb():
    image = np.full((*SIZE, 3), GROUND, np.float32)
    for name, colour in {"shirt": SHIRT, "trousers": TROUSERS, "lamp": LAMP}.items():
        image[box(name)] = colour
    noise = np.random.default_rng(0).normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def model_map(mask):
    """The map of a model with 320 cells that sees this mask."""
    cells = cv2.resize(mask.astype(np.float32), (320, 320), interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (0, 0), 1)
    return np.clip(cv2.resize(cells, SIZE[::-1]), 0, 1)


def line(begin, end, width=12, size=SIZE):
    """A stroke from one place (row, column) to another."""
    plane = np.zeros(size, np.uint8)
    cv2.line(plane, begin[::-1], end[::-1], 255, width)
    return plane


BELOW_THE_SHIRT = slice(250, 430), slice(260, 380)
TROUSERS_LINE = line((280, 320), (400, 320))
LAMP_LINE = line((90, 85), (170, 85))


def test_one_stroke_brings_the_whole_missed_part(rgb):
    alpha = model_map(box("shirt"))
    out = apply_hints(rgb, alpha, strokes_at(TROUSERS_LINE, None, SIZE))
    truth = box("shirt") | box("trousers")
    assert iou(alpha > 0.5, truth) < 0.55
    assert iou(out > 0.5, truth) > 0.95


def test_no_seam_is_left_between_a_found_part_and_the_one_that_was_missed(rgb):
    out = apply_hints(rgb, model_map(box("shirt")), strokes_at(TROUSERS_LINE, None, SIZE))
    assert out[100:420, 300:340].min() > 0.95
    assert snap_edges(rgb, out)[100:420, 300:340].min() > 0.98


def test_one_stroke_erases_the_whole_part_that_was_wrongly_kept(rgb):
    truth = box("shirt") | box("trousers")
    out = apply_hints(rgb, model_map(truth | box("lamp")), strokes_at(None, LAMP_LINE, SIZE))
    assert out[66:194, 46:124].max() < 0.1
    assert iou(out > 0.5, truth) > 0.98


def test_the_map_is_unchanged_where_strokes_do_not_reach(rgb):
    alpha = model_map(box("shirt") | box("trousers") | box("lamp"))
    alpha += np.float32(0.2) * np.random.default_rng(1).random(SIZE, np.float32) * (1 - alpha)
    out = apply_hints(rgb, alpha, strokes_at(None, LAMP_LINE, SIZE))
    assert not np.array_equal(out[:, :140], alpha[:, :140])
    np.testing.assert_array_equal(out[:, 230:], alpha[:, 230:])


def test_a_stroke_in_what_is_right_moves_no_edge(rgb):
    alpha = model_map(box("shirt"))
    out = apply_hints(rgb, alpha, strokes_at(line((140, 290), (180, 350)), None, SIZE))
    assert iou(out > 0.5, box("shirt")) >= iou(alpha > 0.5, box("shirt")) - 0.005
    np.testing.assert_array_equal(out[:50], alpha[:50])
    assert out[BELOW_THE_SHIRT].max() < 0.1


def test_alpha_is_exact_under_strokes(rgb):
    keep, erase = line((300, 270), (300, 600), 3), line((20, 0), (20, 639), 1)
    alpha = np.random.default_rng(2).random(SIZE, np.float32)
    out = apply_hints(rgb, alpha, strokes_at(keep, erase, SIZE))
    assert (out[keep > 0] == 1).all()
    assert (out[erase > 0] == 0).all()


def test_two_strokes_share_the_ground_between_them(rgb):
    """The same flat colour on both sides: each stroke holds what is nearer to it."""
    keep, erase = line((100, 500), (400, 500)), line((100, 600), (400, 600))
    alpha = np.full(SIZE, 0.5, np.float32)
    out = apply_hints(rgb, alpha, strokes_at(keep, erase, SIZE))
    assert out[250, 530] > 0.6 > 0.4 > out[250, 570]


@pytest.mark.parametrize("level, counts", [(0, False), (127, False), (128, True), (255, True)])
def test_a_stroke_is_what_is_lighter_than_the_middle(level, counts):
    strokes = strokes_at(np.full((3, 4), level, np.uint8), None, (30, 40))
    assert strokes.kept.all() == strokes.kept.any() == counts


def test_erase_holds_where_both_are():
    both = np.full((5, 5), 255, np.uint8)
    strokes = strokes_at(both, both, (9, 7))
    assert strokes.erased.all()
    assert not strokes.kept.any()


@pytest.mark.parametrize("scale", [0.25, 3.0])
def test_strokes_are_scaled_to_the_image(scale):
    size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    scaled = cv2.resize(TROUSERS_LINE, size[::-1], interpolation=cv2.INTER_AREA)
    found = strokes_at(scaled, None, SIZE).kept
    assert iou(found, TROUSERS_LINE > 0) > 0.75


def test_a_stroke_of_one_pixel_corrects_its_region_too(rgb):
    thin = line((280, 320), (400, 320), 1)
    out = apply_hints(rgb, model_map(box("shirt")), strokes_at(thin, None, SIZE))
    assert iou(out > 0.5, box("shirt") | box("trousers")) > 0.95


shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
fills = st.sampled_from(["empty", "full", "border", "noise"])
THIN = [(1, 1), (5, 2000), (2000, 5), (1, 20_000), (30_000, 2)]


def plane(shape, fill, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    border = np.zeros(shape, np.uint8)
    border[0], border[:, -1] = 255, 255
    known = {"empty": np.zeros(shape, np.uint8), "full": np.full(shape, 255, np.uint8)}
    return {**known, "border": border, "noise": noise}[fill]


@settings(max_examples=150)
@given(shapes, shapes, shapes, fills, fills, fills)
def test_hints_of_any_size_fit_an_image_of_any_size(shape, one, other, fill, keeps, erases):
    check(shape, fill, plane(one, keeps), plane(other, erases, 1))


@pytest.mark.parametrize("shape", THIN)
@pytest.mark.parametrize("strokes", [(1, 1), (3, 5), (7, 3000), (3000, 7)])
def test_hints_fit_long_thin_images(shape, strokes):
    check(shape, "noise", plane(strokes, "border"), None)
    check(shape, "full", None, plane(strokes, "noise"))


def check(shape, fill, keep, erase):
    rgb = np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8)
    alpha = plane(shape, fill, 4).astype(np.float32) / 255
    given = [array for array in (rgb, alpha, keep, erase) if array is not None]
    for array in given:
        array.flags.writeable = False
    strokes = strokes_at(keep, erase, shape)
    out = apply_hints(rgb, alpha, strokes)
    assert (out.shape, out.dtype) == (shape, np.float32)
    assert 0 <= out.min() <= out.max() <= 1
    assert (out[strokes.kept] == 1).all()
    assert (out[strokes.erased] == 0).all()
    assert not np.shares_memory(out, alpha)
    if not (strokes.kept.any() or strokes.erased.any()):
        np.testing.assert_array_equal(out, alpha)


class Fixed:
    """A model that is asked for nothing but its finished map."""

    input_size = 320
    input_sizes = (320,)
    calibration = None

    def __init__(self, alpha):
        self.alpha = alpha

    def finish(self, scores, size, fit="stretch"):
        return self.alpha.copy()


def matte(rgb, alpha, extras, **options):
    """The matte of a map under the pipeline's own steps."""
    plan = make_plan(Options(**options), extras)
    frame = Frame(rgb, scores=ScoreMap(np.zeros((1, 1), np.float32)))
    if extras.region:
        top, left, height, width = extras.region
        part = np.ascontiguousarray(rgb[top : top + height, left : left + width])
        frame = Frame(part, whole=rgb, scores=frame.scores)
    return run(MATTE, frame, Job(plan, Fixed(alpha), infer=None)).matte


@pytest.mark.parametrize("edges", ["auto", "snap"])
def test_edges_are_aligned_after_the_map_was_corrected(rgb, edges):
    extras, truth = Extras(keep=TROUSERS_LINE), box("shirt") | box("trousers")
    coarse = matte(rgb, model_map(box("shirt")), extras, edges="off")
    out = matte(rgb, model_map(box("shirt")), extras, edges=edges)
    assert np.abs(out - truth).mean() < 0.7 * np.abs(coarse - truth).mean()
    assert (out[TROUSERS_LINE > 0] == 1).all()


@pytest.mark.parametrize("method", METHODS)
def test_matting_draws_its_trimap_from_the_corrected_map_and_keeps_strokes(rgb, method):
    # Across the edge of the trousers, where the trimap alone would be unknown.
    erase = line((300, 394), (400, 394), 4)
    extras = Extras(keep=TROUSERS_LINE, erase=erase)
    out = matte(rgb, model_map(box("shirt")), extras, matting=method)
    assert iou(out > 0.5, box("shirt") | box("trousers")) > 0.97
    assert (out[TROUSERS_LINE > 0] == 1).all()
    assert (out[erase > 0] == 0).all()


def test_strokes_hold_over_a_trimap_of_the_caller(rgb):
    truth = box("shirt") | box("trousers")
    trimap = np.where(truth, 255, 0).astype(np.uint8)
    trimap[230:250] = 128
    extras = Extras(trimap=trimap, erase=LAMP_LINE, keep=line((20, 20), (20, 100)))
    out = matte(rgb, model_map(truth), extras, matting="closed-form")
    assert (out[extras.keep > 0] == 1).all()


def test_strokes_are_drawn_on_the_whole_image_where_a_region_is_worked_on(rgb):
    top, left, height, width = region = (200, 200, 280, 240)
    part = model_map(box("shirt"))[top : top + height, left : left + width]
    out = matte(rgb, part, Extras(keep=TROUSERS_LINE, region=region))
    assert out[box("trousers")].mean() > 0.97
    assert (out[TROUSERS_LINE > 0] == 1).all()


def test_without_strokes_the_map_comes_back_as_a_new_array(rgb):
    alpha = model_map(box("shirt"))
    none = np.zeros(SIZE, bool)
    out = apply_hints(rgb, alpha, Strokes(none, none))
    np.testing.assert_array_equal(out, alpha)
    assert out is not alpha
