"""onnxruntime on the CPU (the reference) and on CUDA or TensorRT (strict: never a silent CPU)."""

import contextlib
import io
import logging
import os

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from cutout.errors import DeviceUnavailable, ModelFailed

from .base import Request, Runtime
from .cache import derived
from .graphs import INPUT, OUTPUT

log = logging.getLogger(__name__)

# CUDA picks its kernels per shape, so batches are padded up to one of a few shapes warmed at start.
BUCKETS = (1, 2, 4, 8, 12)
PROVIDERS = {"onnxruntime": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
# The binding's exceptions share no base class below Exception.
ENGINE_ERRORS = (
    RuntimeError,
    ValueError,
    *(
        getattr(states, name)
        for name in (
            "EPFail",
            "Fail",
            "InvalidArgument",
            "InvalidGraph",
            "InvalidProtobuf",
            "NotImplemented",
            "RuntimeException",
        )
    ),
)


class OnnxCpu(Runtime):
    """onnxruntime's CPU provider, fp32 or 8-bit: the reference the others are measured against."""

    def __init__(self, request: Request, precision: str) -> None:
        """precision: "fp32", or a kind of 8-bit graph."""
        # Batching gains nothing on a CPU and costs memory: one picture at a time.
        super().__init__(request, max_batch=1, preferred_batch=1)
        self._precision = precision
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = request.threads or 0
        # The arena keeps the peak of every size for good; freed blocks go back to the system.
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            derived(request, precision), options, providers=["CPUExecutionProvider"]
        )

    def _run(self, batch: np.ndarray) -> np.ndarray:
        try:
            maps = [self._session.run([OUTPUT], {INPUT: one[None]})[0][0, 0] for one in batch]
        except ENGINE_ERRORS as error:
            raise ModelFailed("onnxruntime failed on this picture") from error
        return np.stack(maps)

    def _facts(self) -> dict:
        return {
            "device": "cpu",
            "runtime": "onnxruntime",
            "precision": self._precision[:4],
            "threads": self.request.threads or os.cpu_count(),
            "streams": 1,
            "versions": {"onnxruntime": onnxruntime.__version__},
        }

    def close(self) -> None:
        self._session = None


class OnnxCuda(Runtime):
    """onnxruntime on an NVIDIA GPU, plain CUDA or TensorRT. Refuses to exist anywhere else."""

    def __init__(self, request: Request, precision: str, engine: str) -> None:
        """precision: "fp32" or "fp16"; engine: a key of PROVIDERS."""
        super().__init__(request, max_batch=BUCKETS[-1], preferred_batch=BUCKETS[-1])
        self._precision, self._engine = precision, engine
        preload_libraries()
        self._session = strict_session(request, precision, engine)
        self._warm()

    def _warm(self) -> None:
        """Run each bucket once: kernels are chosen, or engines built, before the first request."""
        size = self.request.input_size
        try:
            for bucket in BUCKETS:
                self._run(np.zeros((bucket, 3, size, size), np.float32))
        except ModelFailed as error:
            raise DeviceUnavailable(
                "the GPU accepted the model but could not run it; check its free memory and driver"
            ) from error

    def _run(self, batch: np.ndarray) -> np.ndarray:
        chunks = [batch[at : at + BUCKETS[-1]] for at in range(0, len(batch), BUCKETS[-1])]
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


def strict_session(request: Request, precision: str, engine: str):
    """A session that runs on the GPU with every node, or DeviceUnavailable.

    Closes the three silent ways to the CPU: provider missing (nodes assigned to the CPU are
    refused), exception at creation (no retry on other providers), failing run (no re-creation).
    """
    provider = PROVIDERS[engine]
    if provider not in onnxruntime.get_available_providers():
        raise DeviceUnavailable(
            "this onnxruntime has no GPU support; install onnxruntime-gpu instead of onnxruntime"
        )
    try:
        session = onnxruntime.InferenceSession(
            derived(request, precision),
            gpu_session_options(),
            providers=gpu_providers(request, engine),
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


def gpu_providers(request: Request, engine: str) -> list:
    """The provider asked for and its options; TensorRT may hand single nodes to CUDA."""
    cuda = (
        "CUDAExecutionProvider",
        {"cudnn_conv_algo_search": "EXHAUSTIVE", "arena_extend_strategy": "kSameAsRequested"},
    )
    if engine == "onnxruntime":
        return [cuda]
    engines = request.cache_dir / "tensorrt"
    engines.mkdir(parents=True, exist_ok=True)
    shape = f"3x{request.input_size}x{request.input_size}"
    options = {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(engines),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(engines),
        "trt_fp16_enable": False,
        "trt_profile_min_shapes": f"{INPUT}:1x{shape}",
        "trt_profile_opt_shapes": f"{INPUT}:{BUCKETS[-1]}x{shape}",
        "trt_profile_max_shapes": f"{INPUT}:{BUCKETS[-1]}x{shape}",
    }
    return [("TensorrtExecutionProvider", options), cuda]


def first_line(error: Exception) -> str:
    """The engine's own reason without its code, in one sentence."""
    text = str(error).splitlines()[0].rsplit(" : ", 1)[-1].strip()
    return text if text.endswith(".") else f"{text}."
