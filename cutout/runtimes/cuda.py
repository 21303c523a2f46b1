"""onnxruntime on an NVIDIA GPU through CUDA or TensorRT, without a fallback to the CPU."""

import contextlib
import io
import logging
import re
from typing import Any

import numpy as np
import onnxruntime

from cutout.errors import DeviceUnavailable, ModelFailed
from cutout.runtimes import hardware
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.derived import derived_graph
from cutout.runtimes.graphs import INPUT, OUTPUT, Kind
from cutout.runtimes.onnx_cpu import ENGINE_ERRORS

log = logging.getLogger(__name__)
Provider = tuple[str, dict[str, Any]]

# CUDA chooses kernels per shape: batches are padded to one of a few sizes, each run once at start.
BUCKETS = (1, 2, 4, 8, 12)
PROVIDERS = {"onnxruntime": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


class OnnxCuda(Runtime):
    """onnxruntime on an NVIDIA GPU; DeviceUnavailable where the GPU is not really used."""

    def __init__(self, config: RuntimeConfig, precision: Kind, engine: str) -> None:
        """precision: "fp32" or "fp16"; engine: a key of PROVIDERS."""
        preload_libraries()
        super().__init__(config, BUCKETS[-1], free_bytes=hardware.gpu_free_bytes())
        self._buckets = [bucket for bucket in BUCKETS if bucket <= self.preferred_batch]
        self.preferred_batch = self._buckets[-1]
        self._precision, self._engine = precision, engine
        self._session = strict_session(config, precision, engine)
        self._warm()

    def _warm(self) -> None:
        """Run each bucket once: kernels are chosen, or engines built, before the first request."""
        size = self.config.input_size
        try:
            for bucket in self._buckets:
                self._run(np.zeros((bucket, 3, size, size), np.float32))
        except ModelFailed as error:
            raise DeviceUnavailable(
                "the GPU accepted the model but could not run it; check its free memory and driver"
            ) from error

    def _run(self, batch: np.ndarray) -> np.ndarray:
        most = self.preferred_batch
        chunks = [batch[start : start + most] for start in range(0, len(batch), most)]
        return np.concatenate([self._run_bucket(chunk) for chunk in chunks])

    def _run_bucket(self, chunk: np.ndarray) -> np.ndarray:
        try:
            maps: np.ndarray = self._session.run([OUTPUT], {INPUT: pad_to_bucket(chunk)})[0]
        except ENGINE_ERRORS as error:
            raise ModelFailed("the GPU failed on this batch") from error
        return maps[: len(chunk), 0]

    def _engine_info(self) -> dict[str, object]:
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


def pad_to_bucket(chunk: np.ndarray) -> np.ndarray:
    """Fill up with zeros to the next bucket; the caller drops the extra maps.

    chunk: (N, 3, S, S) float32, N <= the largest bucket.
    """
    bucket = next(size for size in BUCKETS if size >= len(chunk))
    padding = np.zeros((bucket - len(chunk), *chunk.shape[1:]), chunk.dtype)
    return np.concatenate([chunk, padding]) if len(padding) else chunk


def preload_libraries() -> None:
    """Load CUDA and cuDNN from their Python packages; what is missing is logged, not printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        onnxruntime.preload_dlls()
    for line in filter(None, printed.getvalue().splitlines()):
        log.warning("CUDA libraries: %s", line)


def strict_session(
    config: RuntimeConfig, precision: Kind, engine: str
) -> onnxruntime.InferenceSession:
    """A session with every node on the GPU, or DeviceUnavailable.

    onnxruntime has three silent fallbacks to the CPU, all disabled here: for nodes the provider
    does not take, when the session cannot be made, and when a run fails.
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
            f"{engine} could not start on a GPU: {reason_of(error)} Install the NVIDIA driver "
            "and the CUDA 13 and cuDNN 9 packages, or set the device to cpu"
        ) from error
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise DeviceUnavailable(
            f"{provider} was asked for but {session.get_providers()[0]} is active"
        )
    return session


def gpu_session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    # The work is on the GPU; more threads of the host would only spin.
    options.intra_op_num_threads = 1
    return options


def gpu_providers(config: RuntimeConfig, precision: Kind, engine: str) -> list[Provider]:
    """The provider asked for and its options; TensorRT may hand single nodes to CUDA."""
    cuda = {
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "arena_extend_strategy": "kSameAsRequested",
        # TF32 would keep only ten bits of each factor's mantissa.
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


def reason_of(error: Exception) -> str:
    """The engine's own reason in one sentence, without its code and without paths."""
    text = str(error).splitlines()[0].rsplit(" : ", 1)[-1].strip().rstrip(".")
    return re.sub(r"\S*[/\\]\S+", "(a file)", text) + "."
