"""Turns off the telemetry of onnxruntime and OpenVINO; takes effect only before they are imported.

Left alone, onnxruntime looks up a Microsoft host and writes a device id and a database of events
under HOME, and OpenVINO looks up a Google Analytics host and writes a client id there.
`cutout/__init__.py` calls this, so `cutout` is imported before onnxruntime, openvino and rembg.
"""

import os
import sys


def disable_telemetry() -> None:
    """Disable both for this process and, in the case of onnxruntime, its child processes."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # An import of it now raises ImportError, after which OpenVINO uses its own empty substitute.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
