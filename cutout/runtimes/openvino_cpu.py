"""OpenVINO on the CPU: 8-bit, bf16 or fp32, on as many parallel requests as the machine feeds."""

import numpy as np
import openvino

from cutout.errors import DeviceUnavailable, ModelFailed
from cutout.parallel import usable_cores
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.checksums import remove_damaged, write_checksums
from cutout.runtimes.derived import derived_graph

# Up to here one picture keeps every core busy (measured: two requests gain nothing on two cores).
CORES_ONE_PICTURE_FEEDS = 4
CAPABILITY = {"bf16": "BF16", "fp16": "FP16"}
HINT = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


class OpenVino(Runtime):
    """A compiled model for one picture; on machines with many cores a second one for many."""

    def __init__(self, config: RuntimeConfig, precision: str) -> None:
        """precision: "fp32", "bf16", "fp16" or "int8"."""
        self._precision = precision
        self._threads = config.threads or usable_cores()
        self._core = openvino.Core()
        refuse_emulation(self._core, precision)
        compiled = config.cache_dir / "openvino"
        remove_damaged(compiled, "*.blob")
        self._core.set_property({"CACHE_DIR": str(compiled)})
        model = self._core.read_model(graph_for(config, precision))
        # A fixed shape lets the compiler choose its kernels and reuse memory.
        model.reshape([1, 3, config.input_size, config.input_size])
        self._single = self._compile(model, "LATENCY")
        self._queue = None
        if self._threads > CORES_ONE_PICTURE_FEEDS:
            self._queue = openvino.AsyncInferQueue(self._compile(model, "THROUGHPUT"))
        write_checksums(compiled, "*.blob")
        self._request = self._single.create_infer_request()
        # Asked once: it waits for the picture that is being computed, and holds the GIL meanwhile,
        # so that every thread of a busy server would stand still with it.
        self._threads = self._single.get_property("INFERENCE_NUM_THREADS")
        streams = len(self._queue) if self._queue else 1
        super().__init__(config, max_batch=12, preferred_batch=streams)

    def _compile(self, model, hint: str):
        options = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_PRECISION_HINT": HINT.get(self._precision, "f32"),
            "INFERENCE_NUM_THREADS": self._threads,
        }
        return self._core.compile_model(model, "CPU", options)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        scores = np.empty((len(batch), *batch.shape[2:]), np.float32)
        try:
            if self._queue is None or len(batch) == 1:
                self._run_in_turn(batch, scores)
            else:
                self._run_in_parallel(batch, scores)
        except RuntimeError as error:
            raise ModelFailed("OpenVINO failed on this picture") from error
        return scores

    def _run_in_turn(self, batch: np.ndarray, scores: np.ndarray) -> None:
        for place, one in enumerate(batch):
            self._request.infer({0: one[None]}, share_inputs=True)
            scores[place] = self._request.get_output_tensor(0).data[0, 0]

    def _run_in_parallel(self, batch: np.ndarray, scores: np.ndarray) -> None:
        def keep(request, place: int) -> None:
            scores[place] = request.get_output_tensor(0).data[0, 0]

        self._queue.set_callback(keep)
        for place, one in enumerate(batch):
            self._queue.start_async({0: one[None]}, place, share_inputs=True)
        self._queue.wait_all()

    def _facts(self) -> dict:
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


def graph_for(config: RuntimeConfig, precision: str):
    """fp32 weights serve every float precision: OpenVINO converts while it compiles."""
    return derived_graph(config, "int8" if precision == "int8" else "fp32")


def refuse_emulation(core: openvino.Core, precision: str) -> None:
    """A float precision the processor lacks would be emulated in fp32, silently and no faster."""
    needed = CAPABILITY.get(precision)
    if needed and needed not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise DeviceUnavailable(
            f"this processor has no {precision} arithmetic; set the precision to auto, int8 or fp32"
        )


def multiplies_8_bits() -> bool:
    """Whether OpenVINO has 8-bit kernels for this processor (on x86 from AVX2 on)."""
    return "INT8" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
