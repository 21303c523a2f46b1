"""Every runtime and precision on one machine: seconds a picture, start, memory, and accuracy.

    python -m benchmarks.model --models MODELS --data ecssd300 --count 60 u2net

Each row runs in a process of its own, so that its memory and start-up are its own. A row that this
machine cannot run says why.
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
    alpha_of,
    pairs,
    tensor_of,
    truth_of,
    weights_from,
)

ROWS = [
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
]
HEAD = (
    "| model | runtime | precision | s/picture | batch of 12, s each | open, s | open again, s "
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
            judged = judge(pairs(args.data)[: args.count], measured.pop("scores"))
            reference = reference or judged
            print(row(name, engine, precision, measured, judged, reference=reference), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--models", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--data", type=Path, required=True, help="a set with image/ and mask/")
    parser.add_argument("--cache", type=Path, default=Path("models/cache"))
    parser.add_argument("--count", type=int, default=60, help="pictures of the set")
    parser.add_argument("--size", type=int, default=320)
    return parser.parse_args()


def in_own_process(args: argparse.Namespace, name: str, engine: str, precision: str) -> dict:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, args, name, engine, precision).result()


def measure(args: argparse.Namespace, name: str, engine: str, precision: str) -> dict:
    """Open twice (the second time with warm caches), run each picture alone, then a full batch."""
    from cutout.errors import ConfigurationError
    from cutout.runtimes import RuntimeConfig, open_runtime

    path, digest = weights_from(args.models, name)
    request = RuntimeConfig(
        path, digest, name, args.size, args.cache, device="cpu", precision=precision, runtime=engine
    )
    try:
        first_s, runtime = timed(lambda: open_runtime(request))
    except ConfigurationError as refusal:
        return {"refused": refusal.detail}
    runtime.close()
    again_s, runtime = timed(lambda: open_runtime(request))
    pictures = [path for path, _ in pairs(args.data)[: args.count]]
    tensors = [tensor_of(path, args.size)[None] for path in pictures]
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


def judge(chosen: list[tuple[Path, Path]], scores: np.ndarray) -> tuple[Accuracy, list]:
    """Accuracy against the masks, and the alphas themselves."""
    accuracy, alphas = Accuracy(), []
    for (_, mask), one in zip(chosen, scores, strict=True):
        truth = truth_of(mask)
        alphas.append(alpha_of(one, truth.shape))
        accuracy.add(alphas[-1], truth)
    return accuracy, alphas


def row(name: str, engine: str, precision: str, measured: dict, judged, *, reference) -> str:
    """One line of the table; the reference is the first row of this model."""
    (accuracy, alphas), (base, base_alphas) = judged, reference
    apart = [np.abs(a - b).mean() for a, b in zip(alphas, base_alphas, strict=True)]
    loss = max(np.subtract(base.ious, accuracy.ious))
    figures = accuracy.row()
    return (
        f"| {name} | {engine} | {precision} | {measured['one_s']:.3f} | {measured['batch_s']:.3f} "
        f"| {measured['open_s']:.2f} | {measured['open_again_s']:.2f} | {measured['peak_mb']:.0f} "
        f"| {figures['iou']:.4f} | {figures['max_f']:.4f} | {figures['mae']:.4f} "
        f"| {np.mean(apart):.5f} | {loss:.3f} |"
    )


if __name__ == "__main__":
    main()
