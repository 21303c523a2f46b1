"""Drawn images, masks and predictions, and evaluations of them, for the tests."""

import csv
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from cutout import evaluation
from cutout.evaluation.summary import read_rows, summarise, write_rows

IMAGES = 12
SETTINGS = evaluation.EvaluationSettings()
SOURCE = {"model": "drawn"}


def disc(seed, shift=0, soft=False):
    """A (40, 50) uint8 map or mask of a disc whose size depends on the seed."""
    y, x = np.mgrid[:40, :50]
    distance = np.hypot(y - 20, x - 20 - shift) - 6 - seed % 7
    return ((1 / (1 + np.exp(distance / 2)) if soft else distance < 0) * 255).astype(np.uint8)


def drawn_folders(root):
    """Fill folders `images`, `masks`, `good`, `bad` of twelve images; returns `root`."""
    for number in range(IMAGES):
        mask = disc(number)
        files = {
            "images": np.stack([mask, mask // 2, 255 - mask], axis=2),
            "masks": mask,
            "good": disc(number, shift=number % 3, soft=True),
            "bad": disc(number, shift=5 + number % 3, soft=True),
        }
        for folder, array in files.items():
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(array).save(root / folder / f"p{number:02}.png")
    return root


def predict(path):
    number = int(path.stem[1:])
    signals = {"predicted_iou": 0.5 + number / 30, "subject_found": True}
    return (
        disc(number, shift=number % 3, soft=True),
        {"infer": 10.0 + number, "decode": 1.0},
        signals,
    )


def run(data, name, predict=None, settings=SETTINGS, **options):
    """Evaluate into the folder of that name; predictions are read from `good` unless given."""
    predictions = None if predict else data / options.pop("predictions", "good")
    found = evaluation.find_pairs(data / "images", data / "masks", predictions)
    job = evaluation.Evaluation(data / name, settings, SOURCE, **options)
    with ThreadPoolExecutor(2) as pool:
        list(job.run(job.remaining(found.pairs), predict, pool))
    return finish(data / name)


def finish(out):
    """The rows and the summary without the page, whose drawings take a second."""
    with (out / "rows.csv").open("w") as file:
        write_rows(file, read_rows(out))
    return summarise(out, {})


def page_of(out):
    evaluation.write_results(out, {"images": ["unmatched"], "masks": []}, "Drawn discs")
    return (out / "report.html").read_text()


def rows(folder):
    return list(csv.DictReader((folder / "rows.csv").read_text().splitlines()))
