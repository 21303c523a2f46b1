"""onnxruntime on an NVIDIA GPU, plain CUDA or TensorRT; never on the CPU in its place."""

import contextlib
import io
import logging
import re

import numpy as np
import onnxruntime

from cutout.errors import DeviceUnavailable, ModelFailed
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.derived import derived_graph
from cutout.runtimes.graphs import INPUT, OUTPUT
from cutout.runtimes.hardware import gpu_free_bytes
from cutout.runtimes.onnx_cpu import ENGINE_ERRORS

log = logging.getLogger(__name__)

# CUDA picks its kernels per shape, so batches are padded up to one of a few shapes warmed at start.
BUCKETS = (1, 2, 4, 8, 12)
PROVIDERS = {"onnxruntime": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


class OnnxCuda(Runtime):
    """onnxruntime on an NVIDIA GPU, plain CUDA or TensorRT. Refuses to exist anywhere else."""

    def __init__(self, config: RuntimeConfig, precision: str, engine: str) -> None:
        """precision: "fp32" or "fp16"; engine: a key of PROVIDERS."""
        preload_libraries()
        super().__init__(config, BUCKETS[-1], BUCKETS[-1], free_bytes=gpu_free_bytes())
        self.max_batch = max(bucket for bucket in BUCKETS if bucket <= self.max_batch)
        self.preferred_batch = self.max_batch
        self._precision, self._engine = precision, engine
        self._session = strict_session(config, precision, engine)
        self._warm()

    def _warm(self) -> None:
        """Run each bucket once: kernels are chosen, or engines built, before the first request."""
        size = self.config.input_size
        try:
            for bucket in (bucket for bucket in BUCKETS if bucket <= self.max_batch):
                self._run(np.zeros((bucket, 3, size, size), np.float32))
        except ModelFailed as error:
            raise DeviceUnavailable(
                "the GPU accepted the model but could not run it; check its free memory and driver"
            ) from error

    def _run(self, batch: np.ndarray) -> np.ndarray:
        most = self.max_batch
        chunks = [batch[at : at + most] for at in range(0, len(batch), most)]
        return np.concatenate([self._run_bucket(chunk) for chunk in chunks])

    def _run_bucket(self, chunk: np.ndarray) -> np.ndarray:
        try:
            maps = self._session.run([OUTPUT], {INPUT: padded(chunk)})[0]
        except ENGINE_ERRORS as error:
            raise ModelFailed("the GPU failed on this batch") from error
        return maps[: len(chunk), 0]

    def _facts(self) -> dict:
        return {
            "device": "cuda",
            "runtime": self._engine,
            "precision": self._precision,
            "threads": 1,
            "streams": 1,
            "versions": {
                "onnxruntime": onnxruntime.__version__,
                "cuda": getattr(onnxruntime, "cuda_version", ""),
            },
        }

    def close(self) -> None:
        self._session = None


def padded(chunk: np.ndarray) -> np.ndarray:
    """Up to the next bucket with zeros; the extra maps are thrown away.

    chunk: (N, 3, S, S) float32, N <= the largest bucket.
    """
    bucket = next(size for size in BUCKETS if size >= len(chunk))
    room = np.zeros((bucket - len(chunk), *chunk.shape[1:]), chunk.dtype)
    return np.concatenate([chunk, room]) if len(room) else chunk


def preload_libraries() -> None:
    """Load CUDA and cuDNN from their Python packages; what is missing is logged, not printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        onnxruntime.preload_dlls()
    for line in filter(None, said.getvalue().splitlines()):
        log.warning("CUDA libraries: %s", line)


def strict_session(config: RuntimeConfig, precision: str, engine: str):
    """A session that runs on the GPU with every node, or DeviceUnavailable.

    Closes the three silent ways to the CPU: provider missing (nodes assigned to the CPU are
    refused), exception at creation (no retry on other providers), failing run (no re-creation).
    """
    provider = PROVIDERS[engine]
    if provider not in onnxruntime.get_available_providers():
        raise DeviceUnavailable(
            "this onnxruntime has no GPU support; install onnxruntime-gpu instead of onnxruntime"
        )
    graph = derived_graph(config, precision)
    try:
        session = onnxruntime.InferenceSession(
            graph,
            gpu_session_options(),
            providers=gpu_providers(config, precision, engine),
            enable_fallback=0,
        )
    except ENGINE_ERRORS as error:
        raise DeviceUnavailable(
            f"{engine} could not start on a GPU: {first_line(error)} Install the NVIDIA driver "
            "and the CUDA 13 and cuDNN 9 packages, or set the device to cpu"
        ) from error
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise DeviceUnavailable(
            f"{provider} was asked for but {session.get_providers()[0]} is active"
        )
    return session


def gpu_session_options():
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    # The GPU works; more threads on this side would only spin.
    options.intra_op_num_threads = 1
    return options


def gpu_providers(config: RuntimeConfig, precision: str, engine: str) -> list:
    """The provider asked for and its options; TensorRT may hand single nodes to CUDA."""
    cuda = {
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "arena_extend_strategy": "kSameAsRequested",
        # fp32 means fp32: TF32 keeps ten bits of each factor.
        "use_tf32": "0",
    }
    if engine == "onnxruntime":
        return [("CUDAExecutionProvider", cuda)]
    engines = config.cache_dir / "tensorrt"
    engines.mkdir(parents=True, exist_ok=True)
    shape = f"3x{config.input_size}x{config.input_size}"
    options = {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(engines),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(engines),
        "trt_fp16_enable": precision == "fp16",
        "trt_profile_min_shapes": f"{INPUT}:1x{shape}",
        "trt_profile_opt_shapes": f"{INPUT}:{BUCKETS[-1]}x{shape}",
        "trt_profile_max_shapes": f"{INPUT}:{BUCKETS[-1]}x{shape}",
    }
    return [("TensorrtExecutionProvider", options), ("CUDAExecutionProvider", cuda)]


def first_line(error: Exception) -> str:
    """The engine's own reason in one sentence, without its code and without paths."""
    text = str(error).splitlines()[0].rsplit(" : ", 1)[-1].strip().rstrip(".")
    return re.sub(r"\S*[/\\]\S+", "(a file)", text) + "."
