"""Fit predicted_iou on photographs with truth; print the numbers of cutout/quality/fitted.py.

    python -m benchmarks.fit_quality --data ../shared/data --cache SCORES

Folders hold image/ and mask/ with equal stems. SCORES keeps the model's raw maps, one file a view
and picture, so that a second run takes seconds. The fit uses --fit alone; --check sets are scored
with the fitted numbers and change nothing.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import spearmanr

from cutout import images, measures, quality
from cutout.quality import features
from cutout.quality.predicted import logistic
from u2net import RembgModel

FOLDS = 10
# Photographs elsewhere are harder than these: U²-Net measures IoU .883 on all of ECSSD and
# .766 on DUTS-TE; pictures are weighted as if the mean were halfway, so that the prediction's mean
# is about as much too low on easy sets as too high on hard ones. Saerens et al., 2002: prior shift.
ASSUMED_MEAN = (0.883 + 0.766) / 2


class Judged(NamedTuple):
    """One set under one mode: features (N, 2), measured IoU (N,), plain soft IoU (N,)."""

    values: np.ndarray
    ious: np.ndarray
    soft: np.ndarray


def raw_map(model: RembgModel, picture: Path, view: quality.View, kept: Path) -> np.ndarray:
    """One view's raw map at its own size, mirrored back; from the cache, else computed and kept."""
    if not kept.exists():
        rgb = images.decode(picture.read_bytes()).rgb
        (tensor,) = quality.tensors(lambda size: model.prepare(rgb, size), [view])
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, quality.aligned([model.infer_one(tensor)], [view])[0])
    return np.load(kept)


def passes(
    model: RembgModel, folder: Path, args: argparse.Namespace, views: Sequence[quality.View]
) -> Iterator[tuple[Path, list[np.ndarray]]]:
    """Each mask's file with the aligned raw maps of the views."""
    for mask in sorted((folder / "mask").iterdir()):
        names = [f"{view.size}{'m' * view.mirror}" for view in views]
        kept = [args.cache / folder.name / name / f"{mask.stem}.npy" for name in names]
        if args.cached and not all(path.exists() for path in kept):
            continue
        picture = next((folder / "image").glob(f"{mask.stem}.*"))
        raw = [raw_map(model, picture, view, path) for view, path in zip(views, kept, strict=True)]
        yield mask, quality.aligned(raw, [quality.View(one.shape[0]) for one in raw])


def judge(
    model: RembgModel, folder: Path, args: argparse.Namespace, views: Sequence[quality.View]
) -> Judged:
    """Features and the true IoU at 0.5 of every picture of a set."""
    rows = []
    for mask, maps in passes(model, folder, args, views):
        scores = quality.voted(maps, views)
        truth = images.decode(mask.read_bytes()).rgb[..., 0] > 128
        pred = model.finish(scores, truth.shape) > 0.5
        values = features.of_map(scores, maps)
        soft = features.soft_iou(*_mask_and_alpha(scores))
        rows.append((values, measures.iou(pred, truth), soft))
    if not rows:
        return Judged(np.empty((0, 2)), np.empty(0), np.empty(0))
    return Judged(*(np.array(column) for column in zip(*rows, strict=True)))


def _mask_and_alpha(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alpha = features.on_grid(scores)
    return alpha > 0.5, alpha


def tilted(ious: np.ndarray, mean: float) -> np.ndarray:
    """Weights (N,), sum 1, exponential in the IoU, under which its mean is the one given."""

    def weights(slope: float) -> np.ndarray:
        raw = np.exp(-slope * ious)
        return raw / raw.sum()

    return weights(brentq(lambda slope: weights(slope) @ ious - mean, -20, 20))


def fit(values: np.ndarray, ious: np.ndarray) -> list[float]:
    """Intercept and weights of a logistic curve over the sum of the standardised features.

    Equal weights on purpose: a few failures in an easy set would choose others at random, and
    equal ones carry over best. Dawes, 1979, "The robust beauty of improper linear models".
    """
    weights = 1 / values.std(axis=0)
    line, share = values @ weights, tilted(ious, ASSUMED_MEAN)

    def loss(guess: np.ndarray) -> float:
        total = guess[0] + guess[1] * line
        return float(share @ (np.logaddexp(0, total) - ious * total))

    intercept, slope = minimize(loss, [0.0, 1.0]).x
    return [float(intercept), *(float(slope * weight) for weight in weights)]


def predict(fitted: list[float], values: np.ndarray) -> np.ndarray:
    return np.array([logistic(fitted, row) for row in values])


def held_out(judged: Judged, seed: int = 0) -> np.ndarray:
    """Each picture's prediction by a fit that has not seen it."""
    order = np.random.default_rng(seed).permutation(len(judged.ious))
    said = np.empty(len(order))
    for fold in range(FOLDS):
        out = order[fold::FOLDS]
        rest = np.setdiff1d(order, out)
        said[out] = predict(fit(judged.values[rest], judged.ious[rest]), judged.values[out])
    return said


def interval(said: np.ndarray, ious: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the rank correlation."""
    picks = np.random.default_rng(0).integers(0, len(ious), (draws, len(ious)))
    return tuple(np.percentile([spearmanr(said[p], ious[p])[0] for p in picks], [2.5, 97.5]))


def report(name: str, said: np.ndarray, judged: Judged) -> None:
    low, high = interval(said, judged.ious)
    print(
        f"{name:32} n {len(said):4}  rank {spearmanr(said, judged.ious)[0]:.3f} "
        f"[{low:.3f}, {high:.3f}]  soft IoU alone {spearmanr(judged.soft, judged.ious)[0]:.3f}  "
        f"predicted {said.mean():.3f} measured {judged.ious.mean():.3f}  "
        f"off by {np.abs(said - judged.ious).mean():.3f}"
    )


def report_harder(fitted: list[float], judged: Judged) -> None:
    """The error of the mean, were the set as hard as others: same maps for the same IoU."""
    said = predict(fitted, judged.values)
    for mean in (0.883, 0.85, 0.80, 0.766):
        print(f"    at a mean IoU of {mean}: {tilted(judged.ious, mean) @ said - mean:+.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for raw maps")
    parser.add_argument("--fit", default="ecssd300")
    parser.add_argument("--check", nargs="*", default=["alphamatting14", "carvana8"])
    parser.add_argument("--cached", action="store_true", help="only pictures whose maps are kept")
    args = parser.parse_args()
    model = RembgModel("u2net")
    for name, views in (("STANDARD", quality.BEST[:1]), ("BEST", quality.BEST)):
        judged = judge(model, args.data / args.fit, args, views)
        fitted = fit(judged.values, judged.ious)
        print(f"{name} = ({', '.join(f'{number:.3f}' for number in fitted)})")
        report(f"{args.fit}, held out", held_out(judged), judged)
        report_harder(fitted, judged)
        for other in args.check:
            checked = judge(model, args.data / other, args, views)
            if len(checked.ious):
                report(other, predict(fitted, checked.values), checked)


if __name__ == "__main__":
    main()
