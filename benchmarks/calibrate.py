"""Measure the activation ranges that the 8-bit graphs need, and write the package's files.

    python -m benchmarks.calibrate --models MODELS --images CALIBRATION/image u2net u2netp

The lowest and highest value of every tensor is measured on each image; `--method` combines them.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from benchmarks.machine import machine
from benchmarks.model_tools import tensor_of, weights_from
from cutout.models.table import spec_of
from cutout.runtimes import graphs
from cutout.runtimes.calibrate import METHODS, measure_ranges, ranges_json


def main() -> None:
    args = arguments()
    print(machine())
    for name in args.names:
        path, _ = weights_from(args.models, name)
        files = sorted(args.images.iterdir())[: args.count]
        tensors = (tensor_of(file, spec_of(name), args.size) for file in tqdm(files))
        ranges = measure_ranges(graphs.simplify(path), tensors, args.method)
        (args.out / f"{name}.json").write_text(ranges_json(ranges))
        tensor_count, kept = len(ranges["tensors"]), ranges["keep_fp32"]
        print(f"{name}: {tensor_count} tensors on {len(files)} images, in fp32: {kept}")


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


if __name__ == "__main__":
    main()
