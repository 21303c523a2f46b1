"""Measure the activation ranges that the 8-bit graphs need, and write them for the package.

    python -m benchmarks.calibrate --models MODELS --pictures CALIBRATION/image u2net u2netp

Every tensor is given its lowest and highest value on each picture; `--method` joins them.
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
from cutout.runtimes import graphs

# Joined maps share one scale of 256 steps. Beyond this ratio the smaller one is left with fewer
# than 26 of them: u2netp joins a map of 228 with one of 18 and loses the subject.
FAR_APART = 10.0
QUANTISED_OPS = {"Conv", "Relu", "MaxPool", "Resize", "Concat", "Add"}
METHODS = {
    "minmax": lambda seen: (seen[:, 0].min(), seen[:, 1].max()),
    "mean": lambda seen: (seen[:, 0].mean(), seen[:, 1].mean()),
    "p95": lambda seen: (np.percentile(seen[:, 0], 5), np.percentile(seen[:, 1], 95)),
}


def main() -> None:
    args = arguments()
    print(machine())
    for name in args.names:
        path, _ = weights_from(args.models, name)
        pictures = sorted(args.pictures.iterdir())[: args.count]
        model = graphs.simplify(path)
        joins = [node for node in model.graph.node if node.op_type == "Concat"]
        convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        extremes = observe(model, pictures, args.size)
        ranges = {key: METHODS[args.method](seen) for key, seen in extremes.items()}
        kept = far_apart(joins, convolutions, ranges)
        target = args.out / f"{name}.json"
        target.write_text(ranges_json(ranges, kept, args.method, len(pictures)))
        print(f"{name}: {len(ranges)} tensors on {len(pictures)} pictures, in fp32: {kept}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--method", choices=METHODS, default="mean")
    parser.add_argument("--out", type=Path, default=Path("cutout/runtimes/ranges"))
    return parser.parse_args()


def observe(model, pictures: list[Path], size: int) -> dict[str, np.ndarray]:
    """Lowest and highest value of each tensor on each picture: name -> (pictures, 2) float32."""
    names = tensors_to_observe(model)
    add_extremes(model, names)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    wanted = [f"{name}_{end}" for name in names for end in ("low", "high")]
    rows = []
    for path in tqdm(pictures):
        found = session.run(wanted, {graphs.INPUT: tensor_of(path, size)[None]})
        rows.append(np.array(found, np.float32).reshape(len(names), 2))
    return dict(zip(names, np.stack(rows, 1), strict=True))


def tensors_to_observe(model) -> list[str]:
    """The input, and everything made by a node that may run in 8 bits."""
    made = [node.output[0] for node in model.graph.node if node.op_type in QUANTISED_OPS]
    return [graphs.INPUT, *made]


def add_extremes(model, names: list[str]) -> None:
    """Two small outputs a tensor, so that no whole activation leaves the engine."""
    for name in names:
        for operator, end in (("ReduceMin", "low"), ("ReduceMax", "high")):
            output = f"{name}_{end}"
            model.graph.node.append(helper.make_node(operator, [name], [output], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(output, 1, []))


def far_apart(joins: list, convolutions: list, ranges: dict) -> list[str]:
    """Names of joins whose maps differ too much in size, and of the convolutions that read them."""
    names = []
    for join in joins:
        largest = [max(-ranges[name][0], ranges[name][1]) for name in join.input]
        if max(largest) > FAR_APART * min(largest):
            readers = [node.name for node in convolutions if join.output[0] in node.input]
            names += [join.name, *readers]
    return names


def ranges_json(ranges: dict, kept: list[str], method: str, pictures: int) -> str:
    """The file that ships, a tensor a line: six digits, the nodes kept in fp32, how it was made."""
    facts = {"method": method, "pictures": pictures, "keep_fp32": kept}
    head = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    lines = [f'"{key}": [{low:.6g}, {high:.6g}]' for key, (low, high) in ranges.items()]
    return "{" + ",\n".join(head) + ',\n"tensors": {\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    main()
