"""CUDA, fp32 and fp16, batch 1 to 32: pictures per second, and parity with the CPU.

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
from benchmarks.model_tools import alpha_of, pairs, tensor_of, weights_from
from cutout.errors import DeviceUnavailable
from cutout.runtimes import Runtime, RuntimeConfig, open_runtime

BATCHES = (1, 2, 4, 8, 12, 16, 24, 32)
# Mean absolute difference of alpha to the CPU's that is still the same picture.
PARITY = {"fp32": 1 / 255, "fp16": 2 / 255}
SECONDS_A_POINT = 3.0


def main() -> int:
    args = arguments()
    print(machine(), flush=True)
    path, digest = weights_from(args.models, args.name)
    request = RuntimeConfig(path, digest, args.name, args.size, args.cache, device="cuda")
    request = replace(request, runtime=args.runtime)
    tensors = [tensor_of(picture, args.size) for picture, _ in pairs(args.data)[: args.count]]
    pictures = np.stack(tensors)
    try:
        return measure_all(request, pictures)
    except DeviceUnavailable as refusal:
        print(f"no measurement: {refusal.detail}", file=sys.stderr)
        return 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--data", type=Path, required=True, help="a set with image/")
    parser.add_argument("--cache", type=Path, default=Path("models/cache"))
    parser.add_argument("--count", type=int, default=32, help="pictures for parity")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--runtime", choices=("onnxruntime", "tensorrt"), default="onnxruntime")
    return parser.parse_args()


def measure_all(request: RuntimeConfig, pictures: np.ndarray) -> int:
    """Parity and speed of both precisions; 2 when a precision is not the same picture."""
    reference, failed = None, 0
    for precision, allowed in PARITY.items():
        runtime = open_runtime(replace(request, precision=precision))
        if reference is None:
            cpu = replace(request, device="cpu", runtime="onnxruntime", precision="fp32")
            reference = open_runtime(cpu).run(pictures)
        apart = difference(runtime.run(pictures), reference)
        failed |= apart > allowed
        verdict = "same" if apart <= allowed else "NOT THE SAME"
        print(f"\n{runtime.describe()}\nparity {precision}: {apart * 255:.3f}/255, {verdict}")
        print("| batch | ms a batch | pictures/s |\n|---|---|---|")
        for size in BATCHES:
            seconds = seconds_a_batch(runtime, pictures, size)
            print(f"| {size} | {seconds * 1000:.2f} | {size / seconds:.0f} |", flush=True)
        runtime.close()
    return 2 if failed else 0


def difference(scores: np.ndarray, reference: np.ndarray) -> float:
    """Largest mean absolute difference of alpha over the pictures."""
    shape = scores.shape[1:]
    pairs_of_alpha = zip(scores, reference, strict=True)
    return max(np.abs(alpha_of(a, shape) - alpha_of(b, shape)).mean() for a, b in pairs_of_alpha)


def seconds_a_batch(runtime: Runtime, pictures: np.ndarray, size: int) -> float:
    """Median time of whole calls, copies to and from the GPU included."""
    batch = np.resize(pictures, (size, *pictures.shape[1:]))
    runtime.run(batch)
    times, until = [], time.perf_counter() + SECONDS_A_POINT
    while time.perf_counter() < until:
        start = time.perf_counter()
        runtime.run(batch)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


if __name__ == "__main__":
    sys.exit(main())
