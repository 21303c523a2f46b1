import numpy as np
import pytest

from cutout.quality import signals


def scores(*parts):
    """A map (320, 320) of ones in the parts, zero elsewhere."""
    one = np.zeros((320, 320), np.float32)
    for part in parts:
        one[part] = 1
    return one


BODY, LEG = np.s_[100:180, 100:220], np.s_[180:260, 120:125]
FAR, TINY = np.s_[20:60, 20:60], np.s_[100:130, 100:130]


def flags(map_, final=None):
    return signals(map_, (), final).flags


def test_a_plain_subject_has_no_flags():
    assert flags(scores(BODY)) == ()


@pytest.mark.parametrize(
    "map_, flag",
    [
        (scores(BODY, FAR), "several_subjects"),
        (scores(np.s_[100:320, 100:220]), "touches_border"),
        (scores(TINY), "small_subject"),
        (scores(BODY) * 0.02, "no_subject"),
        (np.maximum(scores(BODY), 0.45 * scores(np.s_[20:300, 20:300])), "low_confidence"),
    ],
)
def test_what_the_map_shows_is_named(map_, flag):
    assert flags(map_) == (flag,)


def test_a_thin_part_that_the_final_alpha_has_lost_is_named():
    assert flags(scores(BODY, LEG), scores(BODY)) == ("thin_parts_lost", "parts_lost")


def test_a_thick_part_that_was_lost_or_added_is_named():
    assert "parts_lost" in flags(scores(BODY, FAR), scores(BODY))
    assert "thin_parts_lost" not in flags(scores(BODY, FAR), scores(BODY))
    assert "parts_added" in flags(scores(BODY), scores(BODY, FAR))


def test_an_edge_that_moved_by_a_pixel_is_no_lost_part():
    moved = np.roll(scores(BODY, LEG), 1, axis=1)
    assert flags(scores(BODY, LEG), moved) == ()


def test_the_final_alpha_may_have_any_size():
    large = np.kron(scores(BODY), np.ones((4, 3), np.float32))
    assert flags(scores(BODY, LEG), large) == ("thin_parts_lost", "parts_lost")
    assert flags(scores(BODY), large) == ()


def test_the_predicted_iou_falls_with_what_the_final_alpha_has_lost():
    map_ = scores(BODY, FAR)
    values = [
        signals(map_, (), final).predicted_iou
        for final in (scores(BODY, FAR), scores(BODY), scores(FAR))
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1] + 0.2


def test_coverage_components_and_border_are_those_of_the_final_alpha():
    found = signals(scores(BODY), (), scores(np.s_[:, :32], FAR))
    assert found.coverage == pytest.approx(0.1 + 28 * 40 / 320**2, abs=0.001)
    assert found.touches_border == ("top", "bottom", "left")
