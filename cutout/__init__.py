"""Background removal with U²-Net: everything beside the fixed top-level files."""

from cutout.absent_pymatting import provide_pymatting
from cutout.no_telemetry import disable_telemetry

__version__ = "0.1.0"

# Before any module of this package imports onnxruntime or openvino.
disable_telemetry()
provide_pymatting()
