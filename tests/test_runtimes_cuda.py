"""What the CUDA runtime does around its session; here the session runs on the CPU."""

from hashlib import sha256

import numpy as np
import onnxruntime
import pytest

from cutout.runtimes import RuntimeConfig, cuda, hardware
from cutout.runtimes.derived import derived_graph

pytestmark = pytest.mark.weights
SIZE = 32
BYTES_AN_IMAGE = hardware.IMAGE_BYTES // 100


@pytest.fixture
def open_on_cpu(u2netp_path, tmp_path, monkeypatch):
    """Opens an OnnxCuda with this much free GPU memory, on a host that has next to none."""

    def cpu_session(config, precision, engine):
        return onnxruntime.InferenceSession(
            derived_graph(config, precision), providers=["CPUExecutionProvider"]
        )

    def open_with(free_gpu_bytes):
        monkeypatch.setattr(hardware, "gpu_free_bytes", lambda: free_gpu_bytes)
        digest = sha256(u2netp_path.read_bytes()).hexdigest()
        config = RuntimeConfig(u2netp_path, digest, "u2netp", SIZE, tmp_path, device="cuda")
        return cuda.OnnxCuda(config, "fp32", "onnxruntime")

    monkeypatch.setattr(cuda, "strict_session", cpu_session)
    monkeypatch.setattr(hardware, "host_free_bytes", lambda: 1)
    return open_with


@pytest.mark.parametrize(
    "free_gpu_bytes, batch",
    [(None, 12), (100 * BYTES_AN_IMAGE, 12), (5 * BYTES_AN_IMAGE, 4), (1, 1)],
    ids=["unknown", "ample", "five images", "almost none"],
)
def test_the_batch_fits_into_gpu_memory_and_ignores_the_hosts(open_on_cpu, free_gpu_bytes, batch):
    assert open_on_cpu(free_gpu_bytes).preferred_batch == batch


def test_a_batch_above_the_limit_is_run_in_parts_in_order(open_on_cpu):
    tensors = np.random.default_rng(0).normal(size=(7, 3, SIZE, SIZE)).astype(np.float32)
    runtime = open_on_cpu(5 * BYTES_AN_IMAGE)
    alone = np.concatenate([runtime.run(tensor[None]) for tensor in tensors])
    np.testing.assert_allclose(runtime.run(tensors), alone, atol=1e-5)
