"""One tensor in, one score map out, on CUDA, OpenVINO or onnxruntime's CPU provider."""

from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.factory import open_runtime
from cutout.runtimes.pool import RuntimePool

__all__ = ["Runtime", "RuntimeConfig", "RuntimePool", "open_runtime"]
