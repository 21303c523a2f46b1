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

from benchmarks.model_tools import machine, tensor_of, weights_from
from cutout.runtimes import graphs

KEEP_FP32: tuple[str, ...] = ()
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
        extremes = observe(path, pictures, args.size)
        if args.raw:
            np.savez(args.raw, **extremes)
        target = args.out / f"{name}.json"
        target.write_text(ranges_json(extremes, args.method, len(pictures)))
        print(f"{name}: {len(extremes)} tensors on {len(pictures)} pictures -> {target.name}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--method", choices=METHODS, default="mean")
    parser.add_argument("--raw", type=Path, help="also keep the extremes of each picture (.npz)")
    parser.add_argument("--out", type=Path, default=Path("cutout/runtimes/ranges"))
    return parser.parse_args()


def observe(weights: Path, pictures: list[Path], size: int) -> dict[str, np.ndarray]:
    """Lowest and highest value of each tensor on each picture: name -> (pictures, 2) float32."""
    model = graphs.simplified(weights)
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


def ranges_json(extremes: dict[str, np.ndarray], method: str, pictures: int) -> str:
    """The file that ships: ranges in six digits, the nodes kept in fp32, how it was made."""
    tensors = {
        name: [float(f"{end:.6g}") for end in METHODS[method](seen)]
        for name, seen in extremes.items()
    }
    facts = {"method": method, "pictures": pictures, "keep_fp32": KEEP_FP32, "tensors": tensors}
    return json.dumps(facts, indent=0) + "\n"


if __name__ == "__main__":
    main()
