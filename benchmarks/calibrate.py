"""Measure the activation ranges that the 8-bit graphs need, and write the package's files.

    python -m benchmarks.calibrate --models MODELS --images CALIBRATION/image u2net u2netp

The lowest and highest value of every tensor is measured on each image; `--method` combines them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import helper
from tqdm import tqdm

from benchmarks.machine import machine
from benchmarks.model_tools import tensor_of, weights_from
from cutout.models.table import ModelSpec, spec_of
from cutout.runtimes import graphs

# Concatenated maps share one scale of 256 steps. Beyond this ratio the smaller one has fewer than
# 26 of them: u2netp concatenates maps of up to 228 and 18, and loses the subject in 8 bits.
MAX_RATIO = 10.0
QUANTISED_OPS = {"Conv", "Relu", "MaxPool", "Resize", "Concat", "Add"}
METHODS = {
    "minmax": lambda found: (found[:, 0].min(), found[:, 1].max()),
    "mean": lambda found: (found[:, 0].mean(), found[:, 1].mean()),
    "p95": lambda found: (np.percentile(found[:, 0], 5), np.percentile(found[:, 1], 95)),
}


def main() -> None:
    args = arguments()
    print(machine())
    for name in args.names:
        path, _ = weights_from(args.models, name)
        files = sorted(args.images.iterdir())[: args.count]
        model = graphs.simplify(path)
        concats = [node for node in model.graph.node if node.op_type == "Concat"]
        convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        extremes = observe(model, files, spec_of(name), args.size)
        ranges = {key: METHODS[args.method](found) for key, found in extremes.items()}
        keep_fp32 = unequal_concats(concats, convolutions, ranges)
        target = args.out / f"{name}.json"
        target.write_text(ranges_json(ranges, keep_fp32, args.method, len(files)))
        print(f"{name}: {len(ranges)} tensors on {len(files)} images, in fp32: {keep_fp32}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--method", choices=METHODS, default="mean")
    parser.add_argument("--out", type=Path, default=Path("cutout/runtimes/ranges"))
    return parser.parse_args()


def observe(model, files: list[Path], row: ModelSpec, size: int) -> dict[str, np.ndarray]:
    """Lowest and highest value of each tensor on each image: name -> (images, 2) float32."""
    names = tensors_to_observe(model)
    add_extremes(model, names)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    wanted = [f"{name}_{end}" for name in names for end in ("low", "high")]
    rows = []
    for path in tqdm(files):
        found = session.run(wanted, {graphs.INPUT: tensor_of(path, row, size)[None]})
        rows.append(np.array(found, np.float32).reshape(len(names), 2))
    return dict(zip(names, np.stack(rows, 1), strict=True))


def tensors_to_observe(model) -> list[str]:
    """Names of the input and of the outputs of every node that may run in 8 bits."""
    outputs = [node.output[0] for node in model.graph.node if node.op_type in QUANTISED_OPS]
    return [graphs.INPUT, *outputs]


def add_extremes(model, names: list[str]) -> None:
    """Add minimum and maximum of each tensor as outputs; whole activations would be large."""
    for name in names:
        for operator, end in (("ReduceMin", "low"), ("ReduceMax", "high")):
            output = f"{name}_{end}"
            model.graph.node.append(helper.make_node(operator, [name], [output], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(output, 1, []))


def unequal_concats(concats: list, convolutions: list, ranges: dict) -> list[str]:
    """Names of concats whose inputs' ranges differ too much, and of the convolutions after them."""
    names = []
    for concat in concats:
        largest = [max(-ranges[name][0], ranges[name][1]) for name in concat.input]
        if max(largest) > MAX_RATIO * min(largest):
            readers = [node.name for node in convolutions if concat.output[0] in node.input]
            names += [concat.name, *readers]
    return names


def ranges_json(ranges: dict, keep_fp32: list[str], method: str, images: int) -> str:
    """The file of the package, one line for each tensor: its range, in six digits."""
    facts = {"method": method, "images": images, "keep_fp32": keep_fp32}
    head = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    lines = [f'"{key}": [{low:.6g}, {high:.6g}]' for key, (low, high) in ranges.items()]
    return "{" + ",\n".join(head) + ',\n"tensors": {\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    main()
