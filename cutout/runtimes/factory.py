"""Chooses and opens a runtime: a named device or an error; under "auto" what works, and why."""

import functools
import importlib.util
import logging
from typing import Literal

from cutout.errors import ConfigurationError, DeviceUnavailable
from cutout.runtimes import hardware
from cutout.runtimes.base import Precision, Runtime, RuntimeConfig
from cutout.runtimes.derived import has_ranges
from cutout.runtimes.graphs import Kind

log = logging.getLogger(__name__)

# Which precisions each engine has. OpenVINO checks the processor itself.
CPU_PRECISIONS: dict[str, tuple[Precision, ...]] = {
    "openvino": ("auto", "fp32", "bf16", "fp16", "int8"),
    "onnxruntime": ("auto", "fp32", "int8"),
}
CUDA_PRECISIONS = ("auto", "fp32", "fp16")


def open_runtime(config: RuntimeConfig) -> Runtime:
    """The runtime asked for, loaded and warm.

    device "cuda" raises DeviceUnavailable when the GPU is not really used. "auto" tries a GPU that
    is present, else takes the CPU and says in `describe()` whether it is degraded, and why.
    """
    if config.runtime == "triton":
        from cutout.runtimes.triton import Triton

        return Triton(config)
    if config.device == "cuda":
        return open_cuda(config, "cuda was asked for")
    if config.device == "cpu":
        return open_cpu(config, "cpu was asked for")
    if config.runtime == "tensorrt":
        return open_cuda(config, "tensorrt was asked for")
    found = hardware.find_gpu()
    if found is None:
        return open_cpu(config, "no NVIDIA GPU found")
    return open_cuda_or_degrade(config, found)


def open_cuda_or_degrade(config: RuntimeConfig, found: str) -> Runtime:
    """A GPU is present: use it, or log a warning and run degraded on the CPU."""
    try:
        return open_cuda(config, found)
    except DeviceUnavailable as error:
        why = f"{found}, but it cannot be used: {error.detail}"
        log.warning("degraded, running on the CPU: %s", why)
        return open_cpu(config, why, degraded=True)


def open_cuda(config: RuntimeConfig, why: str) -> Runtime:
    from cutout.runtimes.cuda import OnnxCuda

    engine = "onnxruntime" if config.runtime == "auto" else config.runtime
    if engine == "openvino":
        raise ConfigurationError("OpenVINO does not run on CUDA; set the runtime to auto")
    if config.precision not in CUDA_PRECISIONS:
        raise ConfigurationError(
            f"{config.precision} is not offered on CUDA; set the precision to fp32 or fp16"
        )
    precision: Kind = "fp16" if config.precision == "fp16" else "fp32"
    runtime = OnnxCuda(config, precision, engine)
    runtime.set_reason(why)
    return runtime


def open_cpu(config: RuntimeConfig, why: str, degraded: bool = False) -> Runtime:
    engine = best_cpu_engine() if config.runtime == "auto" else config.runtime
    if engine == "tensorrt":
        raise ConfigurationError("TensorRT needs an NVIDIA GPU; set the device to cuda or auto")
    if config.precision not in CPU_PRECISIONS[engine]:
        raise ConfigurationError(
            f"{engine} has no {config.precision} on a CPU; "
            f"choose one of {', '.join(CPU_PRECISIONS[engine])}"
        )
    log_processor()
    precision, reason = cpu_precision(config, engine)
    runtime = load(config, engine, precision)
    runtime.set_reason(f"{why}; {reason}", degraded)
    return runtime


@functools.cache
def log_processor() -> None:
    """Say once in a process what the speed depends on."""
    log.info("processor: %s", hardware.processor())


def cpu_precision(config: RuntimeConfig, engine: str) -> tuple[Precision, str]:
    """The precision to run, and why that one."""
    if config.precision != "auto":
        return config.precision, f"{config.precision} was asked for"
    if engine == "onnxruntime":
        why = "serves as the reference" if config.runtime == "onnxruntime" else "runs"
        where = "" if has_openvino() else ", and OpenVINO is not installed"
        return "fp32", f"fp32 because onnxruntime {why}{where}"
    if not has_ranges(config.model_name, config.ranges):
        return "fp32", f"fp32 because {config.model_name} has no 8-bit ranges"
    require_openvino()
    from cutout.runtimes.openvino_cpu import has_int8_kernels

    if not has_int8_kernels():
        return "fp32", "fp32 because this processor gains nothing from 8 bits"
    return "int8", f"int8 because {config.model_name} has calibrated 8-bit ranges"


def load(config: RuntimeConfig, engine: str, precision: Precision) -> Runtime:
    """Each engine is imported only where it is used: OpenVINO takes half a second."""
    if engine == "openvino":
        require_openvino()
        from cutout.runtimes.openvino_cpu import OpenVino

        return OpenVino(config, precision)
    from cutout.runtimes.onnx_cpu import OnnxCpu

    return OnnxCpu(config, "int8" if precision == "int8" else "fp32")


def best_cpu_engine() -> Literal["openvino", "onnxruntime"]:
    """OpenVINO, and onnxruntime where it is not installed (it has no wheel for every platform)."""
    return "openvino" if has_openvino() else "onnxruntime"


def has_openvino() -> bool:
    return importlib.util.find_spec("openvino") is not None


def require_openvino() -> None:
    """Raise ConfigurationError where OpenVINO is not installed."""
    if not has_openvino():
        raise ConfigurationError(
            "OpenVINO is not installed; install openvino, or set the runtime to onnxruntime"
        )
