"""What every runtime does: (N, 3, S, S) in, (N, S, S) out, and a report of what really runs."""

import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cutout.errors import ConfigurationError, ModelFailed
from cutout.runtimes.hardware import limit_batch

Device = Literal["auto", "cuda", "cpu"]
Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]
Engine = Literal["auto", "openvino", "onnxruntime", "tensorrt", "triton"]

# The network halves its maps five times; other sizes would need rounding in every resize.
SIZE_STEP_PX = 32


@dataclass(frozen=True)
class RuntimeConfig:
    """Which weights to run, on which device and engine, in which precision.

    weights: the verified ONNX file; sha256: its hash, hex; input_size: S in px, a multiple of 32;
    cache_dir: a writable folder for derived graphs and compiled models; threads: None = all cores.
    url: of the server, for the runtime "triton"; weights and cache_dir are then not read. ranges:
    file of 8-bit ranges, None takes those of this package.
    """

    weights: Path
    sha256: str
    model_name: str
    input_size: int
    cache_dir: Path
    device: Device = "auto"
    precision: Precision = "auto"
    runtime: Engine = "auto"
    threads: int | None = None
    url: str = ""
    ranges: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a size the graph cannot take, before anything is built."""
        if self.input_size <= 0 or self.input_size % SIZE_STEP_PX:
            raise ConfigurationError(
                f"input size {self.input_size} is not a multiple of {SIZE_STEP_PX}"
            )


class Runtime(ABC):
    """One loaded model for one input size.

    `run` may be called from any thread; at most `parallel_runs` compute at once, others wait.
    """

    def __init__(
        self,
        config: RuntimeConfig,
        preferred_batch: int,
        free_bytes: int | None,
        parallel_runs: int = 1,
    ) -> None:
        """Keep what all runtimes have in common.

        preferred_batch: images with which one call is fastest for each of them; fewer where they
        would not fit into memory. free_bytes: free memory of the device, None where it is unknown
        and therefore sets no limit; another device's memory is no substitute. parallel_runs: calls
        that are worth computing at once.
        """
        self.config = config
        self.preferred_batch = limit_batch(preferred_batch, free_bytes, config.input_size)
        self.parallel_runs = parallel_runs
        self._turn: AbstractContextManager[object] = threading.Semaphore(parallel_runs)
        self._why, self._degraded = "", False

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Scores of each image, none of which depends on the others.

        batch: (N, 3, S, S) float32, any N >= 0. Returns (N, S, S) float32.
        """
        size = self.config.input_size
        if batch.shape[1:] != (3, size, size) or batch.dtype != np.float32:
            raise ModelFailed(
                f"the model takes (N, 3, {size}, {size}) float32, not {batch.shape} {batch.dtype}"
            )
        if not len(batch):
            return np.empty((0, size, size), np.float32)
        # The service's batcher has as many threads; scripts may share a model among more.
        with self._turn:
            return self._run(np.ascontiguousarray(batch))

    @abstractmethod
    def _run(self, batch: np.ndarray) -> np.ndarray:
        """The same, for a contiguous, checked batch with N >= 1."""

    def set_reason(self, why: str, degraded: bool = False) -> None:
        """Keep why this runtime was chosen; degraded: a GPU is present but cannot be used."""
        self._why, self._degraded = why, degraded

    def describe(self) -> dict[str, object]:
        """What runs and why: plain values, ready for JSON."""
        return {
            "device_asked": self.config.device,
            "precision_asked": self.config.precision,
            "degraded": self._degraded,
            "why": self._why,
            "input_size": self.config.input_size,
            "preferred_batch": self.preferred_batch,
            **self._engine_info(),
        }

    @abstractmethod
    def _engine_info(self) -> dict[str, object]:
        """Device, runtime, precision, threads, streams and versions that are really in use."""

    @abstractmethod
    def close(self) -> None:
        """Free the engine's memory; `run` must not be called after."""
