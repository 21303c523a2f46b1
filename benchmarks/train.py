"""Train on pairs of image and mask; report before, after and what was forgotten.

    python -m benchmarks.train --data ../shared/data --out TRAINED --learning-rate 2e-4

The train part of DATA/train/garments is trained on and validated, its test part only scored, and
every seventh image of DATA/ecssd300 stands for images of all kinds. Arguments that are not listed
are passed to `cutout train`. Prints IoU of the start and of each model, and the cost.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.model_tools import mask_of, pairs
from cutout import measures, weights
from cutout.cli.train import make_predictor
from cutout.models.own import read_own
from cutout.models.table import ModelSpec

GENERAL_STEP = 7


def main() -> int:
    args, passed = arguments()
    print(machine())
    garments = args.data / "train" / "garments"
    out = args.out / "garments.onnx"
    folders = [str(garments / "train" / name) for name in ("image", "mask")]
    command = [sys.executable, "-m", "cutout", "train", *folders, "--from", args.start]
    started = time.monotonic()
    code = subprocess.run([*command, "--held", "0", "--out", str(out), *passed]).returncode
    print_cost(time.monotonic() - started)
    if code:
        return code
    models = {"before": (weights.ensure(args.start), weights.spec_of(args.start))}
    models |= {path.stem: (path, read_own(path)) for path in sorted(args.out.glob("*.onnx"))}
    for name, model in models.items():
        own = mean_iou(pairs(garments / "test"), *model, args.out / "graphs")
        general = pairs(args.data / "ecssd300")[::GENERAL_STEP]
        kept = mean_iou(general, *model, args.out / "graphs")
        print(f"{name:20} IoU on garments/test {own:.4f}  on ecssd300 {kept:.4f} ({len(general)})")
    return 0


def arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the models")
    parser.add_argument("--start", choices=("u2netp", "u2net"), default="u2netp")
    return parser.parse_known_args()


def print_cost(seconds: float) -> None:
    """Wall and processor time, and the largest memory, of the finished training."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{seconds / 60:.1f} minutes, {used.ru_utime + used.ru_stime:.0f} CPU s, "
        f"{used.ru_maxrss / 1e6:.2f} GB"
    )


def mean_iou(files: list[tuple[Path, Path]], path: Path, spec: ModelSpec, cache_dir: Path) -> float:
    predict = make_predictor(path, spec, cache_dir)
    ious = []
    for image, mask in files:
        ious.append(measures.iou(predict(image).map8 > 127, mask_of(mask)))
    return float(np.mean(ious))


if __name__ == "__main__":
    sys.exit(main())
