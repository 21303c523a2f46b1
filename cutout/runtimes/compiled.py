"""Models that OpenVINO has compiled, in the cache folder: a start imports one in half the time.

OpenVINO's own cache would still read and reshape the graph to find the file that belongs to it.
"""

import hashlib
import io
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import openvino

from cutout.errors import ConfigurationError
from cutout.runtimes.checksums import read_verified, write_checksum, write_derived

log = logging.getLogger(__name__)
Options = Mapping[str, str | int]


def compiled_model(
    core: openvino.Core, path: Path, options: Options, read_model: Callable[[], openvino.Model]
) -> openvino.CompiledModel:
    """The compiled model in the file `path`, or the one of `read_model`, compiled now and stored.

    options: OpenVINO's properties. A file that is damaged, or that OpenVINO refuses, is made again.
    """
    if path.exists():
        data = read_verified(path)
        try:
            if data is not None:
                return core.import_model(io.BytesIO(data), "CPU", dict(options))
        except RuntimeError:
            log.debug("OpenVINO refuses a compiled model", exc_info=True)
        log.warning("a compiled model in the cache is damaged or incomplete: compiling again")
    compiled = core.compile_model(read_model(), "CPU", dict(options))
    _store(path, compiled)
    return compiled


def _store(path: Path, compiled: openvino.CompiledModel) -> None:
    """Where nothing can be stored, as in a read-only container, each start compiles."""
    try:
        write_derived(path, compiled.export_model().getbuffer())
        write_checksum(path)
    except ConfigurationError as error:
        log.info("the compiled model is not kept: %s", error.detail)


def compiled_path(folder: Path, core: openvino.Core, name: str, depends_on: object) -> Path:
    """Path for a compiled model; no other processor or version of OpenVINO has the same.

    depends_on: graph, size and options, ready for JSON.
    """
    properties = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    machine = [openvino.get_version(), *(core.get_property("CPU", one) for one in properties)]
    text = json.dumps([machine, depends_on], sort_keys=True)
    return folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.blob"
