"""Models: what is known of each, and how its file comes onto this machine."""

from .folders import derived_folder
from .hashes import verify
from .models import LEFT_OUT, MODELS, ModelSpec, WheelSource, spec_of
from .store import ensure, files_present

__all__ = [
    "LEFT_OUT",
    "MODELS",
    "ModelSpec",
    "WheelSource",
    "derived_folder",
    "ensure",
    "files_present",
    "spec_of",
    "verify",
]
