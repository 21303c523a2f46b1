"""Fit predicted_iou on photographs with truth; print the numbers of cutout/quality/fitted.py.

    python -m benchmarks.fit_quality --data ../shared/data --cache SCORES

Data sets are folders with image/ and mask/ of equal stems. SCORES keeps the model's scores, one
file for each view and image, so that a second run takes seconds. The fit uses --fit alone; the
--check sets are only scored with the fitted numbers.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import spearmanr

from cutout import images, measures, quality
from cutout.models import processing
from cutout.quality import features
from cutout.quality.predicted import logistic
from u2net import RembgModel

FOLDS = 10
# Photographs elsewhere are harder than these: U²-Net measures IoU .883 on all of ECSSD and
# .766 on DUTS-TE. Images are weighted as if the mean were halfway, so that the mean prediction is
# about as much too low on easy sets as too high on hard ones. Saerens et al., 2002: prior shift.
ASSUMED_MEAN = (0.883 + 0.766) / 2


class Evaluated(NamedTuple):
    """One data set with one choice of views: features (N, 2), measured IoU (N,), soft IoU (N,)."""

    values: np.ndarray
    ious: np.ndarray
    soft: np.ndarray


def scores_of(model: RembgModel, image: Path, view: quality.View, kept: Path) -> np.ndarray:
    """Scores of one view at its own size, mirrored back; from the file `kept`, else computed."""
    if not kept.exists():
        rgb = images.decode(image.read_bytes()).rgb
        (tensor,) = quality.tensors(lambda size: model.prepare(rgb, size), [view])
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, quality.aligned([model.infer_one(tensor)], [view])[0])
    return np.load(kept)


def scores_of_set(
    model: RembgModel, folder: Path, args: argparse.Namespace, views: Sequence[quality.View]
) -> Iterator[tuple[Path, list[np.ndarray]]]:
    """Each mask's file with the aligned scores of the views."""
    for mask in sorted((folder / "mask").iterdir()):
        names = [f"{view.size}{'m' * view.mirror}" for view in views]
        kept = [args.cache / folder.name / name / f"{mask.stem}.npy" for name in names]
        if args.cached and not all(path.exists() for path in kept):
            continue
        image = next((folder / "image").glob(f"{mask.stem}.*"))
        raw = [scores_of(model, image, view, path) for view, path in zip(views, kept, strict=True)]
        yield mask, quality.aligned(raw, [quality.View(one.shape[0]) for one in raw])


def evaluate(
    model: RembgModel, folder: Path, args: argparse.Namespace, views: Sequence[quality.View]
) -> Evaluated:
    """Features and the measured IoU at 0.5 of every image of a data set."""
    rows = []
    for mask, maps in scores_of_set(model, folder, args, views):
        scores = quality.voted(maps, views)
        truth = images.decode(mask.read_bytes()).rgb[..., 0] > 128
        pred = processing.finish(scores, truth.shape) > 0.5
        values = features.of_map(scores, maps)
        soft = features.soft_iou(*_mask_and_alpha(scores))
        rows.append((values, measures.iou(pred, truth), soft))
    if not rows:
        return Evaluated(np.empty((0, 2)), np.empty(0), np.empty(0))
    return Evaluated(*(np.array(column) for column in zip(*rows, strict=True)))


def _mask_and_alpha(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alpha = features.on_grid(scores)
    return alpha > 0.5, alpha


def prior_weights(ious: np.ndarray, mean: float) -> np.ndarray:
    """Weights (N,) with sum 1, exponential in the IoU, that make the weighted mean IoU `mean`."""

    def weights(slope: float) -> np.ndarray:
        raw = np.exp(-slope * ious)
        return raw / raw.sum()

    return weights(brentq(lambda slope: weights(slope) @ ious - mean, -20, 20))


def fit(values: np.ndarray, ious: np.ndarray) -> list[float]:
    """Intercept and weights of a logistic curve over the sum of the standardised features.

    Equal weights: with few failures in an easy set, fitted ones would be chance, and equal ones
    generalise best. Dawes, 1979, "The robust beauty of improper linear models".
    """
    weights = 1 / values.std(axis=0)
    line, share = values @ weights, prior_weights(ious, ASSUMED_MEAN)

    def loss(guess: np.ndarray) -> float:
        total = guess[0] + guess[1] * line
        return float(share @ (np.logaddexp(0, total) - ious * total))

    intercept, slope = minimize(loss, [0.0, 1.0]).x
    return [float(intercept), *(float(slope * weight) for weight in weights)]


def predict(fitted: list[float], values: np.ndarray) -> np.ndarray:
    return np.array([logistic(fitted, row) for row in values])


def held_out(evaluated: Evaluated, seed: int = 0) -> np.ndarray:
    """Prediction for each image by a fit without it: cross-validation."""
    order = np.random.default_rng(seed).permutation(len(evaluated.ious))
    predictions = np.empty(len(order))
    for fold in range(FOLDS):
        out = order[fold::FOLDS]
        rest = np.setdiff1d(order, out)
        predictions[out] = predict(
            fit(evaluated.values[rest], evaluated.ious[rest]), evaluated.values[out]
        )
    return predictions


def interval(predictions: np.ndarray, ious: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the rank correlation."""
    picks = np.random.default_rng(0).integers(0, len(ious), (draws, len(ious)))
    return tuple(np.percentile([spearmanr(predictions[p], ious[p])[0] for p in picks], [2.5, 97.5]))


def report(name: str, predictions: np.ndarray, evaluated: Evaluated) -> None:
    low, high = interval(predictions, evaluated.ious)
    rank = spearmanr(predictions, evaluated.ious)[0]
    rank_of_soft_iou = spearmanr(evaluated.soft, evaluated.ious)[0]
    print(
        f"{name:32} n {len(predictions):4}  rank {rank:.3f} "
        f"[{low:.3f}, {high:.3f}]  soft IoU alone {rank_of_soft_iou:.3f}  "
        f"predicted {predictions.mean():.3f} measured {evaluated.ious.mean():.3f}  "
        f"off by {np.abs(predictions - evaluated.ious).mean():.3f}"
    )


def report_harder(fitted: list[float], evaluated: Evaluated) -> None:
    """Error of the mean prediction if the images were as hard as those of other data sets."""
    predictions = predict(fitted, evaluated.values)
    for mean in (0.883, 0.85, 0.80, 0.766):
        predicted_mean = prior_weights(evaluated.ious, mean) @ predictions
        print(f"    at a mean IoU of {mean}: {predicted_mean - mean:+.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for scores")
    parser.add_argument("--fit", default="ecssd300")
    parser.add_argument("--check", nargs="*", default=["alphamatting14", "carvana8"])
    parser.add_argument("--cached", action="store_true", help="only images whose scores are kept")
    args = parser.parse_args()
    model = RembgModel("u2net")
    for name, views in (("STANDARD", quality.BEST[:1]), ("BEST", quality.BEST)):
        evaluated = evaluate(model, args.data / args.fit, args, views)
        fitted = fit(evaluated.values, evaluated.ious)
        print(f"{name} = ({', '.join(f'{number:.3f}' for number in fitted)})")
        report(f"{args.fit}, held out", held_out(evaluated), evaluated)
        report_harder(fitted, evaluated)
        for other in args.check:
            checked = evaluate(model, args.data / other, args, views)
            if len(checked.ious):
                report(other, predict(fitted, checked.values), checked)


if __name__ == "__main__":
    main()
