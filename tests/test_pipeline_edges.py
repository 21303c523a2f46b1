"""Which alignment of edges a request gets: matting draws its band where the model is uncertain."""

import numpy as np
import pytest
from standin import StandIn

from cutout import images
from cutout.options import Options
from cutout.pipeline import Job, make_matte, make_plan
from cutout.pipeline.matte_steps import edge_mode
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
    assert edge_mode(Options(edges=edges, matting=matting)) == expected


@pytest.mark.parametrize("method", ["closed-form", "knn"])
def test_a_skipped_matting_does_not_cost_the_edges(method):
    rgb = np.zeros((80, 120, 3), np.uint8)
    rgb[:, 40:85] = 250, 180, 90
    model = Soft()
    image = images.DecodedImage(rgb, None, None, "png")
    plan = make_plan(Options(matting=method))
    frame = make_matte(image, Job(plan, model, lambda x: model.infer([x])[0]))
    assert "skipped" in frame.warnings[0]
    own = model.finish(None, rgb.shape[:2])
    np.testing.assert_array_equal(frame.alpha, snap_edges(rgb, own))
    assert not np.array_equal(frame.alpha, own)
