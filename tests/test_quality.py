import dataclasses

import numpy as np
import pytest

from cutout.errors import ModelFailed
from cutout.quality import Signals, signals


def disc(radius=60, centre=(160, 160), size=320, soft=2.0):
    """A soft disc: (size, size) float32 scores, 1 inside, a `soft`-pixel ramp at the edge."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - centre[0], x - centre[1]) - radius
    return np.clip(0.5 - distance / (2 * soft), 0, 1).astype(np.float32)


def test_coverage_is_the_share_of_the_image():
    assert signals(disc(60)).coverage == pytest.approx(np.pi * 60**2 / 320**2, rel=0.01)


@pytest.mark.parametrize("discs", [1, 2, 4])
def test_components_are_counted(discs):
    centres = [(80, 80), (80, 240), (240, 80), (240, 240)][:discs]
    scores = np.max([disc(30, centre) for centre in centres], axis=0)
    assert signals(scores).components == discs


def test_a_speck_is_no_component():
    scores = disc(60)
    scores[5, 5] = 1
    assert signals(scores).components == 1


@pytest.mark.parametrize(
    "centre, sides",
    [
        ((160, 160), ()),
        ((0, 160), ("top",)),
        ((160, 319), ("right",)),
        ((319, 160), ("bottom",)),
        ((160, 0), ("left",)),
        ((319, 319), ("right", "bottom")),
    ],
)
def test_sides_touched_are_named(centre, sides):
    assert signals(disc(60, centre)).touches_border == sides


def test_uncertain_share_grows_with_the_soft_band():
    shares = [signals(disc(60, soft=soft)).uncertain_share for soft in (1, 4, 16)]
    assert shares[0] < shares[1] < shares[2] < 1


def test_mean_confidence_is_the_raw_score_inside():
    assert signals(disc(60, soft=0.01) * 0.7).mean_confidence == pytest.approx(0.7)


@pytest.mark.parametrize("level", [0.0, 0.02, 0.07])
def test_a_faint_map_has_no_subject_however_it_would_stretch(level):
    found = signals(disc(60) * level)
    assert not found.subject_found
    assert found.mean_confidence <= level


@pytest.mark.parametrize("radius", [13, 60, 200])
def test_a_strong_map_has_a_subject_small_or_large(radius):
    assert signals(disc(radius)).subject_found


def test_one_bright_pixel_is_no_subject():
    scores = np.zeros((320, 320), np.float32)
    scores[100, 100] = 1
    assert not signals(scores).subject_found


@pytest.mark.parametrize("value", [0.0, 0.03, 1.0])
def test_a_flat_map_has_no_subject(value):
    flat = signals(np.full((320, 320), value, np.float32))
    assert (flat.coverage, flat.components, flat.touches_border) == (0.0, 0, ())
    assert flat.mean_confidence == 0.0
    assert not flat.subject_found


@pytest.mark.parametrize("size", [256, 320, 384, 512])
def test_the_size_of_the_map_does_not_matter(size):
    scaled = disc(0.2 * size, (size / 2, size / 2), size, soft=size / 100)
    assert signals(scaled).coverage == pytest.approx(np.pi * 0.2**2, rel=0.01)
    assert signals(scaled).uncertain_share == pytest.approx(0.0201, abs=0.002)


@pytest.mark.parametrize(
    "bad",
    [
        np.full((4, 4), np.nan),
        np.array([[0.0, np.inf]]),
        np.zeros((0, 0)),
        np.zeros((1, 320, 320)),
    ],
)
def test_an_unusable_map_raises_model_failed(bad):
    with pytest.raises(ModelFailed):
        signals(bad)


def test_the_scores_are_not_changed():
    scores = disc(60)
    before = scores.copy()
    signals(scores)
    np.testing.assert_array_equal(scores, before)


def test_as_dict_is_plain_json_with_every_field():
    fields = signals(disc(60, (0, 0))).as_dict()
    assert set(fields) == {field.name for field in dataclasses.fields(Signals)}
    assert fields["touches_border"] == ["top", "left"]
    assert {type(value) for value in fields.values()} <= {float, int, bool, list}
