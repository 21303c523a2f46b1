"""CUDA, fp32 and fp16, batch 1 to 32: images per second, and difference to the CPU.

    python -m benchmarks.gpu --models MODELS --data ecssd300 u2net

Without a usable GPU it says why and exits with 1.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.model_tools import pairs, tensor_of, weights_from
from cutout.errors import DeviceUnavailable
from cutout.models import processing
from cutout.models.table import spec_of
from cutout.runtimes import Runtime, RuntimeConfig, open_runtime

BATCHES = (1, 2, 4, 8, 12, 16, 24, 32)
# Largest mean absolute difference of alpha to the CPU's that is allowed.
MAX_DIFFERENCE = {"fp32": 1 / 255, "fp16": 2 / 255}
SECONDS_PER_BATCH_SIZE = 3.0


def main() -> int:
    args = arguments()
    print(machine(), flush=True)
    path, digest = weights_from(args.models, args.name)
    config = RuntimeConfig(path, digest, args.name, args.size, args.cache, device="cuda")
    config = replace(config, runtime=args.runtime)
    row = spec_of(args.name)
    files = [image for image, _ in pairs(args.data)[: args.count]]
    tensors = np.stack([tensor_of(file, row, args.size) for file in files])
    try:
        return measure_all(config, tensors)
    except DeviceUnavailable as error:
        print(f"no measurement: {error.detail}", file=sys.stderr)
        return 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--data", type=Path, required=True, help="a data set with image/")
    parser.add_argument("--cache", type=Path, default=Path("models/cache"))
    parser.add_argument("--count", type=int, default=32, help="images to compare with the CPU")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--runtime", choices=("onnxruntime", "tensorrt"), default="onnxruntime")
    return parser.parse_args()


def measure_all(config: RuntimeConfig, tensors: np.ndarray) -> int:
    """Difference and speed of both precisions; 2 when a difference is too large."""
    reference, failed = None, 0
    for precision, allowed in MAX_DIFFERENCE.items():
        runtime = open_runtime(replace(config, precision=precision))
        if reference is None:
            cpu = replace(config, device="cpu", runtime="onnxruntime", precision="fp32")
            reference = open_runtime(cpu).run(tensors)
        mean_difference = difference(runtime.run(tensors), reference)
        failed |= mean_difference > allowed
        verdict = "allowed" if mean_difference <= allowed else "TOO LARGE"
        print(f"\n{runtime.describe()}")
        print(f"{precision}: {mean_difference * 255:.3f}/255 from the CPU, {verdict}")
        print("| batch | ms per batch | images/s |\n|---|---|---|")
        for size in BATCHES:
            seconds = seconds_per_batch(runtime, tensors, size)
            print(f"| {size} | {seconds * 1000:.2f} | {size / seconds:.0f} |", flush=True)
        runtime.close()
    return 2 if failed else 0


def difference(scores: np.ndarray, reference: np.ndarray) -> float:
    """Largest mean absolute difference of alpha of any image."""
    shape = scores.shape[1:]
    alphas = (
        (processing.finish(one, shape), processing.finish(other, shape))
        for one, other in zip(scores, reference, strict=True)
    )
    return max(float(np.abs(one - other).mean()) for one, other in alphas)


def seconds_per_batch(runtime: Runtime, tensors: np.ndarray, size: int) -> float:
    """Median time of whole calls, copies to and from the GPU included."""
    batch = np.resize(tensors, (size, *tensors.shape[1:]))
    runtime.run(batch)
    times, until = [], time.perf_counter() + SECONDS_PER_BATCH_SIZE
    while time.perf_counter() < until:
        start = time.perf_counter()
        runtime.run(batch)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


if __name__ == "__main__":
    sys.exit(main())
