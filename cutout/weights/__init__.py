"""The files of the models: find, download, verify."""

from cutout.models.table import MODELS, UNSUPPORTED, ModelSpec, WheelSource, spec_of
from cutout.weights.folders import derived_folder
from cutout.weights.hashes import verify
from cutout.weights.store import ensure, ensure_spec, files_present, with_sizes

__all__ = [
    "MODELS",
    "UNSUPPORTED",
    "ModelSpec",
    "WheelSource",
    "derived_folder",
    "ensure",
    "ensure_spec",
    "files_present",
    "spec_of",
    "verify",
    "with_sizes",
]
