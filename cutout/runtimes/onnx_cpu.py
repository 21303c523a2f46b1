"""onnxruntime on the CPU: the reference that the other engines are measured against."""

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from cutout.errors import ModelFailed
from cutout.parallel import usable_cores
from cutout.runtimes import hardware
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.derived import derived_graph
from cutout.runtimes.graphs import INPUT, OUTPUT, Kind

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
    """onnxruntime's CPU provider, fp32 or 8-bit."""

    def __init__(self, config: RuntimeConfig, precision: Kind) -> None:
        """precision: "fp32" or "int8"."""
        # Batching gains nothing on a CPU and costs memory: one image at a time.
        super().__init__(config, preferred_batch=1, free_bytes=hardware.host_free_bytes())
        self._precision = precision
        options = onnxruntime.SessionOptions()
        self._threads = config.threads or usable_cores()
        options.intra_op_num_threads = self._threads
        # An arena would keep the peak of every size; without it freed blocks go back to the system.
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            derived_graph(config, precision), options, providers=["CPUExecutionProvider"]
        )

    def _run(self, batch: np.ndarray) -> np.ndarray:
        try:
            maps = [self._session.run([OUTPUT], {INPUT: tensor[None]})[0][0, 0] for tensor in batch]
        except ENGINE_ERRORS as error:
            raise ModelFailed("onnxruntime failed on this image") from error
        return np.stack(maps)

    def _engine_info(self) -> dict[str, object]:
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
