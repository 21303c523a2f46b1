"""Writes a model repository for a Triton server: graph, configuration, one folder a model."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from cutout.files import write_atomically
from cutout.models.table import ModelSpec
from cutout.runtimes.base import RuntimeConfig
from cutout.runtimes.derived import derived_graph
from cutout.runtimes.graphs import Kind
from cutout.runtimes.remote_graph import with_normalisation

CONFIG = """\
# Written by `cutout triton-repository`. levels: the image scaled to S x S, S a multiple of 32.
name: "{name}"
backend: "{backend}"
max_batch_size: {max_batch}
input [
  {{ name: "levels" data_type: TYPE_UINT8 dims: [ 3, -1, -1 ] }},
  {{ name: "box" data_type: TYPE_INT32 dims: [ 4 ] }}
]
output [ {{ name: "answer" data_type: {answer} dims: [ -1, -1 ] }} ]
instance_group [ {{ kind: {kind} count: {instances} }} ]
# Requests that wait together run together. One that waited for longer than its own `timeout`
# is rejected rather than computed for nobody.
dynamic_batching {{
  max_queue_delay_microseconds: {delay_us}
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: {timeout_us}
    allow_timeout_override: true
    max_queue_size: {queue}
  }}
}}
model_warmup [ {{
  name: "first size"
  batch_size: 1
  inputs {{
    key: "levels"
    value {{ data_type: TYPE_UINT8 dims: [ 3, {size}, {size} ] zero_data: true }}
  }}
  inputs {{ key: "box" value {{ data_type: TYPE_INT32 dims: [ 4 ] zero_data: true }} }}
}} ]
"""


@dataclass(frozen=True)
class ServerConfig:
    """How the server runs the model.

    backend: onnxruntime, or python for servers without it. queue: requests that may wait; more
    are refused. delay_us: microseconds a request may wait for others to share a pass.
    """

    backend: Literal["onnxruntime", "python"] = "onnxruntime"
    device: Literal["cpu", "gpu"] = "cpu"
    precision: Kind = "fp32"
    max_batch: int = 8
    instances: int = 1
    queue: int = 64
    delay_us: int = 2000
    timeout_us: int = 30_000_000


def write_repository(
    out: Path, config: RuntimeConfig, spec: ModelSpec, server: ServerConfig
) -> Path:
    """Write the model's folder into `out` and give it; files are replaced whole.

    Raises ConfigurationError where the graph cannot be made, OSError where it cannot be written.
    """
    folder = out / spec.name
    (folder / "1").mkdir(parents=True, exist_ok=True)
    unit_scores = spec.activation == "none"
    graph = derived_graph(config, server.precision).read_bytes()
    data = with_normalisation(graph, spec.mean, spec.std, unit_scores)
    write_atomically(folder / "1" / "model.onnx", data)
    if server.backend == "python":
        code = files(__package__) / "triton_backend" / "model.py"
        write_atomically(folder / "1" / "model.py", code.read_bytes())
    text = CONFIG.format(
        name=spec.name,
        backend=server.backend,
        max_batch=server.max_batch,
        answer="TYPE_UINT16" if unit_scores else "TYPE_FP32",
        kind=f"KIND_{server.device.upper()}",
        instances=server.instances,
        delay_us=server.delay_us,
        timeout_us=server.timeout_us,
        queue=server.queue,
        size=spec.input_size,
    )
    write_atomically(folder / "config.pbtxt", text.encode())
    return folder
