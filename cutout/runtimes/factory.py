"""From what is asked for to what runs: strict when it is named, honest when it is "auto"."""

import importlib.util
import logging

from cutout.errors import ConfigurationError, DeviceUnavailable
from cutout.runtimes import hardware
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.derived import has_ranges

log = logging.getLogger(__name__)

# Which precisions each engine has. OpenVINO checks the processor itself.
CPU_PRECISIONS = {
    "openvino": ("auto", "fp32", "bf16", "fp16", "int8"),
    "onnxruntime": ("auto", "fp32", "int8"),
}
CUDA_PRECISIONS = ("auto", "fp32", "fp16")


def open_runtime(config: RuntimeConfig) -> Runtime:
    """The runtime asked for, loaded and warm; never another one in silence.

    device "cuda" raises DeviceUnavailable when the GPU is not really used. "auto" tries a GPU that
    is present, else takes the CPU and says in `describe()` whether it is degraded, and why.
    """
    if config.device == "cuda":
        return open_cuda(config, "cuda was asked for")
    if config.device == "cpu":
        return open_cpu(config, "cpu was asked for")
    if config.runtime == "tensorrt":
        return open_cuda(config, "tensorrt was asked for")
    evidence = hardware.gpu_evidence()
    if evidence is None:
        return open_cpu(config, "no NVIDIA GPU found")
    return open_cuda_or_degrade(config, evidence)


def open_cuda_or_degrade(config: RuntimeConfig, evidence: str) -> Runtime:
    """A GPU is present: use it, or say loudly that it is not used."""
    try:
        return open_cuda(config, evidence)
    except DeviceUnavailable as error:
        why = f"{evidence}, but it cannot be used: {error.detail}"
        log.warning("degraded, running on the CPU: %s", why)
        runtime = open_cpu(config, why)
        runtime.explain(runtime.describe()["why"], degraded=True)
        return runtime


def open_cuda(config: RuntimeConfig, why: str) -> Runtime:
    from cutout.runtimes.cuda import OnnxCuda

    engine = "onnxruntime" if config.runtime == "auto" else config.runtime
    if engine == "openvino":
        raise ConfigurationError("OpenVINO does not run on CUDA; set the runtime to auto")
    if config.precision not in CUDA_PRECISIONS:
        raise ConfigurationError(
            f"{config.precision} is not offered on CUDA; set the precision to fp32 or fp16"
        )
    precision = "fp32" if config.precision == "auto" else config.precision
    runtime = OnnxCuda(config, precision, engine)
    runtime.explain(why)
    return runtime


def open_cpu(config: RuntimeConfig, why: str) -> Runtime:
    engine = "openvino" if config.runtime == "auto" else config.runtime
    if engine == "tensorrt":
        raise ConfigurationError("TensorRT needs an NVIDIA GPU; set the device to cuda or auto")
    if config.precision not in CPU_PRECISIONS[engine]:
        raise ConfigurationError(
            f"{engine} has no {config.precision} on a CPU; "
            f"choose one of {', '.join(CPU_PRECISIONS[engine])}"
        )
    precision, reason = cpu_precision(config, engine)
    runtime = load(config, engine, precision)
    runtime.explain(f"{why}; {reason}")
    return runtime


def cpu_precision(config: RuntimeConfig, engine: str) -> tuple[str, str]:
    """The precision to run, and why that one."""
    if config.precision != "auto":
        return config.precision, f"{config.precision} was asked for"
    if engine == "onnxruntime":
        return "fp32", "fp32 because onnxruntime is the reference"
    if not has_ranges(config.model_name):
        return "fp32", f"fp32 because no 8-bit ranges ship for {config.model_name}"
    if not openvino_module().multiplies_8_bits():
        return "fp32", "fp32 because this processor gains nothing from 8 bits"
    return "int8", f"int8 because calibrated ranges ship for {config.model_name}"


def load(config: RuntimeConfig, engine: str, precision: str) -> Runtime:
    if engine == "openvino":
        return openvino_module().OpenVino(config, precision)
    from cutout.runtimes.onnx_cpu import OnnxCpu

    return OnnxCpu(config, precision)


def openvino_module():
    """Imported only where it is used: it takes half a second."""
    if importlib.util.find_spec("openvino") is None:
        raise ConfigurationError(
            "OpenVINO is not installed; install openvino, or set the runtime to onnxruntime"
        )
    from cutout.runtimes import openvino_cpu

    return openvino_cpu
