"""One tensor in, one map out, on CUDA, OpenVINO or onnxruntime's CPU provider."""

from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.factory import open_runtime

__all__ = ["Runtime", "RuntimeConfig", "open_runtime"]
