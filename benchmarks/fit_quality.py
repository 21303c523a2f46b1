"""Fit predicted_iou on photographs with truth; print the numbers of cutout/quality/fitted.py.

    python -m benchmarks.fit_quality --data ../shared/data --cache MAPS
    python -m benchmarks.fit_quality --data ../shared/data --cache OTHERS --model u2netp \\
        --only standard

Data sets are folders with image/ and mask/ of equal stems. MAPS keeps the model's maps, so that a
second run takes a minute. The fit uses the even half of --fit alone; its odd half and the --check
sets are only scored with the fitted numbers.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import spearmanr

from benchmarks.machine import machine
from benchmarks.matted_sets import HALVES, Mattes, samples
from cutout import measures
from cutout.models import processing
from cutout.options import Options
from cutout.quality import features
from cutout.quality.predicted import logistic

# Photographs elsewhere are harder than these: U²-Net measures IoU .883 on all of ECSSD and
# .766 on DUTS-TE. Images are weighted as if the mean were halfway, so that the mean prediction is
# about as much too low on easy sets as too high on hard ones. Saerens et al., 2002: prior shift.
ASSUMED_MEAN = (0.883 + 0.766) / 2


class Evaluated(NamedTuple):
    """Images of one data set: features (N, 2), measured IoU (N,), whether several views (N,)."""

    values: np.ndarray
    ious: np.ndarray
    several: np.ndarray


def evaluate(mattes: Mattes, folder: Path, half: str, options: Options) -> Evaluated:
    """Features of the final alpha by the map, and the measured IoU at 0.5, of half a data set."""
    rows = []
    for sample in samples(folder, half):
        frame = mattes.frame(sample, options)
        scores = processing.visible(frame.score_map.map, frame.size, options.fit)
        values = features.of_map(scores, frame.score_map.views, frame.matte)
        iou = measures.iou(frame.matte > 0.5, sample.truth)
        rows.append((values, iou, bool(frame.score_map.views)))
    return Evaluated(*(np.array(column) for column in zip(*rows, strict=True)))


def prior_weights(ious: np.ndarray, mean: float) -> np.ndarray:
    """Weights (N,) with sum 1, exponential in the IoU, that make the weighted mean IoU `mean`."""

    def weights(slope: float) -> np.ndarray:
        raw = np.exp(-slope * ious)
        return raw / raw.sum()

    return weights(brentq(lambda slope: weights(slope) @ ious - mean, -20, 20))


def fit(values: np.ndarray, ious: np.ndarray, share: np.ndarray) -> list[float]:
    """Intercept and weights of a logistic curve over the sum of the standardised features.

    share: (N,) weight of each image. Equal weights: with few failures in an easy set, fitted ones
    would be chance, and equal ones generalise best. Dawes, 1979, "The robust beauty of improper
    linear models".
    """
    weights = 1 / values.std(axis=0)
    line = values @ weights

    def loss(guess: np.ndarray) -> float:
        total = guess[0] + guess[1] * line
        return float(share @ (np.logaddexp(0, total) - ious * total))

    intercept, slope = minimize(loss, [0.0, 1.0]).x
    return [float(intercept), *(float(slope * weight) for weight in weights)]


def interval(predictions: np.ndarray, ious: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the rank correlation."""
    picks = np.random.default_rng(0).integers(0, len(ious), (draws, len(ious)))
    return tuple(np.percentile([spearmanr(predictions[p], ious[p])[0] for p in picks], [2.5, 97.5]))


def report(name: str, fitted: dict[bool, list[float]], evaluated: Evaluated) -> np.ndarray:
    """Print how good the predictions are; return them."""
    rows = zip(evaluated.several, evaluated.values, strict=True)
    predictions = np.array([logistic(fitted[bool(several)], row) for several, row in rows])
    low, high = interval(predictions, evaluated.ious)
    rank = spearmanr(predictions, evaluated.ious)[0]
    print(
        f"{name:32} n {len(predictions):4}  rank {rank:.3f} [{low:.3f}, {high:.3f}]  "
        f"predicted {predictions.mean():.3f} measured {evaluated.ious.mean():.3f}  "
        f"off by {np.abs(predictions - evaluated.ious).mean():.3f}",
        flush=True,
    )
    return predictions


def report_harder(predictions: np.ndarray, ious: np.ndarray) -> None:
    """Error of the mean prediction if the images were as hard as those of other data sets."""
    for mean in (0.883, 0.85, 0.80, 0.766):
        print(f"    at a mean IoU of {mean}: {prior_weights(ious, mean) @ predictions - mean:+.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the model's maps")
    parser.add_argument("--fit", default="ecssd300")
    parser.add_argument("--check", nargs="*", default=["alphamatting14", "carvana8"])
    parser.add_argument("--model", default="u2net", help="of the table; MAPS are its own")
    parser.add_argument("--only", choices=("standard", "best"), help="fit one of the two")
    args = parser.parse_args()
    print(machine())
    mattes, fitted = Mattes(args.cache, args.model), {}
    for quality in (args.only,) if args.only else ("standard", "best"):
        options, several = Options(quality=quality), quality == "best"
        evaluated = evaluate(mattes, args.data / args.fit, HALVES[0], options)
        used = evaluated.several == several
        # Weights of the whole set: the images of a second look are the harder ones of it.
        share = prior_weights(evaluated.ious, ASSUMED_MEAN)[used]
        fitted[several] = fit(evaluated.values[used], evaluated.ious[used], share)
        print(f"{quality} = ({', '.join(f'{number:.3f}' for number in fitted[several])})")
        report(f"{quality}, {args.fit}, fitted half", fitted, evaluated)
        held = evaluate(mattes, args.data / args.fit, HALVES[1], options)
        report_harder(report(f"{quality}, {args.fit}, held half", fitted, held), held.ious)
        for name in args.check:
            halves = [evaluate(mattes, args.data / name, half, options) for half in HALVES]
            joined = Evaluated(*(np.concatenate(column) for column in zip(*halves, strict=True)))
            report(f"{quality}, {name}", fitted, joined)


if __name__ == "__main__":
    main()
