"""From what is asked for to what runs: strict when it is named, honest when it is "auto"."""

import importlib.util
import logging

from cutout.errors import ConfigurationError, DeviceUnavailable
from cutout.runtimes import hardware
from cutout.runtimes.base import Request, Runtime
from cutout.runtimes.derived import has_ranges

log = logging.getLogger(__name__)

# Which precisions each engine has. OpenVINO checks the processor itself.
CPU_PRECISIONS = {
    "openvino": ("auto", "fp32", "bf16", "fp16", "int8"),
    "onnxruntime": ("auto", "fp32", "int8"),
}
CUDA_PRECISIONS = ("auto", "fp32", "fp16")


def open_runtime(request: Request) -> Runtime:
    """The runtime asked for, loaded and warm; never another one in silence.

    device "cuda" raises DeviceUnavailable when the GPU is not really used. "auto" tries a GPU that
    is present, else takes the CPU and says in `describe()` whether it is degraded, and why.
    """
    if request.device == "cuda":
        return open_cuda(request, "cuda was asked for")
    if request.device == "cpu":
        return open_cpu(request, "cpu was asked for")
    if request.runtime == "tensorrt":
        return open_cuda(request, "tensorrt was asked for")
    evidence = hardware.gpu_evidence()
    if evidence is None:
        return open_cpu(request, "no NVIDIA GPU found")
    return open_cuda_or_degrade(request, evidence)


def open_cuda_or_degrade(request: Request, evidence: str) -> Runtime:
    """A GPU is present: use it, or say loudly that it is not used."""
    try:
        return open_cuda(request, evidence)
    except DeviceUnavailable as error:
        why = f"{evidence}, but it cannot be used: {error.detail}"
        log.warning("degraded, running on the CPU: %s", why)
        runtime = open_cpu(request, why)
        runtime.explain(runtime.describe()["why"], degraded=True)
        return runtime


def open_cuda(request: Request, why: str) -> Runtime:
    from cutout.runtimes.cuda import OnnxCuda

    engine = "onnxruntime" if request.runtime == "auto" else request.runtime
    if engine == "openvino":
        raise ConfigurationError("OpenVINO does not run on CUDA; set the runtime to auto")
    if request.precision not in CUDA_PRECISIONS:
        raise ConfigurationError(
            f"{request.precision} is not offered on CUDA; set the precision to fp32 or fp16"
        )
    precision = "fp32" if request.precision == "auto" else request.precision
    runtime = OnnxCuda(request, precision, engine)
    runtime.explain(why)
    return runtime


def open_cpu(request: Request, why: str) -> Runtime:
    engine = "openvino" if request.runtime == "auto" else request.runtime
    if engine == "tensorrt":
        raise ConfigurationError("TensorRT needs an NVIDIA GPU; set the device to cuda or auto")
    if request.precision not in CPU_PRECISIONS[engine]:
        raise ConfigurationError(
            f"{engine} has no {request.precision} on a CPU; "
            f"choose one of {', '.join(CPU_PRECISIONS[engine])}"
        )
    precision, reason = cpu_precision(request, engine)
    runtime = load(request, engine, precision)
    runtime.explain(f"{why}; {reason}")
    return runtime


def cpu_precision(request: Request, engine: str) -> tuple[str, str]:
    """The precision to run, and why that one."""
    if request.precision != "auto":
        return request.precision, f"{request.precision} was asked for"
    if engine == "onnxruntime":
        return "fp32", "fp32 because onnxruntime is the reference"
    if not has_ranges(request.model_name):
        return "fp32", f"fp32 because no 8-bit ranges ship for {request.model_name}"
    if not openvino_module().multiplies_8_bits():
        return "fp32", "fp32 because this processor gains nothing from 8 bits"
    return "int8", f"int8 because calibrated ranges ship for {request.model_name}"


def load(request: Request, engine: str, precision: str) -> Runtime:
    if engine == "openvino":
        return openvino_module().OpenVino(request, precision)
    from cutout.runtimes.onnx_cpu import OnnxCpu

    return OnnxCpu(request, precision)


def openvino_module():
    """Imported only where it is used: it takes half a second."""
    if importlib.util.find_spec("openvino") is None:
        raise ConfigurationError(
            "OpenVINO is not installed; install openvino, or set the runtime to onnxruntime"
        )

    return intel
