"""What strokes by hand bring: a simulated person marks the largest wrong region, then the next.

    python -m benchmarks.strokes --data DIR [--sets alphamatting14 ecssd300] [--limit N] [--times]

After each stroke the result is made anew (hints, edges=auto) and the next stroke goes into what is
wrong then. A stroke is one straight line through the deepest point of the region, as long as fits
into it, with a brush of at most 2 % of the diagonal; it never leaves the region. The constants of
`cutout.refine.hints` were chosen on every second image of each set by name; the others, `held
out`, were not looked at.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.machine import machine
from cutout import images
from cutout.measures import boundary_iou, iou
from cutout.refine.edges import snap_edges
from cutout.refine.hints import apply_hints, strokes_at
from cutout.settings import Settings
from u2net import RembgModel

SETS = ("alphamatting14", "ecssd300")
SHOWN, MOST = (1, 3, 5), 5
BRUSH = 0.02
DIRECTIONS = 36
FINE_BAND = 0.005
RESAMPLES = 2000
LARGE = (3000, 4000)
HEAD = (
    "| set | half | images | strokes | IoU, worst fifth | gain [95 %] | boundary IoU (2 %) "
    "| boundary IoU (.5 %) | IoU, all | images made worse |"
)


class Case(NamedTuple):
    """An image (H, W, 3) uint8, its true mask (H, W) bool, the model's map (H, W) float32."""

    rgb: np.ndarray
    truth: np.ndarray
    alpha: np.ndarray


class Stroke(NamedTuple):
    """Where the brush painted, (H, W) uint8 of 0 and 255, and whether it keeps or erases."""

    painted: np.ndarray
    keeps: bool


def main() -> None:
    args = arguments()
    print(machine(), HEAD, "|---" * HEAD.count(" | ") + "|---|", sep="\n", flush=True)
    model = RembgModel("u2net", Settings(device="cpu"))
    for name in args.sets:
        rows = np.array(
            [correct(case) for case in cases(args.data / name, model, args.limit)], np.float64
        )
        for half, part in (("tuned on", rows[::2]), ("held out", rows[1::2]), ("both", rows)):
            if len(part):
                show(name, half, part)
    if args.times:
        show_times(next(cases(args.data / args.sets[0], model, 1)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("CUTOUT_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--limit", type=int, help="images of each set")
    parser.add_argument("--times", action="store_true", help="the time at 12 megapixels too")
    return parser.parse_args()


def cases(folder: Path, model: RembgModel, limit: int | None) -> Iterator[Case]:
    """The images of a set in order of name, each with what the model says of it."""
    for path in sorted((folder / "image").iterdir())[:limit]:
        mask = next((folder / "mask").glob(f"{path.stem}.*"))
        truth = images.decode_mask(mask.read_bytes()) > 128
        rgb = images.decode(path.read_bytes()).rgb
        yield Case(rgb, truth, model.finish(model.infer_one(model.prepare(rgb)), truth.shape))


def correct(case: Case) -> list[list[float]]:
    """Figures of one image after 0, 1, 2 … strokes: IoU, boundary IoU, fine boundary IoU."""
    painted = {side: np.zeros(case.truth.shape, np.uint8) for side in (True, False)}
    result = snap_edges(case.rgb, case.alpha)
    rows = [figures(result, case.truth)]
    for _ in range(MOST):
        stroke = next_stroke(result > 0.5, case.truth)
        if stroke is not None:
            painted[stroke.keeps] |= stroke.painted
            strokes = strokes_at(painted[True], painted[False], case.truth.shape)
            result = snap_edges(case.rgb, apply_hints(case.rgb, case.alpha, strokes))
        rows.append(figures(result, case.truth))
    return rows


def figures(alpha: np.ndarray, truth: np.ndarray) -> list[float]:
    mask = alpha > 0.5
    return [iou(mask, truth), boundary_iou(mask, truth), boundary_iou(mask, truth, FINE_BAND)]


def next_stroke(mask: np.ndarray, truth: np.ndarray) -> Stroke | None:
    """A line in the largest region that is missed or wrongly kept; None where nothing is wrong."""
    regions = [(largest_region(truth & ~mask), True), (largest_region(mask & ~truth), False)]
    region, keeps = max(regions, key=lambda one: np.count_nonzero(one[0]))
    if not region.any():
        return None
    return Stroke(line_inside(region), keeps)


def largest_region(mask: np.ndarray) -> np.ndarray:
    """The largest 8-connected region of a mask (H, W) bool, empty where the mask is."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return labels == 1 + areas.argmax() if areas.size else np.zeros_like(mask)


def line_inside(region: np.ndarray) -> np.ndarray:
    """The longest straight line through the region's deepest point: (H, W) uint8, 0 and 255."""
    bordered = np.pad(region.view(np.uint8), 1)
    depth = cv2.distanceTransform(bordered, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    diagonal = float(np.hypot(*region.shape))
    # A person takes a finer brush for a thin region.
    radius = min(BRUSH / 2 * diagonal, 0.6 * float(depth.max()))
    centre = np.array(np.unravel_index(depth.argmax(), depth.shape))
    room = depth >= radius
    angles = np.linspace(0, np.pi, DIRECTIONS, endpoint=False)
    lines = [
        [last_inside(room, centre, sign * np.array([np.sin(a), np.cos(a)])) for sign in (1, -1)]
        for a in angles
    ]
    begin, end = max(lines, key=lambda line: np.hypot(*(line[0] - line[1])))
    painted = np.zeros(region.shape, np.uint8)
    cv2.line(painted, begin[::-1].tolist(), end[::-1].tolist(), 255, max(1, int(2 * radius)))
    return painted * region


def last_inside(room: np.ndarray, start: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The last place (row, column) on a ray before it leaves the mask `room` or the image."""
    steps = np.arange(max(room.shape))[:, None]
    places = np.rint(start + steps * direction).astype(int)
    valid = ((places >= 0) & (places < room.shape)).all(axis=1)
    rows, columns = places.clip(0, np.array(room.shape) - 1).T
    outside = np.flatnonzero(~(valid & room[rows, columns]))
    return places[outside[0] - 1 if outside.size else -1]


def show(name: str, half: str, rows: np.ndarray) -> None:
    """Print the figures (images, strokes, 3) of a part of a set."""
    order = np.argsort(rows[:, 0, 0])
    worst = rows[order[: max(1, round(len(rows) / 5))]]
    for count in (0, *SHOWN):
        gains = worst[:, count, 0] - worst[:, 0, 0]
        gain = f"{gains.mean():+.3f}{interval(gains)}" if count else ""
        mean, after = worst[:, count].mean(axis=0), rows[:, count, 0]
        worse = f"{np.count_nonzero(after < rows[:, 0, 0] - 0.005)}" if count else ""
        print(
            f"| {name} | {half} | {len(rows)} | {count} | {mean[0]:.3f} | {gain} "
            f"| {mean[1]:.3f} | {mean[2]:.3f} | {after.mean():.3f} | {worse} |",
            flush=True,
        )


def interval(gains: np.ndarray) -> str:
    """The middle 95 % of the means of resampled images, always drawn alike; "" for one image."""
    if len(gains) < 2:
        return ""
    drawn = np.random.default_rng(0).choice(gains, (RESAMPLES, len(gains)))
    low, high = np.percentile(drawn.mean(axis=1), [2.5, 97.5])
    return f" [{low:.3f}, {high:.3f}]"


def show_times(case: Case, times: int = 9) -> None:
    """Median wall clock and CPU time of one stroke at 12 megapixels, in ms."""
    stroke = next_stroke(case.alpha > 0.5, case.truth)
    rgb, alpha = (cv2.resize(plane, LARGE[::-1]) for plane in (case.rgb, case.alpha))
    spent = []
    for _ in range(times):
        wall, work = time.perf_counter(), time.process_time()
        strokes = strokes_at(stroke.painted if stroke else None, None, LARGE)
        apply_hints(rgb, alpha, strokes)
        spent.append((time.perf_counter() - wall, time.process_time() - work))
    wall_ms, work_ms = (1000 * statistics.median(row) for row in zip(*spent, strict=True))
    least_ms = 1000 * min(wall for wall, _ in spent)
    print(f"12 MP: {wall_ms:.0f} ms, least {least_ms:.0f} ms, {work_ms:.0f} ms of CPU")


if __name__ == "__main__":
    main()
