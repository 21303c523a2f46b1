"""Every runtime and precision on one machine: seconds per image, start, memory, and accuracy.

    python -m benchmarks.model --models MODELS --data ecssd300 --count 60 u2net

Each row is measured in a process of its own, so that memory and start-up time belong to it. A row
that this machine cannot run says why.
"""

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.model_tools import (
    Accuracy,
    mask_of,
    pairs,
    tensor_of,
    weights_from,
)
from cutout.models import processing
from cutout.models.table import spec_of

ROWS = [
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
]
HEAD = (
    "| model | runtime | precision | s/image | batch of 12, s each | open, s | open again, s "
    "| peak MB | IoU | max F | MAE | mean abs. diff. to fp32 | worst IoU loss |"
)


def main() -> None:
    args = arguments()
    print(machine(), HEAD, "|---" * HEAD.count(" | ") + "|---|", sep="\n", flush=True)
    for name in args.names:
        reference = None
        for engine, precision in ROWS:
            measured = in_own_process(args, name, engine, precision)
            if "refused" in measured:
                print(f"| {name} | {engine} | {precision} | {measured['refused']} |", flush=True)
                continue
            found = evaluate(pairs(args.data)[: args.count], measured.pop("scores"))
            reference = reference or found
            print(row(name, engine, precision, measured, found, reference=reference), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--data", type=Path, required=True, help="a data set with image/ and mask/")
    parser.add_argument("--cache", type=Path, default=Path("models/cache"))
    parser.add_argument("--count", type=int, default=60, help="images of the data set")
    parser.add_argument("--size", type=int, default=320)
    return parser.parse_args()


def in_own_process(args: argparse.Namespace, name: str, engine: str, precision: str) -> dict:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, args, name, engine, precision).result()


def measure(args: argparse.Namespace, name: str, engine: str, precision: str) -> dict:
    """Open twice (the second time with warm caches), run each image alone, then a full batch."""
    from cutout.errors import ConfigurationError
    from cutout.runtimes import RuntimeConfig, open_runtime

    path, digest = weights_from(args.models, name)
    config = RuntimeConfig(
        path, digest, name, args.size, args.cache, device="cpu", precision=precision, runtime=engine
    )
    try:
        first_s, runtime = timed(lambda: open_runtime(config))
    except ConfigurationError as error:
        return {"refused": error.detail}
    runtime.close()
    again_s, runtime = timed(lambda: open_runtime(config))
    files = [image for image, _ in pairs(args.data)[: args.count]]
    tensors = [tensor_of(file, spec_of(name), args.size)[None] for file in files]
    runtime.run(tensors[0])
    done = [timed(lambda one=one: runtime.run(one)) for one in tensors]
    batch_s, _ = timed(lambda: runtime.run(np.concatenate((tensors * 12)[:12])))
    return {
        "open_s": first_s,
        "open_again_s": again_s,
        "one_s": statistics.median(seconds for seconds, _ in done),
        "batch_s": batch_s / 12,
        "peak_mb": peak_mb(),
        "scores": np.concatenate([scores for _, scores in done]),
    }


def timed(action) -> tuple[float, object]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def peak_mb() -> float:
    """This process's largest resident memory so far; Linux only, else NaN."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return float("nan")
    line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def evaluate(chosen: list[tuple[Path, Path]], scores: np.ndarray) -> tuple[Accuracy, list]:
    """Accuracy against the masks, and the alphas themselves."""
    accuracy, alphas = Accuracy(), []
    for (_, mask), one in zip(chosen, scores, strict=True):
        truth = mask_of(mask)
        alphas.append(processing.finish(one, truth.shape))
        accuracy.add(alphas[-1], truth)
    return accuracy, alphas


def row(name: str, engine: str, precision: str, measured: dict, found, *, reference) -> str:
    """One line of the table; the reference is the first row of this model."""
    (accuracy, alphas), (base, base_alphas) = found, reference
    differences = [np.abs(a - b).mean() for a, b in zip(alphas, base_alphas, strict=True)]
    loss = max(np.subtract(base.ious, accuracy.ious))
    figures = accuracy.row()
    return (
        f"| {name} | {engine} | {precision} | {measured['one_s']:.3f} | {measured['batch_s']:.3f} "
        f"| {measured['open_s']:.2f} | {measured['open_again_s']:.2f} | {measured['peak_mb']:.0f} "
        f"| {figures['iou']:.4f} | {figures['max_f']:.4f} | {figures['mae']:.4f} "
        f"| {np.mean(differences):.5f} | {loss:.3f} |"
    )


if __name__ == "__main__":
    main()
