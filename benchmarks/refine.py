"""Edges, mattes and colours compared with the truth, and their time at 12 megapixels.

python -m benchmarks.refine --data DIR [--scores DIR] [--limit N] [--part edges matting ...]

`--scores` is a folder with the model's scores as <set>/<stem>.npy; without it the model runs.
`--peer` also solves the same trimaps with pymatting over the whole image, which takes minutes.
"""

import argparse
import importlib
import os
import statistics
import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.machine import machine
from cutout.compose import backgrounds
from cutout.matting.foreground import decontaminate
from cutout.matting.guard import guarded
from cutout.matting.matte import METHODS, refine_matte
from cutout.matting.solve import warm_up
from cutout.matting.trimap import automatic_trimap
from cutout.measures import boundary_iou, iou, mse, sad
from cutout.models import processing
from cutout.refine import masks
from cutout.refine.edges import snap_edges

FINE_BAND = 0.005
WHOLE = {"closed-form": "estimate_alpha_cf", "knn": "estimate_alpha_knn"}
LARGE = (3000, 4000)


def pymatting():
    """Imported where it is used: its first import compiles for a minute."""
    return importlib.import_module("pymatting")


@lru_cache(1)
def model():
    from cutout.settings import Settings
    from u2net import RembgModel

    return RembgModel("u2net", Settings(precision="fp32", runtime="onnxruntime", device="cpu"))


def samples(args, name):
    """(rgb, truth (H, W) float32, alpha of the model) of every image of a data set."""
    folder = args.data / name
    for path in sorted((folder / "image").iterdir())[: args.limit]:
        rgb = np.asarray(Image.open(path).convert("RGB"))
        truth = np.asarray(Image.open(next((folder / "mask").glob(f"{path.stem}.*"))).convert("L"))
        if args.scores:
            scores = np.load(args.scores / name / f"{path.stem}.npy")
        else:
            scores = model().infer_one(model().prepare(rgb))
        yield rgb, truth / np.float32(255), processing.finish(scores, truth.shape)


def median_ms(run, repeats=5):
    """Median wall clock and median CPU time of all threads, in ms, after a call to warm up."""
    run()
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return [1000 * statistics.median(row) for row in (walls, cpus)]


def print_row(what, where, *values):
    print(f"| {what:34} | {where:24} | " + " | ".join(values) + " |", flush=True)


def edges(args):
    for name in ("alphamatting14", "carvana8", "ecssd300"):
        results = {mode: [] for mode in ("off", "snap", "auto")}
        for rgb, truth, alpha in samples(args, name):
            subject = truth > 128 / 255
            for mode, rows in results.items():
                out = snap_edges(rgb, alpha, mode)
                mask = out > 0.5
                rows.append(
                    (
                        boundary_iou(mask, subject, FINE_BAND),
                        iou(mask, subject),
                        np.abs(out - truth).mean(),
                    )
                )
        for mode, rows in results.items():
            edge, area, error = np.mean(rows, axis=0)
            print_row(
                f"edges={mode}",
                name,
                f"boundary IoU {edge:.3f}",
                f"IoU {area:.4f}",
                f"MAE {error:.4f}",
            )


def true_trimap(truth, share=0.005):
    """Unknown where the true alpha is soft, widened by half a percent of the diagonal."""
    radius = max(1, round(share * float(np.hypot(*truth.shape))))
    soft = ((truth > 0) & (truth < 1)).astype(np.uint8)
    unknown = cv2.dilate(soft, np.ones((2 * radius + 1,) * 2, np.uint8)) > 0
    return np.where(unknown, 128, np.where(truth > 0.5, 255, 0)).astype(np.uint8)


def matting(args):
    """Errors of every matte where the truth is soft, where its trimap is unknown, and everywhere.

    The first region, of `true_trimap`, is the same for every row, as in the benchmark of Rhemann
    et al., 2009; the second shows what solving the equations changed.
    """
    warm_up()
    results, end = {}, time.monotonic() + args.peer_seconds
    for rgb, truth, alpha in samples(args, "alphamatting14"):
        if args.peer and time.monotonic() > end:
            print(f"stopped after {args.peer_seconds} seconds")
            break
        exact = true_trimap(truth)
        trimaps = {"automatic": automatic_trimap(alpha), "from the truth": exact}
        for kind, trimap in trimaps.items():
            for name, out, seconds in mattes(rgb, alpha, trimap, kind == "automatic", args):
                errors = matte_errors(out, truth, (exact == 128, trimap == 128, None))
                results.setdefault((kind, name), []).append([*errors, seconds])
    print_mattes(results)


def matte_errors(out, truth, regions):
    """MSE and SAD in each region."""
    return [error(out, truth, region) for region in regions for error in (mse, sad)]


def print_mattes(results):
    for (kind, name), rows in sorted(results.items()):
        mean = np.mean(rows, axis=0)
        # A few failures of the model dominate the mean: the median says how the typical image does.
        ratio = np.array(rows)[:, 0] / np.maximum(np.array(results[kind, "off"])[:, 0], 1e-6)
        print_row(
            f"matting={name}",
            f"trimap {kind}",
            f"soft {mean[0]:.4f} {mean[1]:.2f}k",
            f"band {mean[2]:.4f} {mean[3]:.2f}k",
            f"all {mean[4]:.4f} {mean[5]:.2f}k",
            f"median of MSE / off {np.median(ratio):.2f}, lower on {(ratio < 1).sum()}/{len(rows)}",
            f"{mean[-1]:.2f} s, most {np.max(rows, axis=0)[-1]:.2f} s",
        )


def mattes(rgb, alpha, trimap, automatic, args):
    """(name, alpha, seconds) of no matting, aligned edges, our solvers, and pymatting if asked."""
    yield "off", alpha, 0
    if automatic:
        yield "off, edges=auto", snap_edges(rgb, alpha), 0
    for method in METHODS:
        start = time.perf_counter()
        out, warnings = refine_matte(rgb, alpha, method, None if automatic else trimap)
        if automatic and out is not alpha:
            out = guarded(rgb, alpha, snap_edges(rgb, alpha), out)
        yield method, out, time.perf_counter() - start
        for warning in warnings:
            print(warning)
        if args.peer:
            solve = getattr(pymatting(), WHOLE[method])
            start = time.perf_counter()
            out = solve(rgb / 255.0, trimap / 255.0)
            yield f"{method}, pymatting", np.float32(out), time.perf_counter() - start


def composites(args):
    """(kind, image, alpha, true foreground): composites of the alphas and other photographs."""
    images = list(samples(args, "alphamatting14"))
    others = sorted((args.data / "calibration" / "image").iterdir())
    for index, (rgb, truth, _) in enumerate(images):
        size = truth.shape[::-1]
        back = cv2.resize(images[index - 1][0], size)
        own = pymatting().estimate_foreground_ml(rgb / 255.0, truth.astype(float)) * 255
        other = np.asarray(Image.open(others[index]).convert("RGB").resize(size))
        for kind, front in (("its own colours", own), ("another photograph", np.float32(other))):
            mixed = truth[..., None] * front + (1 - truth[..., None]) * back
            yield kind, np.uint8(np.clip(mixed + 0.5, 0, 255)), truth, front


def colours(args):
    results = {}
    for kind, rgb, alpha, front in composites(args):
        band = (alpha > 0) & (alpha < 1)
        # Weighted by alpha: on a new background an error is visible as far as the pixel is opaque.
        weight = alpha[band][:, None]

        def error(colours, band=band, front=front, weight=weight):
            return (np.abs(colours[band] - front[band]) * weight).mean()

        by_pymatting = 255 * pymatting().estimate_foreground_ml(rgb / 255.0, alpha.astype(float))
        results.setdefault(kind, []).append(
            [error(colours) for colours in (rgb, decontaminate(rgb, alpha), by_pymatting)]
        )
    for kind, rows in results.items():
        unchanged, ours, by_pymatting = np.mean(rows, axis=0)
        print_row(
            "decontaminate",
            f"foreground: {kind}",
            f"unchanged {unchanged:.1f} levels",
            f"ours {ours / unchanged:.2f} of it",
            f"pymatting {by_pymatting / unchanged:.2f} of it",
        )


def large(args):
    """The first image of alphamatting14 and its alpha, enlarged to 12 megapixels."""
    rgb, _, alpha = next(samples(args, "alphamatting14"))
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
        wall, cpu = median_ms(run, 2 if name.startswith("matting") else 5)
        print_row(name, "12 MP", f"{wall:.0f} ms", f"{cpu:.0f} ms of CPU")


PARTS = {"edges": edges, "matting": matting, "colours": colours, "times": times}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("CUTOUT_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument(
        "--scores", type=Path, help="scores of the model; without them the model runs"
    )
    parser.add_argument("--limit", type=int, help="images of each data set")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peer", action="store_true", help="also pymatting, over the whole image")
    parser.add_argument("--peer-seconds", type=float, default=900, help="begin no image after this")
    args = parser.parse_args()
    print(machine())
    for part in args.part:
        PARTS[part](args)


if __name__ == "__main__":
    main()
