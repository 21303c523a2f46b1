"""What is sent to a model server: exact bytes of an image, and a graph that normalises them."""

import numpy as np
import onnxruntime
import pytest

from cutout import quality
from cutout.models import processing
from cutout.models.table import spec_of
from cutout.runtimes.remote_graph import ANSWER, BOX, LEVELS, with_normalisation
from cutout.runtimes.remote_tensors import pack, unpack_scores

SPEC = spec_of("u2net")


def noise(high: int = 256, size=(90, 140)) -> np.ndarray:
    return np.random.default_rng(7).integers(0, high, (*size, 3), np.uint8)


def packed(tensor: np.ndarray):
    return pack(tensor, SPEC.mean, SPEC.std)


@pytest.mark.parametrize("high", [256, 200, 100, 7, 1])
def test_the_levels_of_an_image_are_recovered_whatever_its_brightest_is(high):
    tensor = processing.prepare(SPEC, noise(high), 64)
    found = packed(tensor)
    unit = found.levels.astype(np.float32) / max(float(found.levels.max()), 1e-6)
    again = (unit - np.float32(SPEC.mean)[:, None, None]) / np.float32(SPEC.std)[:, None, None]
    np.testing.assert_allclose(again, tensor, atol=1e-6)


@pytest.mark.parametrize("size", [(90, 140), (140, 90)])
@pytest.mark.parametrize("mirror", [False, True])
def test_padding_is_left_out_of_the_box(size, mirror):
    tensor = processing.prepare(SPEC, noise(size=size), 64, "pad")
    tensor = np.ascontiguousarray(tensor[:, :, ::-1]) if mirror else tensor
    top, left, height, width = packed(tensor).box
    inner = processing.inner_size(size, 64)
    assert (height, width) == inner
    assert (top, left) == (0, 64 - inner[1] if mirror else 0)


@pytest.mark.parametrize("scale", [0.999, 1.3])
def test_a_tensor_that_no_8_bit_image_made_is_refused(scale):
    assert packed(processing.prepare(SPEC, noise(), 64) * np.float32(scale)) is None


def identity_graph() -> bytes:
    """A graph whose scores are its input's first channel, to see what the network would see."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    index = numpy_helper.from_array(np.array([0]), "first")
    node = helper.make_node("Gather", ["tensor", "first"], ["scores"], axis=1)
    sides = ["batch", 3, "height", "width"]
    graph = helper.make_graph(
        [node],
        "identity",
        [helper.make_tensor_value_info("tensor", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 1, *sides[2:]])],
        [index],
    )
    opsets = [helper.make_opsetid("", 17)]
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=opsets, ir_version=8)
    )


def session(unit_scores: bool) -> onnxruntime.InferenceSession:
    data = with_normalisation(identity_graph(), SPEC.mean, SPEC.std, unit_scores)
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


def test_the_graph_normalises_each_image_as_it_is_done_here():
    makers = [(noise(), "stretch"), (noise(60), "pad"), (noise(size=(200, 50)), "pad")]
    tensors = [processing.prepare(SPEC, rgb, 64, fit) for rgb, fit in makers]
    tensors += [tensors[1][:, :, ::-1].copy(), processing.prepare(SPEC, noise(1), 64)]
    sent = [packed(tensor) for tensor in tensors]
    feed = {LEVELS: np.stack([p.levels for p in sent]), BOX: np.stack([p.box for p in sent])}
    (answer,) = session(unit_scores=False).run([ANSWER], feed)
    np.testing.assert_allclose(answer, [tensor[0] for tensor in tensors], atol=2e-6)


def test_views_of_the_best_quality_are_sent_exactly():
    rgb = noise()
    whole, near = (processing.prepare(SPEC, part, 64, "pad") for part in (rgb, rgb[10:40, 5:30]))
    for tensor in (whole, quality.mirrored(whole), near):
        assert packed(tensor) is not None


def test_scores_come_back_in_16_bits():
    sent = packed(processing.prepare(SPEC, noise(), 64))
    feed = {LEVELS: sent.levels[None], BOX: sent.box[None]}
    (answer,) = session(unit_scores=True).run([ANSWER], feed)
    (exact,) = session(unit_scores=False).run([ANSWER], feed)
    assert answer.dtype == np.uint16
    np.testing.assert_allclose(unpack_scores(answer), exact.clip(0, 1), atol=1 / 65_535)
