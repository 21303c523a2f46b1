"""Which alignment of edges a request gets: matting draws its band from the model's own doubts."""

import numpy as np
import pytest
from standin import StandIn

from cutout import images
from cutout.options import Options
from cutout.pipeline import matte_of, plan
from cutout.pipeline.path import edges_for
from cutout.refine.edges import snap_edges


class Soft(StandIn):
    """Gives a matte that nowhere is surely subject, so that no trimap can be drawn from it."""

    def finish(self, scores, size, fit="stretch"):
        ramp = np.abs(np.linspace(-2, 2, size[1], dtype=np.float32))
        return np.tile(np.clip(1.4 - ramp, 0, 0.98), (size[0], 1))


@pytest.mark.parametrize(
    "edges, matting, expected",
    [
        ("auto", "off", "auto"),
        ("auto", "knn", "off"),
        ("auto", "closed-form", "off"),
        ("snap", "knn", "snap"),
        ("off", "off", "off"),
    ],
)
def test_auto_leaves_the_edges_to_matting(edges, matting, expected):
    assert edges_for(Options(edges=edges, matting=matting)) == expected


@pytest.mark.parametrize("method", ["closed-form", "knn"])
def test_a_skipped_matting_does_not_cost_the_edges(method):
    rgb = np.zeros((80, 120, 3), np.uint8)
    rgb[:, 40:85] = 250, 180, 90
    model = Soft()
    picture = images.DecodedImage(rgb, None, None, "png")
    made = matte_of(picture, plan(Options(matting=method)), model, lambda x: model.infer([x])[0])
    assert "skipped" in made.warnings[0]
    own = model.finish(None, rgb.shape[:2])
    np.testing.assert_array_equal(made.alpha, snap_edges(rgb, own))
    assert not np.array_equal(made.alpha, own)
