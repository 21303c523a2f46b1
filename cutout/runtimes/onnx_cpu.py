"""onnxruntime on the CPU: the reference that the other engines are measured against."""

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from cutout.errors import ModelFailed
from cutout.parallel import usable_cores
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.derived import derived_graph
from cutout.runtimes.graphs import INPUT, OUTPUT

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

    def __init__(self, config: RuntimeConfig, precision: str) -> None:
        """precision: "fp32" or "int8"."""
        # Batching gains nothing on a CPU and costs memory: one picture at a time.
        super().__init__(config, max_batch=1, preferred_batch=1)
        self._precision = precision
        options = onnxruntime.SessionOptions()
        self._threads = config.threads or usable_cores()
        options.intra_op_num_threads = self._threads
        # The arena keeps the peak of every size for good; freed blocks go back to the system.
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            derived_graph(config, precision), options, providers=["CPUExecutionProvider"]
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
            "precision": self._precision,
            "threads": self._threads,
            "streams": 1,
            "versions": {"onnxruntime": onnxruntime.__version__},
        }

    def close(self) -> None:
        self._session = None
