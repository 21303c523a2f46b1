"""Derived graphs: what they contain, when they are rebuilt, and that files are whole."""

import json
import logging
import multiprocessing
import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest

from cutout.errors import ConfigurationError
from cutout.runtimes import RuntimeConfig, checksums, derived, graphs, open_runtime
from cutout.runtimes.derived import derived_graph, derived_key, shipped_ranges

SHIPPED = ["u2net", "u2netp"]


@pytest.fixture(scope="module")
def config(u2netp_path, tmp_path_factory):
    return RuntimeConfig(
        weights=u2netp_path,
        sha256=sha256(u2netp_path.read_bytes()).hexdigest(),
        model_name="u2netp",
        input_size=320,
        cache_dir=tmp_path_factory.mktemp("cache"),
    )


def operators(path: Path) -> dict[str, int]:
    names = [node.op_type for node in onnx.load(path).graph.node]
    return {name: names.count(name) for name in set(names)}


@pytest.mark.weights
def test_the_fp32_graph_is_dynamic_in_batch_and_size_with_one_output(config):
    model = onnx.load(derived_graph(config, "fp32"))
    onnx.checker.check_model(model)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == ["batch", 3, "height", "width"]
    assert [value.name for value in model.graph.output] == [graphs.OUTPUT]
    assert model.opset_import[0].version == graphs.OPSET


@pytest.mark.weights
def test_no_node_computes_shapes_any_more(config):
    assert set(operators(derived_graph(config, "fp32"))) == {
        "Conv", "Relu", "Concat", "Resize", "MaxPool", "Add", "Sigmoid"
    }  # fmt: skip


@pytest.mark.weights
def test_every_convolution_of_the_8_bit_graph_reads_8_bits(config):
    model = onnx.load(derived_graph(config, "int8"))
    makers = {node.output[0]: node.op_type for node in model.graph.node}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    kept = shipped_ranges("u2netp")["keep_fp32"]
    read = {node.name: makers.get(node.input[0]) for node in convolutions if node.name not in kept}
    assert len(read) >= 117
    assert set(read.values()) == {"DequantizeLinear"}


@pytest.mark.weights
def test_a_built_graph_is_used_again(config):
    first = derived_graph(config, "fp32")
    stamp = first.stat().st_mtime_ns
    assert derived_graph(config, "fp32") == first
    assert first.stat().st_mtime_ns == stamp


@pytest.mark.weights
def test_a_damaged_graph_is_built_again(config, tmp_path):
    config = replace(config, cache_dir=tmp_path)
    graph = derived_graph(config, "fp32")
    whole = graph.read_bytes()
    flip_a_byte(graph)
    assert derived_graph(config, "fp32").read_bytes() == whole


@pytest.mark.weights
def test_a_damaged_compiled_model_is_compiled_again(config, tmp_path):
    """OpenVINO itself loads it without an error."""
    config = replace(config, cache_dir=tmp_path, runtime="openvino", precision="fp32")
    tensor = np.random.default_rng(0).normal(size=(1, 3, 320, 320)).astype(np.float32)
    before = scores_of(config, tensor)
    (blob,) = (tmp_path / "openvino").glob("*.blob")
    flip_a_byte(blob)
    np.testing.assert_array_equal(scores_of(config, tensor), before)
    assert checksums.verify_checksum(blob)


@pytest.mark.weights
def test_a_compiled_model_is_used_again_without_its_graph(config, tmp_path):
    config = replace(config, cache_dir=tmp_path, runtime="openvino", precision="fp32")
    tensor = np.random.default_rng(0).normal(size=(1, 3, 320, 320)).astype(np.float32)
    before = scores_of(config, tensor)
    shutil.rmtree(tmp_path / "graphs")
    np.testing.assert_array_equal(scores_of(config, tensor), before)
    assert not (tmp_path / "graphs").exists()


@pytest.mark.weights
def test_a_file_that_openvino_refuses_is_compiled_again(config, tmp_path, caplog):
    config = replace(config, cache_dir=tmp_path, runtime="openvino", precision="fp32")
    tensor = np.zeros((1, 3, 320, 320), np.float32)
    before = scores_of(config, tensor)
    (blob,) = (tmp_path / "openvino").glob("*.blob")
    blob.write_bytes(b"no compiled model")
    checksums.write_checksum(blob)
    np.testing.assert_array_equal(scores_of(config, tensor), before)
    assert "compiling again" in caplog.text
    assert blob.stat().st_size > 1_000_000


@pytest.mark.weights
def test_a_model_runs_where_its_compiled_form_cannot_be_kept(config, tmp_path, caplog):
    """As in a container whose image brings the graph, on a read-only root."""
    caplog.set_level(logging.INFO)
    config = replace(config, cache_dir=tmp_path, runtime="openvino", precision="fp32")
    derived_graph(config, "fp32")
    (tmp_path / "openvino").write_bytes(b"a file where the folder should be")
    scores = scores_of(config, np.zeros((1, 3, 320, 320), np.float32))
    assert np.isfinite(scores).all()
    assert "the compiled model is not kept" in caplog.text


def scores_of(config, tensor):
    runtime = open_runtime(config)
    try:
        return runtime.run(tensor)
    finally:
        runtime.close()


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


@pytest.mark.weights
def test_a_new_graph_version_is_built_again(config, monkeypatch):
    before = derived_graph(config, "fp32")
    monkeypatch.setattr(graphs, "GRAPH_VERSION", graphs.GRAPH_VERSION + 1)
    after = derived_graph(config, "fp32")
    assert after != before
    assert after.read_bytes() == before.read_bytes()


@pytest.mark.parametrize(
    "sha, kind, ranges",
    [("b" * 64, "int8", {"x": 1}), ("a" * 64, "fp32", {"x": 1}), ("a" * 64, "int8", {"x": 2})],
    ids=["weights", "kind", "ranges"],
)
def test_the_key_changes_with_each_of_its_inputs(sha, kind, ranges):
    assert derived_key(sha, kind, ranges) != derived_key("a" * 64, "int8", {"x": 1})


def test_the_key_does_not_depend_on_the_order_of_the_ranges():
    ends = {"a": [0, 1], "b": [2, 3]}
    assert derived_key("a", "int8", ends) == derived_key("a", "int8", dict(reversed(ends.items())))


@pytest.mark.weights
def test_two_processes_that_build_at_once_leave_one_whole_file(config, tmp_path):
    config = replace(config, cache_dir=tmp_path)
    context = multiprocessing.get_context("spawn")
    builders = [context.Process(target=derived_graph, args=(config, "fp32")) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(60)
    assert [builder.exitcode for builder in builders] == [0, 0]
    files = list((tmp_path / "graphs").glob("*.onnx"))
    assert sorted((tmp_path / "graphs").iterdir()) == [files[0], checksums.checksum_path(files[0])]
    assert checksums.verify_checksum(files[0])
    onnx.checker.check_model(onnx.load(files[0]))


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        checksums.write_derived(tmp_path / "graph.onnx", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_folder_that_is_a_file_is_named_without_its_path(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        checksums.write_derived(tmp_path / "cache" / "graph.onnx", b"data")
    assert str(tmp_path) not in caught.value.detail


def test_a_model_without_ranges_is_refused_in_8_bits():
    with pytest.raises(ConfigurationError, match="silueta"):
        shipped_ranges("silueta")
    assert not derived.has_ranges("silueta")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_ranges_are_ordered_and_hold_zero(name):
    ranges = json.loads((Path(derived.__file__).parent / "ranges" / f"{name}.json").read_text())
    assert len(ranges["tensors"]) > 300
    assert all(low <= high for low, high in ranges["tensors"].values())
