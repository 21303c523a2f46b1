"""Derived graphs on disk: built once, kept under a hash of their recipe, sealed."""

import hashlib
import json
import logging
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from cutout.errors import ConfigurationError
from cutout.runtimes import graphs
from cutout.runtimes.base import RuntimeConfig
from cutout.runtimes.checksums import verify_checksum, write_checksum, write_derived

log = logging.getLogger(__name__)
GRAPH_NAMES = {"fp32": "32-bit", "fp16": "16-bit", "int8": "8-bit"}


def derived_graph(config: RuntimeConfig, kind: graphs.Kind) -> Path:
    """The graph of this kind, from the cache or built now (seconds; an int8 one the longest)."""
    ranges = shipped_ranges(config.model_name) if kind == "int8" else None
    key = derived_key(config.sha256, kind, ranges)
    target = config.cache_dir / "graphs" / f"{config.model_name}-{kind}-{key}.onnx"
    if not verify_checksum(target):
        log.info("making the %s graph of %s, once", GRAPH_NAMES[kind], config.model_name)
        data = graphs.build(config.weights, kind, ranges)
        write_derived(target, data)
        write_checksum(target)
    return target


def derived_key(sha256: str, kind: graphs.Kind, ranges: dict | None) -> str:
    """Changes whenever the graph would: with the weights, our steps, the ranges, the libraries."""
    libraries = {name: version(name) for name in ("onnx", "numpy")} | {"onnxruntime": ort_version()}
    key_parts = [graphs.GRAPH_VERSION, sha256, kind, ranges, libraries]
    return hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:16]


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
