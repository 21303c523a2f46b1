"""OpenVINO on the CPU in 8 bits, bf16, fp16 or fp32; parallel requests where cores are many."""

import numpy as np
import openvino

from cutout.errors import DeviceUnavailable, ModelFailed
from cutout.parallel import usable_cores
from cutout.runtimes import hardware
from cutout.runtimes.base import Precision, Runtime, RuntimeConfig
from cutout.runtimes.compiled import Options, compiled_model, compiled_path
from cutout.runtimes.derived import derived_graph, graph_key
from cutout.runtimes.graphs import Kind

# Up to this many cores one image keeps all of them busy (two requests on two cores gain nothing).
SINGLE_REQUEST_CORES = 4
# Images in one call, however many parallel requests OpenVINO suggests.
MAX_STREAMS = 12
CAPABILITY = {"bf16": "BF16", "fp16": "FP16"}
HINT = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


class OpenVino(Runtime):
    """A model compiled for latency; on machines with many cores a second one for throughput."""

    def __init__(self, config: RuntimeConfig, precision: Precision) -> None:
        """precision: "fp32", "bf16", "fp16" or "int8"."""
        self._precision = precision
        self._threads = config.threads or usable_cores()
        self._core = openvino.Core()
        require_native_precision(self._core, precision)
        self._single = self._compiled(config, "LATENCY")
        self._queue: openvino.AsyncInferQueue | None = None
        if self._threads > SINGLE_REQUEST_CORES:
            self._queue = openvino.AsyncInferQueue(self._compiled(config, "THROUGHPUT"))
        self._request = self._single.create_infer_request()
        # Read once: the call waits for the image that is being computed and holds the GIL
        # meanwhile, so that no thread of a busy server would run.
        self._threads = self._single.get_property("INFERENCE_NUM_THREADS")
        streams = len(self._queue) if self._queue else 1
        super().__init__(config, min(streams, MAX_STREAMS), hardware.host_free_bytes())

    def _compiled(self, config: RuntimeConfig, hint: str) -> openvino.CompiledModel:
        kind, side = kind_of(self._precision), config.input_size
        options: Options = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_PRECISION_HINT": HINT.get(self._precision, "f32"),
            "INFERENCE_NUM_THREADS": self._threads,
        }
        depends_on = [graph_key(config, kind), side, self._precision, options]
        name = f"{config.model_name}-{self._precision}-{side}"
        path = compiled_path(config.cache_dir / "openvino", self._core, name, depends_on)

        def read_model() -> openvino.Model:
            model = self._core.read_model(derived_graph(config, kind))
            # A fixed shape lets the compiler choose its kernels and reuse memory.
            model.reshape([1, 3, side, side])
            return model

        return compiled_model(self._core, path, options, read_model)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        scores = np.empty((len(batch), *batch.shape[2:]), np.float32)
        try:
            if self._queue is None or len(batch) == 1:
                self._run_in_turn(batch, scores)
            else:
                self._run_in_parallel(self._queue, batch, scores)
        except RuntimeError as error:
            raise ModelFailed("OpenVINO failed on this image") from error
        return scores

    def _run_in_turn(self, batch: np.ndarray, scores: np.ndarray) -> None:
        for index, tensor in enumerate(batch):
            self._request.infer({0: tensor[None]}, share_inputs=True)
            scores[index] = self._request.get_output_tensor(0).data[0, 0]

    def _run_in_parallel(
        self, queue: openvino.AsyncInferQueue, batch: np.ndarray, scores: np.ndarray
    ) -> None:
        def store(request: openvino.InferRequest, index: int) -> None:
            scores[index] = request.get_output_tensor(0).data[0, 0]

        queue.set_callback(store)
        for index, tensor in enumerate(batch):
            queue.start_async({0: tensor[None]}, index, share_inputs=True)
        queue.wait_all()

    def _engine_info(self) -> dict[str, object]:
        return {
            "device": "cpu",
            "runtime": "openvino",
            "precision": self._precision,
            "threads": self._threads,
            "streams": self.preferred_batch,
            "versions": {"openvino": openvino.__version__},
        }

    def close(self) -> None:
        self._request = self._queue = self._single = None


def kind_of(precision: Precision) -> Kind:
    """The graph to compile; from fp32 OpenVINO converts to the other float precisions itself."""
    return "int8" if precision == "int8" else "fp32"


def require_native_precision(core: openvino.Core, precision: Precision) -> None:
    """Refuse a float precision the processor lacks; OpenVINO would compute in fp32 instead."""
    needed = CAPABILITY.get(precision)
    if needed and needed not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise DeviceUnavailable(
            f"this processor has no {precision} arithmetic; set the precision to auto, int8 or fp32"
        )


def has_int8_kernels() -> bool:
    """Whether OpenVINO has 8-bit kernels for this processor (on x86 from AVX2 on)."""
    return "INT8" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
