"""Views of a matte: the grey mask and the overlay."""

import numpy as np

from cutout.compose.views import grey_mask, overlay


def test_the_overlay_keeps_the_subject_and_tints_the_rest():
    alpha = np.zeros((100, 200), np.float32)
    alpha[30:50, 50:110] = 1
    rgb = np.full((100, 200, 3), 100, np.uint8)
    out = overlay(rgb, alpha, (255, 0, 0), 0.5)
    assert (out[alpha == 1] == 100).all()
    assert (out[alpha == 0] == (178, 50, 50)).all()


def test_the_grey_mask_rounds_to_the_nearest_level():
    alpha = np.arange(256, dtype=np.float32).reshape(16, 16) / 255
    np.testing.assert_array_equal(grey_mask(alpha).ravel(), np.arange(256))
