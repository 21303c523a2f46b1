"""Train on pairs of image and mask by several recipes; report before, after and what was forgotten.

    python -m benchmarks.train --data ../shared/data --out TRAINED --recipes main --seeds 0 1 2
    python -m benchmarks.train --data ../shared/data --out TRAINED --steps 60

Each run is one `cutout train`. It learns from, and chooses by, a validation split of, the train
part of DATA/train/garments; the test part is only scored. Every seventh image of DATA/ecssd300
stands for images of all kinds, which are also only scored; DATA/calibration is replayed. `cars` and
`natural` take pairs of carvana8 and ecssd300 instead. Prints a line a model.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.model_tools import mask_of, pairs
from cutout import measures, weights
from cutout.cli.train_report import make_predictor
from cutout.models.own import read_own
from cutout.models.table import ModelSpec

GENERAL_STEP = 7
# Flags of each recipe, after those that go to every run; {general} is a folder of images.
RATE, REPLAY = "--learning-rate 2e-4", "--replay {general}"
RECIPES = {
    "main": f"{RATE} {REPLAY}",
    "plain": RATE,
    "rate 1e-4": "--learning-rate 1e-4",
    "rate 4e-4": "--learning-rate 4e-4",
    "rate 1e-3": "--learning-rate 1e-3",
    "no IoU term": f"{RATE} --iou-weight 0",
    # As many processor seconds as 48 steps of the others.
    "no inner phase": f"{RATE} --inner-share 0 --steps 22",
    "replay": f"{RATE} {REPLAY}",
    "attention": f"{RATE} --attention",
    "other backgrounds": f"{RATE} --backgrounds {{general}}",
    "scratch": "--from scratch",
    "batch norm": f"{RATE} --norm",
    "batch 12": f"{RATE} --batch 12 --steps 16",
    "cars": f"{RATE} --group-by ^([0-9a-f]+)_",
    "natural": RATE,
}
HEAD = (
    "recipe | seed | steps | validation before | after | test before | after | "
    "general before | after | minutes | CPU s | GB"
)


def main() -> None:
    args, passed = arguments()
    print(machine())
    print(HEAD)
    scores = Scores(args)
    for name in args.recipes:
        for seed in args.seeds:
            run_recipe(name, seed, passed, args, scores)


def arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the models")
    parser.add_argument("--start", choices=("u2netp", "u2net"), default="u2netp")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.epilog = "Further arguments go to every `cutout train`."
    return parser.parse_known_args()


def run_recipe(
    name: str, seed: int, passed: list[str], args: argparse.Namespace, scores: "Scores"
) -> None:
    """One training, and a line for each model that it wrote; one line where it wrote none."""
    train, test = folders_of(name, args.data)
    out = args.out / f"{name.replace(' ', '-')}-{seed}.onnx"
    out.parent.mkdir(parents=True, exist_ok=True)
    flags = RECIPES[name].format(general=args.data / "calibration" / "image").split()
    start = [] if "--from" in flags else ["--from", args.start]
    images = [str(train / "image"), str(train / "mask")]
    command = [sys.executable, "-um", "cutout", "train", *images, *start, *passed, *flags]
    log = out.with_suffix(".log")
    cost = run([*command, "--seed", str(seed), "--out", str(out)], log)
    steps, own = progress_of(log.read_text())
    blended = out.with_stem(f"{out.stem}-blended")
    for model in (path for path in (out, blended) if path.exists() or path == out):
        label = name if model == out else f"{name}, blended"
        unseen = " | ".join(scores.row(model, test) + scores.row(model, args.data / "ecssd300"))
        print(f"{label} | {seed} | {steps} | {own} | {unseen} | {cost}", flush=True)


def folders_of(name: str, data: Path) -> tuple[Path, Path | None]:
    """Where the pairs to train on lie, and those to score; None where all are trained on."""
    if name == "cars":
        return data / "carvana8", None
    if name == "natural":
        return data / "ecssd300", None
    return data / "train" / "garments" / "train", data / "train" / "garments" / "test"


def run(command: list[str], log: Path) -> str:
    """Run it; its minutes, processor seconds and largest memory in GB as columns."""
    started = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, _, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    cpu = used.ru_utime + used.ru_stime
    return f"{seconds / 60:.1f} | {cpu:.0f} | {used.ru_maxrss / 1e6:.2f}"


def progress_of(log: str) -> tuple[str, str]:
    """Steps, and the IoU on the validation split before and after, from what the command said."""
    steps = re.findall(r"^step +(\d+) of", log, re.MULTILINE)
    own = re.findall(r"^IoU on validation (?:before|after).*: (0\.\d+)", log, re.MULTILINE)
    if not steps or len(own) != 2:
        sys.exit(f"The training failed:\n{log}")
    return steps[-1], " | ".join(own)


class Scores:
    """Mean IoU of models on the images of a folder, the start's measured once."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.start = weights.ensure(args.start), weights.spec_of(args.start)
        self.cache_dir = args.out / "graphs"
        self.before: dict[Path, float] = {}

    def row(self, model: Path, folder: Path | None) -> list[str]:
        """Columns before and after."""
        if folder is None:
            return ["", ""]
        files = pairs(folder)
        if folder.name == "ecssd300":
            files = files[::GENERAL_STEP]
        if folder not in self.before:
            self.before[folder] = self.mean_iou(files, *self.start)
        written = model.exists()
        after = f"{self.mean_iou(files, model, read_own(model)):.4f}" if written else "not written"
        return [f"{self.before[folder]:.4f}", after]

    def mean_iou(self, files: list[tuple[Path, Path]], path: Path, spec: ModelSpec) -> float:
        predict = make_predictor(path, spec, self.cache_dir)
        ious = [measures.iou(predict(image).map8 > 127, mask_of(mask)) for image, mask in files]
        return float(np.mean(ious))


if __name__ == "__main__":
    main()
