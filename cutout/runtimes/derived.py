"""Derived graphs on disk, each built once and named by a hash of everything it depends on."""

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
from cutout.runtimes.quantise import Ranges

log = logging.getLogger(__name__)
GRAPH_NAMES = {"fp32": "32-bit", "fp16": "16-bit", "int8": "8-bit"}


def derived_graph(config: RuntimeConfig, kind: graphs.Kind) -> Path:
    """Path of the graph of this kind: in the cache, or built now, which takes some seconds."""
    name = f"{config.model_name}-{kind}-{graph_key(config, kind)}.onnx"
    target = config.cache_dir / "graphs" / name
    if not verify_checksum(target):
        log.info("making the %s graph of %s, once", GRAPH_NAMES[kind], config.model_name)
        data = graphs.build(config.weights, kind, _ranges_for(config, kind))
        write_derived(target, data)
        write_checksum(target)
    return target


def graph_key(config: RuntimeConfig, kind: graphs.Kind) -> str:
    """Hash that names the graph of this kind."""
    return derived_key(config.sha256, kind, _ranges_for(config, kind))


def _ranges_for(config: RuntimeConfig, kind: graphs.Kind) -> Ranges | None:
    return ranges_of(config) if kind == "int8" else None


def derived_key(sha256: str, kind: graphs.Kind, ranges: Ranges | None) -> str:
    """Hash of what the graph depends on: weights, our steps, ranges, versions of the libraries."""
    libraries = {name: version(name) for name in ("onnx", "numpy")} | {"onnxruntime": ort_version()}
    key_parts = [graphs.GRAPH_VERSION, sha256, kind, ranges, libraries]
    return hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:16]


def ort_version() -> str:
    """Version of the module: the distribution's name differs between CPU and GPU builds."""
    import onnxruntime

    return str(onnxruntime.__version__)


def ranges_of(config: RuntimeConfig) -> Ranges:
    """The activation ranges of a model; ConfigurationError where there are none."""
    if config.ranges is None:
        return shipped_ranges(config.model_name)
    try:
        ranges: Ranges = json.loads(config.ranges.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The file of ranges {config.ranges.name} cannot be read; set the precision to fp32."
        ) from error
    return ranges


def shipped_ranges(model_name: str) -> Ranges:
    """The activation ranges in this package; ConfigurationError for a model without."""
    source = files(__package__) / "ranges" / f"{model_name}.json"
    if not source.is_file():
        raise ConfigurationError(
            f"{model_name} has no 8-bit ranges; set the precision to auto or fp32, or measure "
            "them with benchmarks/calibrate.py"
        )
    ranges: Ranges = json.loads(source.read_text())
    return ranges


def has_ranges(model_name: str, own: Path | None = None) -> bool:
    """Whether the model can run in 8 bits. own: file of ranges that lies beside the model."""
    return own is not None or (files(__package__) / "ranges" / f"{model_name}.json").is_file()
