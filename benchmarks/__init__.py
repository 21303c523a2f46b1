"""Measurements, one script for each question; see README.md in this folder."""

# Before a script imports onnxruntime or rembg: it turns their telemetry off.
import cutout  # noqa: F401
