import json

import numpy as np
import pytest

from cutout.runtimes import graphs
from cutout.runtimes.calibrate import measure_ranges, ranges_json, unequal_concats
from cutout.runtimes.derived import shipped_ranges


@pytest.fixture(scope="module")
def model(u2netp_path):
    return graphs.simplify(u2netp_path)


def test_the_shipped_ranges_keep_the_same_nodes_in_fp32(model):
    shipped = shipped_ranges("u2netp")
    assert unequal_concats(model, shipped["tensors"]) == shipped["keep_fp32"]


def test_ranges_combine_the_extremes_of_single_images(model):
    rng = np.random.default_rng(0)
    tensors = [rng.uniform(-1, 1, (3, 64, 64)).astype(np.float32) * scale for scale in (1, 2)]
    nodes = len(model.graph.node)
    ranges = measure_ranges(model, tensors, "minmax")
    low, high = ranges["tensors"][graphs.INPUT]
    assert (low, high) == (tensors[1].min(), tensors[1].max())
    assert ranges["images"] == 2
    assert len(model.graph.node) == nodes
    assert ranges["tensors"].keys() == shipped_ranges("u2netp")["tensors"].keys()


def test_the_file_of_ranges_reads_back():
    ranges = {"tensors": {"a": [-1.5, 2.25]}, "keep_fp32": ["c"], "method": "mean", "images": 3}
    assert json.loads(ranges_json(ranges)) == ranges
