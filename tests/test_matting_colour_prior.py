"""The colour prior: right where the sides differ in colour, without confidence where not."""

import numpy as np
import pytest

from cutout.matting.colour_prior import colour_prior


def halves(left, right, noise=0.02, size=(60, 90)):
    """An image of two colours, the middle third unknown, the true subject on the right."""
    image = np.empty((*size, 3))
    image[:, :45], image[:, 45:] = left, right
    image = np.clip(image + np.random.default_rng(0).normal(0, noise, image.shape), 0, 1)
    trimap = np.zeros(size, np.uint8)
    trimap[:, 30:60], trimap[:, 60:] = 128, 255
    return image, trimap


def test_unknown_pixels_join_the_side_of_their_colour():
    prior = colour_prior(*halves((0.8, 0.2, 0.2), (0.2, 0.3, 0.8)))
    alpha, confidence = prior.alpha.reshape(60, 30), prior.confidence.reshape(60, 30)
    assert alpha[:, :15].max() < 0.1 and alpha[:, 15:].min() > 0.9
    assert confidence.min() > 0.6


def test_sides_of_the_same_colour_give_no_confidence():
    strong = colour_prior(*halves((0.8, 0.2, 0.2), (0.2, 0.3, 0.8)))
    # Noise far above the distance in place: only colour could separate the sides, and it does not.
    weak = colour_prior(*halves((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), noise=0.3))
    assert weak.confidence.mean() < 0.1 * strong.confidence.mean()


def test_two_runs_give_the_same_bits():
    scene = halves((0.8, 0.2, 0.2), (0.2, 0.3, 0.8))
    for one, other in zip(colour_prior(*scene), colour_prior(*scene), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [0, 255])
def test_a_missing_side_gives_no_confidence(value):
    image, trimap = halves((0.8, 0.2, 0.2), (0.2, 0.3, 0.8))
    prior = colour_prior(image, np.where(trimap == 128, np.uint8(128), np.uint8(value)))
    np.testing.assert_array_equal(prior.alpha, 0.5)
    np.testing.assert_array_equal(prior.confidence, 0)


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_few_certain_pixels_are_enough(samples):
    image, _ = halves((0.8, 0.2, 0.2), (0.2, 0.3, 0.8))
    trimap = np.full((60, 90), 128, np.uint8)
    trimap[30, 44 - samples : 44], trimap[30, 46 : 46 + samples] = 0, 255
    prior = colour_prior(image, trimap)
    assert prior.alpha.shape == ((trimap == 128).sum(),)
    assert (
        np.isfinite(prior.alpha).all()
        and 0 <= prior.confidence.min() <= prior.confidence.max() <= 1
    )
