"""Lets rembg be imported where pymatting is not installed, as in the container images.

rembg imports three of its functions, and with them numba and LLVM (210 MB), for its own alpha
matting; nothing here calls that.
"""

import importlib.util
import sys
from types import ModuleType
from typing import NoReturn

# What rembg 2.0.69 imports (rembg/bg.py).
FUNCTIONS = {
    "pymatting.alpha.estimate_alpha_cf": "estimate_alpha_cf",
    "pymatting.foreground.estimate_foreground_ml": "estimate_foreground_ml",
    "pymatting.util.util": "stack_images",
}


def provide_pymatting() -> None:
    """Register modules with functions that raise, unless pymatting is installed."""
    if importlib.util.find_spec("pymatting") is not None:
        return
    for path, name in FUNCTIONS.items():
        module = ModuleType(path)
        setattr(module, name, _missing)
        sys.modules[path] = module


def _missing(*_: object, **__: object) -> NoReturn:
    raise ImportError("alpha_matting of rembg needs pymatting, which is not installed")
