import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (requirements-train.txt)")

from training_models import TINY, write_model  # noqa: E402

from cutout import images  # noqa: E402
from cutout.errors import ConfigurationError  # noqa: E402
from cutout.models import processing  # noqa: E402
from cutout.models.table import spec_of  # noqa: E402
from cutout.training.attention import Attention  # noqa: E402
from cutout.training.batch_norm import insert_norm  # noqa: E402
from cutout.training.network import U2NET, U2NETP, U2Net  # noqa: E402
from cutout.training.onnx_weights import graph_from, network_from, read_graph  # noqa: E402


@pytest.fixture(scope="module")
def template(u2netp_path):
    return read_graph(u2netp_path)


def scores_by_torch(network, x):
    with torch.no_grad():
        return torch.sigmoid(network.eval()(x)[0]).numpy()


def scores_by_onnx(model, x):
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["scores"], {"tensor": x.numpy()})[0]


@pytest.mark.weights
def test_u2netp_in_torch_equals_onnxruntime_on_photographs(template, data_dir):
    network, row = network_from(template), spec_of("u2netp")
    for path in sorted((data_dir / "ecssd300" / "image").iterdir())[:20]:
        rgb = images.decode(path.read_bytes()).rgb
        x = torch.from_numpy(processing.prepare(row, rgb)[None])
        difference = np.abs(scores_by_torch(network, x) - scores_by_onnx(template, x)).max()
        assert difference <= 1e-4


@pytest.mark.weights
def test_u2net_in_torch_equals_onnxruntime(u2net_path):
    model = read_graph(u2net_path)
    network = network_from(model)
    assert network.channels == U2NET
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert np.abs(scores_by_torch(network, x) - scores_by_onnx(model, x)).max() <= 1e-4


def test_the_table_has_the_published_number_of_weights():
    """Of u2net.onnx and u2netp.onnx: batch norm is folded into weight and bias there."""
    counts = [sum(p.numel() for p in U2Net(channels).parameters()) for channels in (U2NET, U2NETP)]
    # The files' bytes, four a weight, with the graph around them.
    assert counts == pytest.approx([175_997_641 / 4, 4_574_861 / 4], rel=0.02)


def with_attention(seed=0):
    """Attention whose gates do something."""
    torch.manual_seed(seed)
    network = U2Net(TINY, attention=True)
    for module in network.modules():
        if isinstance(module, Attention):
            for parameter in module.parameters():
                torch.nn.init.normal_(parameter, 0, 0.3)
    return network.eval()


def with_norm(seed=0):
    """Batch norm whose statistics have moved."""
    torch.manual_seed(seed)
    network = U2Net(TINY)
    x = torch.randn(4, 3, 64, 64)
    insert_norm(network, [x])
    network.train()(2 * x)
    return network.eval()


@pytest.mark.parametrize("make", [lambda: U2Net(TINY), with_attention, with_norm])
def test_export_equals_torch(template, make):
    network = make()
    x = torch.randn(2, 3, 64, 96)
    exported = scores_by_onnx(graph_from(network, template), x)
    assert np.abs(exported - scores_by_torch(network, x)).max() <= 1e-5


@pytest.mark.parametrize("make", [lambda: U2Net(TINY), with_attention, with_norm])
def test_an_exported_file_loads_again(template, u2netp_path, tmp_path, make):
    network = make()
    path = write_model(tmp_path / "mine.onnx", u2netp_path, network)
    again = read_graph(path)
    x = torch.randn(1, 3, 64, 64)
    expected = scores_by_torch(network, x)
    assert np.abs(scores_by_torch(network_from(again), x) - expected).max() <= 1e-5
    rewritten = graph_from(network_from(again), again)
    assert np.abs(scores_by_onnx(rewritten, x) - expected).max() <= 1e-5


def test_new_attention_is_the_identity(template):
    x = torch.randn(1, 3, 64, 64)
    plain, attended = (network_from(template, attention=added) for added in (False, True))
    assert np.abs(scores_by_torch(plain, x) - scores_by_torch(attended, x)).max() <= 1e-6


def test_inserted_batch_norm_is_the_identity():
    torch.manual_seed(0)
    network, x = U2Net(TINY).eval(), torch.randn(4, 3, 64, 64)
    before = scores_by_torch(network, x)
    insert_norm(network, [x])
    assert np.abs(scores_by_torch(network, x) - before).max() <= 1e-5


def test_the_inner_phase_leaves_the_outer_stages_alone():
    network = U2Net(TINY)
    outputs = network.forward_inner(torch.randn(1, 3, 64, 64))
    sum(output.sum() for output in outputs).backward()
    assert [tuple(output.shape[2:]) for output in outputs] == [(32, 32)] * 5
    untouched = [*network.encoders[0].parameters(), *network.decoders[4].parameters()]
    assert all(parameter.grad is None for parameter in untouched)
    assert all(p.grad is not None for p in network.encoders[1].parameters())


def test_another_network_is_refused(tmp_path):
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 32, 32]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    path = tmp_path / "other.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    with pytest.raises(ConfigurationError, match="U²-Net"):
        read_graph(path)
