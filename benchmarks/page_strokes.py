"""An image corrected by strokes on the page, before and after, with its true IoU.

    python -m benchmarks.page_strokes --image DIR/image/0096.jpg --mask DIR/mask/0096.png
        [--address http://localhost:5000] [--strokes 2] [--out docs/page/two-strokes.jpg]

Against a running server. A simulated person marks the middle of the largest wrong region, looks at
the result at full size, and marks the next.
"""

import argparse
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.machine import machine
from cutout.measures import iou

WAIT_MS = 60_000
GAP_PX = 12


class Line(NamedTuple):
    """A stroke: "keep" or "erase", and its two ends (x, y) as shares of width and height."""

    tool: str
    ends: tuple[tuple[float, float], tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--mask", type=Path, required=True)
    parser.add_argument("--address", default="http://localhost:5000")
    parser.add_argument("--strokes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    truth = np.asarray(Image.open(args.mask).convert("L")) > 127
    print(machine())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.goto(args.address)
        page.set_input_files("#files", args.image)
        page.locator("#stage[data-state=done] #result[src]").wait_for()
        page.locator("#save").wait_for()
        shots = [page.locator("#stage").screenshot()]
        for count, reached in enumerate(correct(page, truth, args.strokes)):
            print(f"true IoU after {count} strokes: {reached:.3f}", flush=True)
        shots.append(page.locator("#stage").screenshot())
        browser.close()
    if args.out:
        side_by_side(shots).save(args.out, quality=82)


def correct(page: Any, truth: np.ndarray, strokes: int) -> Iterator[float]:
    """Paint stroke after stroke on the shown image; the true IoU before and after each."""
    mask = shown_mask(page)
    yield iou(mask, truth)
    for _ in range(strokes):
        paint(page, next_line(mask, truth))
        page.locator("#stage[data-paint=solved]").wait_for()
        with page.expect_response("**/remove-bg") as full:
            page.click("#touch-up-done")
        full.value.finished()
        page.locator("#stage[data-state=done]").wait_for()
        page.locator("#cards .card[data-level=corrected]").wait_for()
        mask = shown_mask(page)
        yield iou(mask, truth)


def next_line(mask: np.ndarray, truth: np.ndarray) -> Line:
    """A short line through the middle of the largest region that is missed or wrongly kept.

    mask, truth: (H, W) bool, which differ somewhere.
    """
    found = []
    for tool, wrong in (("keep", truth & ~mask), ("erase", mask & ~truth)):
        depth = cv2.distanceTransform(np.pad(wrong.view(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.view(np.uint8))
        if count > 1:
            largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            inside = np.where(labels == largest, depth, 0)
            row, column = np.unravel_index(inside.argmax(), inside.shape)
            area = int(stats[largest, cv2.CC_STAT_AREA])
            found.append((area, tool, int(row), int(column), float(inside.max())))
    _, tool, row, column, radius = max(found)
    height, width = truth.shape
    y = (row + 0.5) / height
    return Line(tool, (((column - radius / 2) / width, y), ((column + radius / 2) / width, y)))


def paint(page: Any, line: Line) -> None:
    """Choose the brush and drag it along the line."""
    page.click("#touch-up")
    page.locator("#brushes").wait_for()
    page.click(f"#tool-{line.tool}")
    box = page.locator("#result").bounding_box()
    begin, end = ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line.ends)
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def shown_mask(page: Any) -> np.ndarray:
    """Where the file that the page saves is subject, (H, W) bool."""
    with page.expect_download() as event:
        page.click("#save")
    data = Path(event.value.path()).read_bytes()
    return np.asarray(Image.open(io.BytesIO(data)))[..., 3] > 127


def side_by_side(shots: list[bytes]) -> Image.Image:
    """Screenshots from left to right on white."""
    parts = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width = sum(part.width + GAP_PX for part in parts) - GAP_PX
    sheet = Image.new("RGB", (width, max(part.height for part in parts)), "white")
    left = 0
    for part in parts:
        sheet.paste(part, (left, 0))
        left += part.width + GAP_PX
    return sheet


if __name__ == "__main__":
    main()
