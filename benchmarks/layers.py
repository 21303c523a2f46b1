"""Where the time of one pass goes, by layer: OpenVINO's performance counters.

    python -m benchmarks.layers u2net --models MODELS
    python -m benchmarks.layers u2net --models MODELS --precision fp32 --slowest 20

Prints the CPU time of a pass, the share of each kind of layer with the kernel that ran it, and the
slowest layers. `G/s` are multiplications a second and core, in 10^9: what a kernel reaches of what
the processor can do.
"""

import argparse
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino

from benchmarks.machine import machine
from benchmarks.model_tools import weights_from
from cutout.parallel import usable_cores
from cutout.runtimes import RuntimeConfig
from cutout.runtimes.derived import derived_graph
from cutout.runtimes.openvino_cpu import HINT, kind_of

INT8_KINDS = ("u8", "i8")


@dataclass(frozen=True)
class Layer:
    """One layer as it ran. ms: of wall time, all cores at work; macs: multiplications."""

    name: str
    kind: str
    kernel: str
    ms: float
    macs: float
    shape: tuple[int, ...]


def main() -> None:
    args = arguments()
    print(machine())
    path, digest = weights_from(args.models, args.name)
    config = RuntimeConfig(path, digest, args.name, args.size, args.cache, device="cpu")
    graph = args.graph or derived_graph(config, kind_of(args.precision))
    print(f"{args.name}, {args.precision}, {args.size} px, {args.threads} threads")
    model = openvino.Core().read_model(graph)
    model.reshape([1, 3, args.size, args.size])
    plain = compiled(model, args, counters=False)
    seconds = pass_seconds(plain.create_infer_request(), args)
    print(f"CPU time of a pass: {seconds:.3f} s, the median of {args.passes}")
    layers = measured_layers(model, compiled(model, args, counters=True), args)
    print("\n".join([*by_kind(layers, args.threads), "", *slowest(layers, args)]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--cache", type=Path, default=Path("models/cache"))
    parser.add_argument("--graph", type=Path, help="an ONNX file to measure in its place")
    parser.add_argument("--precision", choices=("int8", "fp32", "bf16"), default="int8")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--slowest", type=int, default=15, help="layers to list")
    return parser.parse_args()


def compiled(
    model: openvino.Model, args: argparse.Namespace, counters: bool
) -> openvino.CompiledModel:
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINT.get(args.precision, "f32"),
        "INFERENCE_NUM_THREADS": args.threads,
        "PERF_COUNT": counters,
    }
    return openvino.Core().compile_model(model, "CPU", options)


def pass_seconds(request: openvino.InferRequest, args: argparse.Namespace) -> float:
    """CPU time of one pass, s."""
    tensor, seconds = noise(args.size), []
    for _ in range(args.passes + 1):
        start = time.process_time()
        request.infer({0: tensor})
        seconds.append(time.process_time() - start)
    return statistics.median(seconds[1:])


def noise(size: int) -> np.ndarray:
    """An input (1, 3, size, size)."""
    return np.random.default_rng(0).normal(0, 1, (1, 3, size, size)).astype(np.float32)


def measured_layers(
    model: openvino.Model, model_with_counters: openvino.CompiledModel, args: argparse.Namespace
) -> list[Layer]:
    """Every layer that ran, with the median of its times."""
    request = model_with_counters.create_infer_request()
    macs = multiplications(model)
    times, infos = defaultdict(list), {}
    for _ in range(args.passes):
        request.infer({0: noise(args.size)})
        for info in request.profiling_info:
            times[info.node_name].append(info.real_time.total_seconds() * 1e3)
            infos[info.node_name] = info
    shapes = {
        op.get_friendly_name(): op for op in model_with_counters.get_runtime_model().get_ops()
    }
    layers = []
    for name, info in infos.items():
        shape = tuple(shapes[name].get_output_shape(0)) if name in shapes else ()
        layers.append(
            Layer(
                name,
                info.node_type,
                info.exec_type,
                statistics.median(times[name]),
                macs.get(name, 0.0),
                shape,
            )
        )
    return [layer for layer in layers if layer.ms > 0]


def multiplications(model: openvino.Model) -> dict[str, float]:
    """Of each convolution, by its name."""
    counts = {}
    for op in model.get_ops():
        if op.get_type_name() == "Convolution":
            _, inputs, high, wide = op.input(1).get_shape()
            counts[op.get_friendly_name()] = float(
                np.prod(op.get_output_shape(0)) * inputs * high * wide
            )
    return counts


def by_kind(layers: list[Layer], threads: int) -> list[str]:
    """One row for each kind of layer and kernel."""
    total = sum(layer.ms for layer in layers)
    groups = defaultdict(list)
    for layer in layers:
        groups[layer.kind, layer.kernel].append(layer)
    rows = sorted(groups.items(), key=lambda item: -sum(layer.ms for layer in item[1]))
    lines = ["| kind | kernel | layers | ms | share | G/s |", "|---|---|---|---|---|---|"]
    for (kind, kernel), group in rows:
        ms, macs = sum(one.ms for one in group), sum(one.macs for one in group)
        speed = f"{macs / ms / 1e6 / threads:.0f}" if macs else ""
        lines.append(
            f"| {kind} | {kernel} | {len(group)} | {ms:.1f} | {ms / total:.1%} | {speed} |"
        )
    return [*lines, f"| all |  | {len(layers)} | {total:.1f} | | |"]


def slowest(layers: list[Layer], args: argparse.Namespace) -> list[str]:
    """One row for each of the slowest layers."""
    lines = ["| layer | kind | kernel | output | ms | G/s |", "|---|---|---|---|---|---|"]
    for one in sorted(layers, key=lambda layer: -layer.ms)[: args.slowest]:
        speed = f"{one.macs / one.ms / 1e6 / args.threads:.0f}" if one.macs else ""
        shape = " x ".join(map(str, one.shape))
        lines.append(
            f"| {one.name} | {one.kind} | {one.kernel} | {shape} | {one.ms:.1f} | {speed} |"
        )
    return lines


if __name__ == "__main__":
    main()
