"""Edges, mattes and colours against the truth, and their time at 12 megapixels.

python -m benchmarks.refine --data DIR [--scores DIR] [--limit N] [--part edges matting ...]

`--scores` holds the model's raw maps as <set>/<stem>.npy; without it the model runs. `--peer`
solves the same trimaps with pymatting over the whole picture, minutes in all.
"""

import argparse
import os
import statistics
import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pymatting
from PIL import Image

from benchmarks.machine import machine
from cutout.compose import backgrounds
from cutout.matting.foreground import decontaminate
from cutout.matting.matte import METHODS, refine_matte
from cutout.matting.solve import warm_up
from cutout.matting.trimap import automatic_trimap
from cutout.measures import boundary_iou, iou, mse, sad
from cutout.refine import masks
from cutout.refine.edges import snap_edges

FINE_BAND = 0.005
WHOLE = {"closed-form": pymatting.estimate_alpha_cf, "knn": pymatting.estimate_alpha_knn}
LARGE = (3000, 4000)


@lru_cache(1)
def model():
    from cutout.settings import Settings
    from u2net import RembgModel

    return RembgModel("u2net", Settings(precision="fp32", runtime="onnxruntime", device="cpu"))


def finish(scores, size):
    """As `RembgModel.finish`, which needs the weights."""
    unit = (scores - scores.min()) / (scores.max() - scores.min())
    small = Image.fromarray((unit * 255).astype(np.uint8))
    full = np.asarray(small.resize(size[::-1], Image.Resampling.LANCZOS))
    return full / np.float32(255)


def pictures(args, name):
    """(rgb, truth (H, W) float32, alpha of the model) of every picture of a set."""
    folder = args.data / name
    for path in sorted((folder / "image").iterdir())[: args.limit]:
        rgb = np.asarray(Image.open(path).convert("RGB"))
        truth = np.asarray(Image.open(next((folder / "mask").glob(f"{path.stem}.*"))).convert("L"))
        if args.scores:
            scores = np.load(args.scores / name / f"{path.stem}.npy")
        else:
            scores = model().infer_one(model().prepare(rgb))
        yield rgb, truth / np.float32(255), finish(scores, truth.shape)


def spent(run, times=5):
    """Median wall clock and median CPU time of all threads, in ms, after a call to warm up."""
    run()
    walls, works = [], []
    for _ in range(times):
        wall, work = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    return [1000 * statistics.median(row) for row in (walls, works)]


def show(what, where, *values):
    print(f"| {what:34} | {where:24} | " + " | ".join(values) + " |", flush=True)


def edges(args):
    for name in ("alphamatting14", "carvana8", "ecssd300"):
        found = {mode: [] for mode in ("off", "snap", "auto")}
        for rgb, truth, alpha in pictures(args, name):
            subject = truth > 128 / 255
            for mode, rows in found.items():
                out = snap_edges(rgb, alpha, mode)
                mask = out > 0.5
                rows.append(
                    (
                        boundary_iou(mask, subject, FINE_BAND),
                        iou(mask, subject),
                        np.abs(out - truth).mean(),
                    )
                )
        for mode, rows in found.items():
            edge, area, error = np.mean(rows, axis=0)
            show(
                f"edges={mode}",
                name,
                f"boundary IoU {edge:.3f}",
                f"IoU {area:.4f}",
                f"MAE {error:.4f}",
            )


def true_trimap(truth, share=0.005):
    """Unknown where the true alpha is soft, widened by half a percent of the diagonal."""
    reach = max(1, round(share * float(np.hypot(*truth.shape))))
    soft = ((truth > 0) & (truth < 1)).astype(np.uint8)
    unknown = cv2.dilate(soft, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    return np.where(unknown, 128, np.where(truth > 0.5, 255, 0)).astype(np.uint8)


def matting(args):
    """Errors of every matte where the truth is soft, where its trimap is unknown, and over all.

    The first region, `true_trimap`'s, is the same for every row, as in the benchmark of Rhemann
    et al., 2009; the second says what solving the equations changed.
    """
    warm_up()
    found, end = {}, time.monotonic() + args.peer_seconds
    for rgb, truth, alpha in pictures(args, "alphamatting14"):
        if args.peer and time.monotonic() > end:
            print(f"stopped after {args.peer_seconds} seconds")
            break
        exact = true_trimap(truth)
        trimaps = {"automatic": automatic_trimap(alpha), "from the truth": exact}
        for kind, trimap in trimaps.items():
            for name, out, seconds in mattes(rgb, alpha, trimap, kind == "automatic", args):
                errors = matte_errors(out, truth, (exact == 128, trimap == 128, None))
                found.setdefault((kind, name), []).append([*errors, seconds])
    show_mattes(found)


def matte_errors(out, truth, regions):
    """MSE and SAD in each region in turn."""
    return [error(out, truth, region) for region in regions for error in (mse, sad)]


def show_mattes(found):
    for (kind, name), rows in sorted(found.items()):
        mean = np.mean(rows, axis=0)
        # Sums of a few failures of the model hide the rest: the typical picture beside the mean.
        ratio = np.array(rows)[:, 0] / np.maximum(np.array(found[kind, "off"])[:, 0], 1e-6)
        show(
            f"matting={name}",
            f"trimap {kind}",
            f"soft {mean[0]:.4f} {mean[1]:.2f}k",
            f"band {mean[2]:.4f} {mean[3]:.2f}k",
            f"all {mean[4]:.4f} {mean[5]:.2f}k",
            f"median of MSE / off {np.median(ratio):.2f}, lower on {(ratio < 1).sum()}/{len(rows)}",
            f"{mean[-1]:.2f} s, most {np.max(rows, axis=0)[-1]:.2f} s",
        )


def mattes(rgb, alpha, trimap, automatic, args):
    """(name, alpha, seconds) of leaving alone, snapping, our solvers and, if asked, the peer's."""
    yield "off", alpha, 0
    if automatic:
        yield "off, edges=auto", snap_edges(rgb, alpha), 0
    for method in METHODS:
        start = time.perf_counter()
        out, warnings = refine_matte(rgb, alpha, method, None if automatic else trimap)
        yield method, out, time.perf_counter() - start
        for note in warnings:
            print(note)
        if args.peer:
            start = time.perf_counter()
            out = WHOLE[method](rgb / 255.0, trimap / 255.0)
            yield f"{method}, pymatting", np.float32(out), time.perf_counter() - start


def composites(args):
    """(kind, picture, alpha, true foreground), mixed here from alphas and other photographs."""
    sets = list(pictures(args, "alphamatting14"))
    others = sorted((args.data / "calibration" / "image").iterdir())
    for turn, (rgb, truth, _) in enumerate(sets):
        size = truth.shape[::-1]
        back = cv2.resize(sets[turn - 1][0], size)
        own = pymatting.estimate_foreground_ml(rgb / 255.0, truth.astype(float)) * 255
        other = np.asarray(Image.open(others[turn]).convert("RGB").resize(size))
        for kind, front in (("its own colours", own), ("another photograph", np.float32(other))):
            mixed = truth[..., None] * front + (1 - truth[..., None]) * back
            yield kind, np.uint8(np.clip(mixed + 0.5, 0, 255)), truth, front


def colours(args):
    found = {}
    for kind, rgb, alpha, front in composites(args):
        band = (alpha > 0) & (alpha < 1)
        # Weighed by alpha: an error shows on a new background as much as the pixel is opaque.
        weight = alpha[band][:, None]

        def error(picture, band=band, front=front, weight=weight):
            return (np.abs(picture[band] - front[band]) * weight).mean()

        theirs = 255 * pymatting.estimate_foreground_ml(rgb / 255.0, alpha.astype(float))
        found.setdefault(kind, []).append(
            [error(picture) for picture in (rgb, decontaminate(rgb, alpha), theirs)]
        )
    for kind, rows in found.items():
        alone, ours, theirs = np.mean(rows, axis=0)
        show(
            "decontaminate",
            f"foreground: {kind}",
            f"left alone {alone:.1f} levels",
            f"ours {ours / alone:.2f} of it",
            f"pymatting {theirs / alone:.2f} of it",
        )


def large(args):
    """The first alphamatting picture that is 12 megapixels, and its map at that size."""
    rgb, _, alpha = next(pictures(args, "alphamatting14"))
    size = LARGE[::-1]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.clip(
        cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC), 0, 1
    )


def times(args):
    warm_up()
    rgb, alpha = large(args)
    steps = {
        "edges=snap": lambda: snap_edges(rgb, alpha, "snap"),
        "edges=auto": lambda: snap_edges(rgb, alpha, "auto"),
        "decontaminate": lambda: decontaminate(rgb, alpha),
        "background: colour": lambda: backgrounds.over(rgb, alpha, (255, 0, 255)),
        "background: blur": lambda: backgrounds.over(rgb, alpha, backgrounds.blurred(rgb, alpha)),
        **{
            step.__name__: lambda step=step: step(alpha)
            for step in (masks.drop_specks, masks.fill_holes, masks.smooth, masks.feather)
        },
    }
    for method in METHODS:
        steps[f"matting={method}"] = lambda method=method: refine_matte(rgb, alpha, method)
    for name, run in steps.items():
        wall, work = spent(run, 2 if name.startswith("matting") else 5)
        show(name, "12 MP", f"{wall:.0f} ms", f"{work:.0f} ms of CPU")


PARTS = {"edges": edges, "matting": matting, "colours": colours, "times": times}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("CUTOUT_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--scores", type=Path, help="raw maps; without it the model runs")
    parser.add_argument("--limit", type=int, help="pictures a set")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peer", action="store_true", help="pymatting over the whole picture too")
    parser.add_argument("--peer-seconds", type=float, default=900, help="start no picture after")
    args = parser.parse_args()
    print(machine())
    for part in args.part:
        PARTS[part](args)


if __name__ == "__main__":
    main()
