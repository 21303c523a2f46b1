import numpy as np
import pytest
from scipy import ndimage

from cutout import images, pipeline
from cutout.matting.guard import guarded, sure_parts
from cutout.matting.matte import METHODS, refine_matte
from cutout.options import Options
from cutout.refine.edges import snap_edges

SIZE = (300, 400)
BODY, LEG = np.s_[60:180, 120:280], np.s_[180:260, 150:156]
GROUND, SUBJECT = (120, 130, 90), (150, 90, 60)


def animal():
    """A body on a leg of six pixels, whose colour is nearly that of the ground: (rgb, mask)."""
    mask = np.zeros(SIZE, bool)
    mask[BODY] = mask[LEG] = True
    rgb = np.where(mask[..., None], np.uint8(SUBJECT), np.uint8(GROUND))
    rgb[LEG] = (124, 128, 90)
    noise = np.random.default_rng(0).normal(0, 6, rgb.shape)
    return np.uint8(np.clip(rgb + noise, 0, 255)), mask


def model_map(mask):
    """What a model says that is sure of the mask: its edge is soft, its middle one."""
    return np.clip(1.5 * ndimage.gaussian_filter(np.float32(mask), 1) - 0.25, 0, 1)


@pytest.mark.parametrize("method", METHODS)
def test_matting_without_the_guard_loses_a_thin_leg_and_with_it_keeps_it(method):
    rgb, mask = animal()
    alpha = model_map(mask)
    solved, _ = refine_matte(rgb, alpha, method)
    middle = np.s_[190:250, 152:154]
    assert solved[middle].min() < 0.5
    out = guarded(rgb, alpha, snap_edges(rgb, alpha), solved)
    assert out[middle].min() > 0.9


def test_the_edge_itself_is_not_sure():
    _, mask = animal()
    sure = sure_parts(model_map(mask))
    assert sure[100, 200] and not (sure & ~mask).any()
    assert not sure[60, 120:280].any()


def test_a_matte_that_changes_little_is_kept():
    rgb, mask = animal()
    alpha = model_map(mask)
    solved = np.clip(alpha + np.float32(0.2) * (alpha < 0.5) * (alpha > 0.01), 0, 1)
    np.testing.assert_array_equal(guarded(rgb, alpha, alpha, solved), solved)


def guarded_block(colour, model, level):
    """Mean alpha of a large part beside the body that the model gives `model`, matting `level`."""
    rgb, mask = animal()
    rgb[80:160, 290:350] = colour
    alpha = model_map(mask)
    alpha[80:160, 290:350] = model
    solved = alpha.copy()
    solved[80:160, 290:350] = level
    return guarded(rgb, alpha, alpha, solved)[85:155, 295:345].mean()


@pytest.mark.parametrize(
    "colour, level, taken", [(SUBJECT, 1, 1), (SUBJECT, 0.6, 0), (GROUND, 1, 0)]
)
def test_a_large_part_is_added_only_where_matte_and_colours_are_decided(colour, level, taken):
    result = guarded_block(colour, 0.2, level)
    assert result == pytest.approx(level if taken else 0.2, abs=0.05)


@pytest.mark.parametrize("level", [0.6, 1])
def test_a_large_part_of_which_the_model_is_unsure_is_left_to_matting(level):
    assert guarded_block(SUBJECT, 0.4, level) == pytest.approx(level, abs=0.05)


def test_a_large_part_that_the_model_has_is_not_taken_away_for_its_colours():
    assert guarded_block(GROUND, 0.85, 0) == pytest.approx(0.85, abs=0.05)


def test_a_map_that_is_unsure_of_most_of_the_image_leaves_it_to_matting():
    rgb, mask = animal()
    alpha = np.full(SIZE, 0.3, np.float32)
    alpha[BODY] = 1
    alpha[:40] = 0
    solved = np.float32(mask)
    solved[200:290, 10:110] = 1
    out = guarded(rgb, alpha, alpha, solved)
    np.testing.assert_array_equal(out[200:290, 10:110], 1)


class Fixed:
    input_size = 320
    calibration = None

    def __init__(self, alpha):
        self.alpha = alpha

    def finish(self, scores, size, fit="stretch"):
        return self.alpha.copy()


@pytest.mark.parametrize("method", METHODS)
def test_the_pipeline_keeps_the_leg_under_matting(method):
    rgb, mask = animal()
    job = pipeline.Job(
        pipeline.make_plan(Options(matting=method)), Fixed(model_map(mask)), infer=None
    )
    frame = pipeline.begin(images.DecodedImage(rgb, None, None, "PNG"))
    scores = pipeline.ScoreMap(model_map(mask)[:, :300])
    frame = pipeline.run(pipeline.MATTE, pipeline.Frame(frame.rgb, scores=scores), job)
    assert frame.matte[190:250, 152:154].min() > 0.9
