"""Derived graphs on disk: built once, kept under a hash of their recipe, sealed."""

import hashlib
import json
import logging
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from cutout.errors import ConfigurationError
from cutout.runtimes import graphs
from cutout.runtimes.base import Request
from cutout.runtimes.checksums import intact, seal
from cutout.runtimes.files import write_atomically

log = logging.getLogger(__name__)


def derived(request: Request, kind: graphs.Kind) -> Path:
    """The graph of this kind, from the cache or built now (seconds; an int8 one the longest)."""
    ranges = shipped_ranges(request.model_name) if kind == "int8" else None
    key = recipe_key(request.sha256, kind, ranges)
    target = request.cache_dir / "graphs" / f"{request.model_name}-{kind}-{key}.onnx"
    if not intact(target):
        log.info("building the %s graph of %s", kind, request.model_name)
        data = graphs.build(request.weights, kind, ranges)
        write_atomically(target, data)
        seal(target)
    return target


def recipe_key(sha256: str, kind: graphs.Kind, ranges: dict | None) -> str:
    """Changes whenever the graph would: with the weights, our steps, the ranges, the libraries."""
    libraries = {name: version(name) for name in ("onnx", "numpy")} | {"onnxruntime": ort_version()}
    recipe = [graphs.RECIPE, sha256, kind, ranges, libraries]
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def ort_version() -> str:
    """Asked of the module: it comes from one of several distributions (CPU, GPU)."""
    import onnxruntime

    return onnxruntime.__version__


def shipped_ranges(model_name: str) -> dict:
    """Activation ranges found by `benchmarks/calibrate.py`: tensor name -> [lowest, highest]."""
    source = files(__package__) / "ranges" / f"{model_name}.json"
    if not source.is_file():
        raise ConfigurationError(
            f"no 8-bit ranges ship for {model_name}; choose fp32, or make them with calibrate.py"
        )
    return json.loads(source.read_text())


def has_ranges(model_name: str) -> bool:
    return (files(__package__) / "ranges" / f"{model_name}.json").is_file()
