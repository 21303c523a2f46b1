"""Fit predicted_iou on photographs with truth; print the numbers of cutout/quality/fitted.py.

    python -m benchmarks.fit_quality --data ../shared/data --cache SCORES

Folders hold image/ and mask/ with equal stems. SCORES keeps the model's raw maps, one file a view
and picture, so that a second run takes seconds. The fit uses --fit alone; --check sets are scored
with the fitted numbers and change nothing.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import spearmanr

from cutout import images, measures, quality
from cutout.quality import features
from cutout.quality.predicted import logistic
from u2net import RembgModel

FOLDS = 10
# Weak on purpose: two collinear features share their weight instead of playing against each other.
RIDGE = 0.01


class Judged(NamedTuple):
    """One set under one mode: features (N, 2), measured IoU (N,), plain soft IoU (N,)."""

    values: np.ndarray
    ious: np.ndarray
    soft: np.ndarray


def passes(model: RembgModel, folder: Path, cache: Path) -> Iterator[tuple[Path, list[np.ndarray]]]:
    """Each mask's file with the raw maps of quality.BEST, aligned, computed once."""
    for mask in sorted((folder / "mask").iterdir()):
        kept = cache / folder.name / f"{mask.stem}.npy"
        if not kept.exists():
            picture = next((folder / "image").glob(f"{mask.stem}.*"))
            rgb = images.decode(picture.read_bytes()).rgb
            tensors = quality.tensors(lambda size, rgb=rgb: model.prepare(rgb))
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.save(kept, np.stack([model.infer_one(one) for one in tensors]))
        yield mask, quality.aligned(list(np.load(kept)))


def judge(model: RembgModel, folder: Path, cache: Path, best: bool) -> Judged:
    """Features and the true IoU at 0.5 of every picture of a set."""
    rows = []
    for mask, views in passes(model, folder, cache):
        views = views if best else views[:1]
        scores = np.mean(views, axis=0, dtype=np.float32)
        truth = images.decode(mask.read_bytes()).rgb[..., 0] > 128
        pred = model.finish(scores, truth.shape) > 0.5
        values = features.of_map(scores, views)
        soft = features.soft_iou(*_mask_and_alpha(scores))
        rows.append((values, measures.iou(pred, truth), soft))
    return Judged(*(np.array(column) for column in zip(*rows, strict=True)))


def _mask_and_alpha(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alpha = features.on_grid(scores)
    return alpha > 0.5, alpha


def fit(values: np.ndarray, ious: np.ndarray) -> list[float]:
    """Intercept and non-negative weights of a logistic curve through fractions, ridge-held.

    Its mean prediction equals the mean truth of what it was fitted on. Papke, Wooldridge, 1996.
    """
    centre, spread = values.mean(axis=0), values.std(axis=0)
    unit = (values - centre) / spread

    def loss(guess: np.ndarray) -> float:
        total = guess[0] + unit @ guess[1:]
        surprise = np.logaddexp(0, total) - ious * total
        return float(surprise.mean() + RIDGE / 2 * np.square(guess[1:]).sum())

    bounds = [(None, None)] + [(0, None)] * values.shape[1]
    found = minimize(loss, np.zeros(len(bounds)), bounds=bounds).x
    weights = found[1:] / spread
    return [float(found[0] - centre @ weights), *(float(w) for w in weights)]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--cache", type=Path, required=True, help="folder for raw maps")
    parser.add_argument("--fit", default="ecssd300")
    parser.add_argument("--check", nargs="*", default=["alphamatting14", "carvana8"])
    args = parser.parse_args()
    model = RembgModel("u2net")
    for name, best in (("STANDARD", False), ("BEST", True)):
        judged = judge(model, args.data / args.fit, args.cache, best)
        fitted = fit(judged.values, judged.ious)
        print(f"{name} = ({', '.join(f'{number:.3f}' for number in fitted)})")
        report(f"{args.fit}, held out", held_out(judged), judged)
        for other in args.check:
            checked = judge(model, args.data / other, args.cache, best)
            report(other, predict(fitted, checked.values), checked)


if __name__ == "__main__":
    main()
