"""Options that place the subject: crop, size, canvas, shadow."""

import numpy as np
import pytest
from test_api import post, problem
from test_options import cut


def test_crop_goes_to_the_subject_with_its_margin(client, disc_png):
    _, tight = cut(client, disc_png, crop="on")
    _, wide = cut(client, disc_png, crop="on", crop_margin="10px")
    assert 74 <= tight.shape[0] <= 88
    assert (wide.shape[0], wide.shape[1]) == (tight.shape[0] + 20, tight.shape[1] + 20)


def test_max_size_scales_down_and_never_up(client, disc_png):
    assert cut(client, disc_png, max_size="80")[1].shape == (60, 80, 4)
    assert cut(client, disc_png, max_size="8000")[1].shape == (120, 160, 4)


def test_a_canvas_has_its_size_and_the_subject_its_share_in_the_middle(client, disc_png):
    _, result = cut(client, disc_png, canvas="400x300", scale="50%", background="white")
    rows, columns = np.nonzero((result != 255).any(axis=2))
    assert result.shape == (300, 400, 3)
    assert (np.ptp(rows) + 1) == pytest.approx(150, abs=4)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(150, abs=3)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(200, abs=3)


def test_a_subject_can_stand_on_the_lower_border_of_its_canvas(client, disc_png):
    _, result = cut(client, disc_png, canvas="300x300", scale="40%", position="50% 100%")
    assert np.nonzero(result[..., 3])[0].max() == 299


def test_a_shadow_lies_under_the_subject_and_on_the_background(client, disc_png):
    shadow = {"shadow": "drop", "shadow_offset": "0 20px", "shadow_blur": "0px"}
    _, plain = cut(client, disc_png)
    _, result = cut(client, disc_png, **shadow)
    below = (plain[..., 3] == 0) & (result[..., 3] > 0)
    assert below.sum() > 500
    assert set(np.unique(result[below][:, 3])) <= set(range(100, 130))
    assert result[below][:, :3].max() == 0
    solid = plain[..., 3] == 255
    np.testing.assert_array_equal(result[solid], plain[solid])
    _, on_white = cut(client, disc_png, background="white", **shadow)
    assert 120 <= on_white[below].mean() <= 135


@pytest.mark.parametrize(
    "options",
    [
        {"canvas": "0x10"},
        {"canvas": "10001x1"},
        {"scale": "5%"},
        {"position": "left"},
        {"shadow": "drop", "shadow_offset": "1"},
        {"shadow": "drop", "shadow_blur": "-3"},
        {"shadow_opacity": "0.2"},
        {"shadow": "drop", "output": "mask"},
        {"canvas": "100x100", "background": "blur"},
    ],
)
def test_a_wrong_canvas_or_shadow_is_refused(client, disc_png, options):
    problem(post(client, "/remove-bg", image=disc_png, **options), 400, "invalid_value")
