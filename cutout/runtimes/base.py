"""What every runtime is: (N, 3, S, S) in, (N, S, S) out, and a true description of itself."""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cutout.errors import ConfigurationError, ModelFailed
from cutout.runtimes.hardware import affordable_batch, available_bytes

Device = Literal["auto", "cuda", "cpu"]
Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]
Engine = Literal["auto", "openvino", "onnxruntime", "tensorrt"]

# The family halves its maps five times; other sizes would need rounding in every resize.
SIZE_STEP_PX = 32


@dataclass(frozen=True)
class RuntimeConfig:
    """What is asked for: which verified weights, on what, how exactly, how many threads.

    weights: the verified ONNX file; sha256: its hash, hex; input_size: S in px, a multiple of 32;
    cache_dir: a writable folder for derived graphs and compiled models; threads: None = all cores.
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

    def __post_init__(self) -> None:
        """Refuse a size the graph cannot take, before anything is built."""
        if self.input_size <= 0 or self.input_size % SIZE_STEP_PX:
            raise ConfigurationError(
                f"input size {self.input_size} is not a multiple of {SIZE_STEP_PX}; "
                "use 320, 384 or 512"
            )


class Runtime(ABC):
    """One loaded model for one input size. Calls from several threads wait for each other."""

    def __init__(
        self,
        config: RuntimeConfig,
        max_batch: int,
        preferred_batch: int,
        free_bytes: int | None = None,
    ) -> None:
        """max_batch: most pictures in one engine call; preferred_batch: what pays best.

        Both shrink to what fits into free_bytes, by default the host's available memory.
        """
        self.config = config
        free = available_bytes() if free_bytes is None else free_bytes
        self.max_batch = affordable_batch(max_batch, free, config.input_size)
        self.preferred_batch = min(preferred_batch, self.max_batch)
        self._running = threading.Lock()
        self._why, self._degraded = "", False

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Scores of each picture, each as if it were alone.

        batch: (N, 3, S, S) float32, any N >= 0. Returns (N, S, S) float32.
        """
        size = self.config.input_size
        if batch.shape[1:] != (3, size, size) or batch.dtype != np.float32:
            raise ModelFailed(
                f"the model takes (N, 3, {size}, {size}) float32, not {batch.shape} {batch.dtype}"
            )
        if not len(batch):
            return np.empty((0, size, size), np.float32)
        # The batcher is the one caller in the service; scripts may share a model among threads.
        with self._running:
            return self._run(np.ascontiguousarray(batch))

    @abstractmethod
    def _run(self, batch: np.ndarray) -> np.ndarray:
        """The same, for a contiguous, checked batch with N >= 1."""

    def explain(self, why: str, degraded: bool = False) -> None:
        """Keep the reason of the choice; degraded: a GPU is present but unusable."""
        self._why, self._degraded = why, degraded

    def describe(self) -> dict:
        """What runs and why: plain values, ready for JSON."""
        return {
            "device_asked": self.config.device,
            "precision_asked": self.config.precision,
            "degraded": self._degraded,
            "why": self._why,
            "input_size": self.config.input_size,
            "max_batch": self.max_batch,
            "preferred_batch": self.preferred_batch,
            **self._facts(),
        }

    @abstractmethod
    def _facts(self) -> dict:
        """Device, runtime, precision, threads, streams and versions that are really in use."""

    @abstractmethod
    def close(self) -> None:
        """Free the engine's memory; `run` must not be called after."""
