"""Which alignment of edges a request gets: matting draws its band from the model's own doubts."""

import pytest

from cutout.options import Options
from cutout.pipeline.path import edges_for


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
