"""OpenVINO on the CPU in 8 bits, bf16, fp16 or fp32; several images at once while many wait."""

import numpy as np
import openvino

from cutout.errors import DeviceUnavailable, ModelFailed
from cutout.parallel import parallel_map, usable_cores
from cutout.runtimes import hardware
from cutout.runtimes.base import Precision, Runtime, RuntimeConfig
from cutout.runtimes.compiled import Options, compiled_model, compiled_path
from cutout.runtimes.derived import derived_graph, graph_key
from cutout.runtimes.graphs import Kind
from cutout.runtimes.shared_requests import SharedRequests
from cutout.runtimes.streams import streams_for

CAPABILITY = {"bf16": "BF16", "fp16": "FP16"}
HINT = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


class OpenVino(Runtime):
    """A model compiled to take all cores for one image, and a second one that divides them.

    An image that comes while no other is computed gets all cores. When the first two come together
    the second model is loaded, in the background: one stream of few cores for each image, which
    takes less CPU time an image. A start, or a command with one image, does not pay for it.
    """

    def __init__(self, config: RuntimeConfig, precision: Precision) -> None:
        """precision: "fp32", "bf16", "fp16" or "int8"."""
        self._precision = precision
        self._threads = config.threads or usable_cores()
        free_bytes = hardware.host_free_bytes()
        streams = streams_for(self._threads, free_bytes, config.input_size)
        super().__init__(config, streams, free_bytes, parallel_runs=streams)
        self._core = openvino.Core()
        require_native_precision(self._core, precision)
        single = self._compiled(streams=1)
        self._requests = SharedRequests(single.create_infer_request(), self._open_streams)
        # Read once: the call waits for the image that is being computed and holds the GIL
        # meanwhile, so that no thread of a busy server would run.
        self._used_threads = single.get_property("INFERENCE_NUM_THREADS")

    def _open_streams(self) -> list[openvino.InferRequest]:
        """One request for each stream; none where one image has all cores."""
        if self.parallel_runs == 1:
            return []
        several = self._compiled(self.parallel_runs)
        return [several.create_infer_request() for _ in range(self.parallel_runs)]

    def _compiled(self, streams: int) -> openvino.CompiledModel:
        config = self.config
        kind, side = kind_of(self._precision), config.input_size
        options: Options = {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": HINT.get(self._precision, "f32"),
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": streams,
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
        many = parallel_map if self.parallel_runs > 1 else map
        return np.stack(list(many(self._run_one, list(batch))))

    def _run_one(self, tensor: np.ndarray) -> np.ndarray:
        """Scores (S, S) of a tensor (3, S, S)."""
        with self._requests.taken() as request:
            try:
                request.infer({0: tensor[None]}, share_inputs=True)
            except RuntimeError as error:
                raise ModelFailed("OpenVINO failed on this image") from error
            # The request's own memory is written again by the next image.
            scores: np.ndarray = request.get_output_tensor(0).data[0, 0].copy()
            return scores

    def _engine_info(self) -> dict[str, object]:
        return {
            "device": "cpu",
            "runtime": "openvino",
            "precision": self._precision,
            "threads": self._used_threads,
            "streams": self.parallel_runs,
            "versions": {"openvino": openvino.__version__},
        }

    def close(self) -> None:
        self._requests.close()


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
