"""Contact sheets for eyes: the worst and the median images of a data set, by option.

    python -m benchmarks.looks --set DIR --cache MAPS --out SHEETS [--option quality=best ...]
    python -m benchmarks.looks --set DIR --cache MAPS --out SHEETS --edges 20

DIR has folders image/ and mask/. Without --edges one sheet a rank: each tile is the image, the
cut-out on magenta, and where the mask is right and wrong. With --edges the softest edge of that
many images, evenly over the set, at 400 % on black, white and magenta. SHEETS must lie outside of
the repository: photographs of data sets do not belong into it.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from benchmarks.contact_sheet import softest, window
from benchmarks.matted_sets import HALVES, Mattes, Sample, samples
from cutout import measures
from cutout.compose.backgrounds import over
from cutout.matting.foreground import decontaminate
from cutout.options import Options

COUNT, COLUMNS, TILE, LABEL = 24, 2, 200, 14
ZOOM, WINDOW = 4, 56
MAGENTA = np.uint8([255, 0, 255])
BACKGROUNDS = [np.uint8([0, 0, 0]), np.uint8([255, 255, 255]), MAGENTA]
ROOT = Path(__file__).resolve().parent.parent


def boxed(rgb: np.ndarray) -> np.ndarray:
    """An image scaled into a grey square of TILE px."""
    scale = TILE / max(rgb.shape[:2])
    size = [max(1, round(side * scale)) for side in rgb.shape[1::-1]]
    tile = np.full((TILE, TILE, 3), 128, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return tile


def labelled(tiles: np.ndarray, text: str) -> np.ndarray:
    strip = Image.new("RGB", (tiles.shape[1], LABEL), "white")
    ImageDraw.Draw(strip).text((2, 1), text, fill="black")
    return np.vstack([np.asarray(strip), tiles])


def result_row(sample: Sample, matte: np.ndarray, text: str) -> np.ndarray:
    rgb = sample.image.rgb
    on_magenta = over(decontaminate(rgb, matte), matte, MAGENTA)[0]
    right = measures.overlay(rgb, matte > 0.5, sample.truth)
    return labelled(np.hstack([boxed(one) for one in (rgb, on_magenta, right)]), text)


def edge_row(sample: Sample, matte: np.ndarray, text: str) -> np.ndarray:
    """The image and the cut-out on each background where the edge is softest, enlarged."""
    rgb = sample.image.rgb
    part = window(softest(matte, WINDOW), WINDOW, rgb.shape[:2])
    colours = decontaminate(rgb, matte)
    tiles = [rgb, *(over(colours, matte, ground)[0] for ground in BACKGROUNDS)]
    large = [np.kron(tile[part], np.ones((ZOOM, ZOOM, 1), np.uint8)) for tile in tiles]
    return labelled(np.hstack(large), text)


def sheet(rows: list[np.ndarray]) -> Image.Image:
    """Rows of one size in COLUMNS columns."""
    rows = [*rows, *[np.full_like(rows[0], 255)] * (-len(rows) % COLUMNS)]
    lines = [np.hstack(rows[at : at + COLUMNS]) for at in range(0, len(rows), COLUMNS)]
    return Image.fromarray(np.vstack(lines))


def all_samples(folder: Path) -> list[Sample]:
    return [sample for half in HALVES for sample in samples(folder, half)]


def result_sheets(mattes: Mattes, folder: Path, options: Options) -> dict[str, Image.Image]:
    """Sheets of the COUNT lowest by IoU, and of as many around the median."""
    found = []
    for sample in all_samples(folder):
        frame = mattes.frame(sample, options)
        iou = measures.iou(frame.matte > 0.5, sample.truth)
        shown = f"{sample.stem} IoU {iou:.3f}, predicted {frame.signals['predicted_iou']:.2f}"
        flags = frame.signals["flags"]
        text = f"{shown} {' '.join(flags) if isinstance(flags, list) else ''}"
        found.append((iou, sample, frame.matte, text))
    found.sort(key=lambda row: row[0])
    middle = max(0, len(found) // 2 - COUNT // 2)
    ranks = {"worst": found[:COUNT], "median": found[middle : middle + COUNT]}
    return {
        name: sheet([result_row(sample, matte, text) for _, sample, matte, text in rows])
        for name, rows in ranks.items()
    }


def edge_sheet(mattes: Mattes, folder: Path, options: Options, count: int) -> Image.Image:
    every = all_samples(folder)
    chosen = every[:: max(1, len(every) // count)][:count]
    return sheet(
        [edge_row(sample, mattes.frame(sample, options).matte, sample.stem) for sample in chosen]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", type=Path, required=True, help="folder with image/ and mask/")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the model's maps")
    parser.add_argument("--out", type=Path, required=True, help="folder for the sheets")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--edges", type=int, default=0, help="images whose edges to enlarge")
    args = parser.parse_args()
    if args.out.resolve().is_relative_to(ROOT):
        parser.error("--out lies in the repository; choose a folder outside of it")
    options = Options(**dict(text.split("=", 1) for text in args.option))
    mattes, folder = Mattes(args.cache), args.set
    name = "-".join([folder.name, *(text.replace("=", "_") for text in args.option)])
    sheets = result_sheets(mattes, folder, options) if not args.edges else {}
    if args.edges:
        sheets["edges"] = edge_sheet(mattes, folder, options, args.edges)
    args.out.mkdir(parents=True, exist_ok=True)
    for kind, image in sheets.items():
        image.save(args.out / f"{name}-{kind}.png")
        print(args.out / f"{name}-{kind}.png")


if __name__ == "__main__":
    main()
