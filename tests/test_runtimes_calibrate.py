import json

import numpy as np
import pytest

from cutout.runtimes import graphs
from cutout.runtimes.calibrate import (
    copied,
    measure_ranges,
    nodes_in_fp32,
    output_nodes,
    ranges_json,
)
from cutout.runtimes.derived import shipped_ranges


@pytest.fixture(scope="module")
def model(u2netp_path):
    return graphs.simplify(u2netp_path)


def test_the_shipped_ranges_keep_the_same_nodes_in_fp32(model):
    shipped = shipped_ranges("u2netp")
    assert nodes_in_fp32(model, shipped["tensors"]) == shipped["keep_fp32"]


def test_what_joins_the_side_outputs_is_kept_in_fp32(model):
    operators = {node.name: node.op_type for node in model.graph.node}
    found = [operators[name] for name in output_nodes(model)]
    assert found == ["Conv", "Concat", *["Resize"] * 5]


def test_a_graph_that_ends_in_a_wide_convolution_keeps_nothing(model):
    inner = copied(model)
    wide = next(node for node in reversed(model.graph.node) if node.op_type == "Relu")
    inner.graph.output[0].name = wide.output[0]
    assert output_nodes(inner) == []


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
    ranges = {
        "tensors": {"a": [-1.5, 2.25]},
        "keep_fp32": ["c"],
        "method": "mean",
        "images": 3,
        "bias_corrections": {"b": [0.25, -1e-05], "d": [0.5]},
    }
    assert json.loads(ranges_json(ranges)) == ranges
