import numpy as np
import pytest

from cutout import images, pipeline, quality
from cutout.options import Options
from cutout.quality import views
from cutout.quality.maps import resized


def disc_and_part(part=0.0, ground=0.0, rows=slice(110, 210), columns=slice(210, 270)):
    """A map (320, 320): a disc at 1, and beside it a part at the level given."""
    y, x = np.mgrid[:320, :320]
    one = np.where((y - 160) ** 2 + (x - 110) ** 2 < 60**2, 1, ground)
    one[rows, columns] = part
    return np.float32(one)


def unsure():
    """A map that is half sure of a large area: its predicted IoU is low."""
    one = np.zeros((320, 320), np.float32)
    one[20:300, 20:300] = 0.45
    one[60:120, 60:120] = 1
    return one


LARGE = {"rows": slice(110, 210), "columns": slice(210, 270)}
MEDIUM = {"rows": slice(150, 170), "columns": slice(210, 230)}
SMALL = {"rows": slice(150, 158), "columns": slice(210, 220)}


def test_an_unsure_map_needs_a_second_look_and_a_decided_one_does_not():
    assert quality.needs_second_look(unsure())
    assert not quality.needs_second_look(disc_and_part())


@pytest.mark.parametrize("found", [0.0, 1.0])
def test_a_large_part_stays_as_the_first_view_has_it(found):
    first, other = disc_and_part(found, **LARGE), disc_and_part(1 - found, **LARGE)
    merged = quality.merge([first, other, other])
    np.testing.assert_allclose(merged[120:200, 220:260], found, atol=0.01)


@pytest.mark.parametrize("second, value", [(1.0, 1), (0.45, 0)])
def test_a_medium_part_is_added_only_where_each_of_the_other_views_has_it(second, value):
    maps = [disc_and_part(level, **MEDIUM) for level in (0.0, 1.0, second)]
    assert views.voted(maps, [0.8] * 3)[160, 220] > 0.5
    np.testing.assert_allclose(quality.merge(maps)[155:165, 215:225], value, atol=0.01)


@pytest.mark.parametrize("finders, value", [([0], 1), ([1, 2], 1), ([1], 0), ([], 0)])
def test_a_small_part_is_kept_when_the_first_view_or_both_others_found_it(finders, value):
    maps = [disc_and_part(float(place in finders), **SMALL) for place in range(3)]
    merged = quality.merge(maps)
    np.testing.assert_allclose(merged[152:156, 212:218], value, atol=0.01)


def test_a_surer_view_decides_on_large_parts_where_the_first_is_unsure():
    sure = disc_and_part(1, **LARGE)
    assert views.predicted_iou(unsure()) < views.UNSURE < views.predicted_iou(sure)
    merged = quality.merge([unsure(), sure, sure])
    assert ((merged > 0.5) == (sure > 0.5)).mean() > 0.95


def test_a_less_sure_view_does_not_decide_where_both_are_unsure():
    first, other = unsure() * np.float32(0.9), unsure()[:, ::-1] * np.float32(0.5)
    merged = quality.merge([first, other])
    assert merged[60:120, 60:120].min() > 0.5 > merged[60:120, 200:260].max()


def test_views_that_agree_merge_to_their_own_map():
    one = disc_and_part(0.7)
    np.testing.assert_allclose(quality.merge([one, one, one]), one, atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 0.03, 0.4, 1.0])
def test_flat_views_make_a_flat_map_of_their_level(level):
    flat = np.full((32, 32), level, np.float32)
    merged = views.voted([flat, flat, flat], [0.5, 0.5, 0.5])
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged, level, atol=1e-6)


def test_a_view_that_found_nothing_does_not_dominate():
    rng = np.random.default_rng(0)
    strong, faint = rng.random((2, 320, 320), np.float32) * np.float32(0.01)
    strong[100:200, 100:200] = 1
    assert quality.merge([strong, faint])[0:90].max() < 0.02


def test_mirroring_twice_gives_the_same_and_is_contiguous():
    tensor = np.random.default_rng(0).random((3, 32, 32), np.float32)
    once = quality.mirrored(tensor)
    np.testing.assert_array_equal(once, tensor[:, :, ::-1])
    assert once.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(quality.mirrored(once), tensor)


def test_the_near_box_holds_the_subject_and_a_fifth_of_its_sides():
    scores = np.zeros((320, 300), np.float32)
    scores[100:200, 50:100] = 1
    assert quality.near_box(scores) == (80, 40, 140, 70)


def test_the_near_box_ends_at_the_border_and_is_everything_without_a_subject():
    scores = np.zeros((100, 80), np.float32)
    assert quality.near_box(scores) == (0, 0, 100, 80)
    scores[:50, 40:] = 1
    assert quality.near_box(scores) == (0, 32, 60, 48)


def test_a_near_map_is_put_back_where_it_was_seen():
    whole = disc_and_part()
    top, left, height, width = box = quality.near_box(whole)
    part = resized(whole[top : top + height, left : left + width], 320)
    back = quality.placed(np.float32(part), box, whole.shape)
    assert np.abs(back - whole).mean() < 0.005


@pytest.mark.parametrize("size", [160, 256, 320, 384, 512])
def test_resizing_keeps_constants_and_range(size):
    flat = resized(np.full((320, 320), 0.25, np.float32), size)
    np.testing.assert_allclose(flat, 0.25, atol=1e-6)
    noise = resized(np.random.default_rng(0).random((320, 320), np.float32), size)
    assert noise.shape == (size, size)
    assert 0 <= noise.min() <= noise.max() <= 1 + 1e-6


class Brightness:
    """The map is the image's brightness, faint, so that a second look is needed."""

    input_size = 64
    input_sizes = (64,)
    calibration = None

    def __init__(self):
        self.asked = []

    def prepare(self, rgb, side=None, fit="stretch"):
        grey = np.float32(rgb.mean(axis=2)) / 255
        return np.stack([resized_to(grey, side)] * 3)

    def infer(self, tensor):
        self.asked.append(tensor)
        return tensor[0]

    def finish(self, scores, size, fit="stretch"):
        return quality.at_size(np.ascontiguousarray(scores), size)


def resized_to(grey, side):
    import cv2

    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)


def decoded(rgb):
    return images.DecodedImage(rgb, None, None, "PNG")


def look(rgb, quality_option):
    model = Brightness()
    job = pipeline.Job(pipeline.make_plan(Options(quality=quality_option)), model, model.infer)
    return pipeline.make_matte(decoded(rgb), job), model.asked


@pytest.fixture
def faint():
    rgb = np.full((128, 128, 3), 10, np.uint8)
    rgb[30:100, 30:100] = 110
    rgb[40:70, 40:60] = 250
    return rgb


@pytest.mark.parametrize("option, passes", [("standard", 1), ("best", 3)])
def test_best_asks_the_model_thrice_where_it_is_unsure(faint, option, passes):
    frame, asked = look(faint, option)
    assert len(asked) == passes
    assert frame.matte.shape == (128, 128)


def test_best_asks_the_model_once_where_it_is_sure():
    rgb = np.zeros((128, 128, 3), np.uint8)
    rgb[30:100, 30:100] = 250
    _, asked = look(rgb, "best")
    assert len(asked) == 1
