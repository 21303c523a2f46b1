"""One tensor in, one map out, on CUDA, OpenVINO or onnxruntime's CPU provider."""

from cutout.runtimes.base import Request, Runtime
from cutout.runtimes.factory import open_runtime

__all__ = ["Request", "Runtime", "open_runtime"]
