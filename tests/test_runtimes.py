"""Runtimes on the real small U²-Net (u2netp): parity, independence, sizes, errors."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from skimage import data

from cutout.errors import ConfigurationError, DeviceUnavailable, ModelFailed
from cutout.runtimes import RuntimeConfig, open_runtime
from cutout.runtimes.derived import derived_graph

pytestmark = pytest.mark.weights


@pytest.fixture(scope="session")
def config(u2netp_path, tmp_path_factory):
    return RuntimeConfig(
        weights=u2netp_path,
        sha256=sha256(u2netp_path.read_bytes()).hexdigest(),
        model_name="u2netp",
        input_size=320,
        cache_dir=tmp_path_factory.mktemp("cache"),
        device="cpu",
        precision="fp32",
    )


@pytest.fixture(scope="session")
def tensors():
    """Three noisy gradients, normalised as the model expects: (3, 3, 320, 320) float32."""
    noise = np.random.default_rng(0).normal(size=(3, 3, 320, 320))
    ramp = np.linspace(-1.5, 1.5, 320)
    return (noise * 0.2 + ramp * np.array([1, -1, 0.3]).reshape(3, 1, 1, 1)).astype(np.float32)


@pytest.fixture(scope="session")
def photographs():
    """Two photographs that come with scikit-image, as the model takes them."""
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    small = [
        np.asarray(Image.fromarray(rgb).resize((320, 320), Image.Resampling.LANCZOS), np.float32)
        for rgb in (data.astronaut(), data.chelsea())
    ]
    return np.stack([((rgb / rgb.max() - mean) / std).transpose(2, 0, 1) for rgb in small])


@pytest.fixture(scope="session")
def published(u2netp_path, tensors):
    """The untouched published graph on the same tensors: (3, 320, 320)."""
    session = onnxruntime.InferenceSession(u2netp_path, providers=["CPUExecutionProvider"])
    first = session.get_outputs()[0].name
    return np.stack([session.run([first], {"input.1": one[None]})[0][0, 0] for one in tensors])


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_fp32_equals_the_published_graph(config, tensors, published, engine):
    runtime = open_runtime(replace(config, runtime=engine))
    assert np.abs(runtime.run(tensors) - published).max() < 1e-3
    assert runtime.describe()["runtime"] == engine
    assert runtime.describe()["precision"] == "fp32"
    runtime.close()


def test_the_fp16_graph_gives_the_same_scores(config, tensors, published):
    # onnxruntime's CPU provider rounds each activation to half precision, as a GPU does.
    session = onnxruntime.InferenceSession(
        derived_graph(config, "fp16"), providers=["CPUExecutionProvider"]
    )
    scores = session.run(None, {"tensor": tensors})[0][:, 0]
    assert np.abs(scores - published).mean() <= 2 / 255


@pytest.mark.parametrize("threads", [None, 8], ids=["one stream", "parallel requests"])
def test_scores_do_not_depend_on_the_other_images_of_a_batch(config, tensors, threads):
    runtime = open_runtime(replace(config, runtime="openvino", threads=threads))
    together = runtime.run(tensors)
    alone = np.concatenate([runtime.run(one[None]) for one in tensors])
    assert np.abs(together - alone).max() < 1e-4
    assert runtime.run(tensors[:0]).shape == (0, 320, 320)


@pytest.mark.parametrize(
    "model_name, engine, precision",
    [
        ("u2netp", "openvino", "int8"),
        ("u2netp", "onnxruntime", "fp32"),
        ("unknown", "openvino", "fp32"),
    ],
)
def test_auto_precision_is_described_with_its_reason(config, model_name, engine, precision):
    wanted = replace(config, precision="auto", runtime=engine, model_name=model_name)
    facts = open_runtime(wanted).describe()
    assert facts["precision"] == precision
    assert f"{precision} because" in facts["why"]


def test_onnxruntime_serves_where_openvino_is_not_installed(config, monkeypatch):
    """It has no wheel for glibc 2.28 on ARM, for one."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    info = open_runtime(replace(config, runtime="auto", precision="auto")).describe()
    assert (info["runtime"], info["precision"], info["degraded"]) == ("onnxruntime", "fp32", False)
    assert "OpenVINO is not installed" in info["why"]


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_int8_scores_are_near_fp32_with_either_engine(config, photographs, engine):
    exact = open_runtime(replace(config, runtime="onnxruntime")).run(photographs)
    quantised = open_runtime(replace(config, runtime=engine, precision="int8")).run(photographs)
    assert np.abs(quantised - exact).mean(axis=(1, 2)).max() < 0.02


def test_many_cores_get_parallel_requests(config):
    runtime = open_runtime(replace(config, runtime="openvino", threads=8))
    assert runtime.describe()["streams"] > 1


@pytest.mark.parametrize("size", [384, 512])
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_other_sizes(config, size, engine):
    runtime = open_runtime(replace(config, runtime=engine, input_size=size))
    scores = runtime.run(np.zeros((2, 3, size, size), np.float32))
    assert scores.shape == (2, size, size)
    assert np.array_equal(scores[0], scores[1])


def test_a_size_that_is_no_multiple_of_32_is_refused(config):
    with pytest.raises(ConfigurationError, match="multiple of 32"):
        replace(config, input_size=300)


def test_a_wrong_batch_is_refused(config):
    runtime = open_runtime(replace(config, runtime="onnxruntime"))
    with pytest.raises(ModelFailed, match="float32"):
        runtime.run(np.zeros((1, 3, 320, 320)))
    with pytest.raises(ModelFailed, match="320"):
        runtime.run(np.zeros((1, 3, 384, 384), np.float32))


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"runtime": "onnxruntime", "precision": "bf16"}, ConfigurationError, "bf16"),
        ({"runtime": "tensorrt"}, ConfigurationError, "GPU"),
        ({"device": "cuda", "runtime": "openvino"}, ConfigurationError, "OpenVINO"),
        ({"device": "cuda", "precision": "int8"}, ConfigurationError, "int8"),
        ({"precision": "int8", "model_name": "silueta"}, ConfigurationError, "silueta"),
    ],
)
def test_an_impossible_combination_is_refused_by_name(config, change, error, words):
    with pytest.raises(error, match=words):
        open_runtime(replace(config, **change))


def has_cuda() -> bool:
    from cutout.runtimes.hardware import find_gpu

    return find_gpu() is not None


@pytest.mark.skipif(has_cuda(), reason="this machine has a GPU")
@pytest.mark.parametrize("engine", ["auto", "tensorrt"])
def test_cuda_without_a_gpu_is_refused(config, engine):
    with pytest.raises(DeviceUnavailable, match="set the device to cpu"):
        open_runtime(replace(config, device="cuda", runtime=engine, precision="fp32"))


@pytest.mark.skipif(has_cuda(), reason="this machine has a GPU")
def test_auto_without_a_gpu_is_not_degraded(config):
    facts = open_runtime(replace(config, device="auto")).describe()
    assert facts["device"] == "cpu"
    assert facts["device_asked"] == "auto"
    assert not facts["degraded"]
    assert "no NVIDIA GPU" in facts["why"]


@pytest.mark.skipif(has_cuda(), reason="this machine has a GPU that may work")
def test_auto_with_an_unusable_gpu_is_degraded(config, monkeypatch, caplog, tmp_path):
    # The driver's tool on the path is how a machine with a GPU looks; CUDA itself really fails.
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    facts = open_runtime(replace(config, device="auto")).describe()
    assert facts["device"] == "cpu"
    assert facts["degraded"]
    assert "cannot be used" in facts["why"]
    assert "degraded" in caplog.text


def test_describe_does_not_wait_for_a_running_image(config, tensors):
    runtime = open_runtime(replace(config, runtime="openvino"))
    batch = np.concatenate([tensors] * 3)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(runtime.run, batch)
        while not run.running():
            pass
        described = [runtime.describe() for _ in range(50)]
        assert not run.done()
        assert described[0] == described[-1]
    runtime.close()
