"""A set's measures and their confidence intervals: the Poisson bootstrap, in one pass.

Each image enters each resample Poisson(1) times, independently; for more than some dozens of
images this is the usual bootstrap (Hanley and MacGibbon, Creating non-parametric bootstrap
samples using Poisson frequencies, 2006). The counts depend on the image's name
alone, so two evaluations of one set are resampled alike and can be compared in pairs. Memory does
not grow with the set.
"""

import zlib
from collections.abc import Iterable

import numpy as np

from cutout import measures
from cutout.evaluation.records import Record

RESAMPLES = 1000
CHUNK = 64


def _draws(stem: str) -> np.ndarray:
    """How often an image enters: once in the sample itself, then Poisson(1): (1 + B,)."""
    rng = np.random.default_rng(zlib.crc32(stem.encode()))
    return np.concatenate([[1.0], rng.poisson(1, RESAMPLES)])


class Replicates:
    """Means over the sample (row 0) and its resamples (rows 1…): values and curves."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Read the records once; all must hold the same measures."""
        self.count = 0
        self._weight = np.zeros(1 + RESAMPLES)
        self._sum = np.zeros((1 + RESAMPLES, 1))
        self.names: list[str] = []
        self.curve_names: list[str] = []
        chunk: list[Record] = []
        for record in records:
            chunk.append(record)
            if len(chunk) == CHUNK:
                self._add(chunk)
                chunk = []
        if chunk:
            self._add(chunk)

    def _add(self, chunk: list[Record]) -> None:
        self.names = self.names or [n for n in measures.MEASURES if n in chunk[0].values]
        self.curve_names = self.curve_names or [n for n in measures.CURVES if n in chunk[0].curves]
        rows = np.array(
            [
                np.concatenate(
                    [[r.values[n] for n in self.names], *(r.curves[n] for n in self.curve_names)]
                )
                for r in chunk
            ]
        )
        draws = np.stack([_draws(record.stem) for record in chunk], axis=1)
        self._sum = self._sum + draws @ rows
        self._weight += draws.sum(axis=1)
        self.count += len(chunk)

    def _means(self) -> np.ndarray:
        # A resample of a very small set may contain no image; its mean is undefined.
        weight = self._weight[:, None]
        means = np.full(self._sum.shape, np.nan)
        np.divide(self._sum, weight, out=means, where=weight > 0)
        return means

    def curves(self) -> dict[str, np.ndarray]:
        """Mean curves: name -> (1 + B, 256)."""
        curves = self._means()[:, len(self.names) :].reshape(1 + RESAMPLES, -1, 256)
        return {name: curves[:, at] for at, name in enumerate(self.curve_names)}

    def figures(self) -> dict[str, np.ndarray]:
        """The set's measures: name -> (1 + B,), by each convention's own rule for a set."""
        means = self._means()
        figures = {name: means[:, at] for at, name in enumerate(self.names)}
        return figures | set_figures(self.curves())


def set_figures(curves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Maximum and mean over thresholds of the set's mean curves (…, 256), by measure name."""
    per_set = {}
    if "precision" in curves:
        per_set["paper"] = measures.f_measure(curves["precision"], curves["recall"])
    rows = {"paper_{}_f": "paper", "sod_{}_f": "f", "sod_{}_e": "e"}
    per_set |= {name: curves[name] for name in ("f", "e") if name in curves}
    return {
        pattern.format(kind): getattr(per_set[source], kind)(axis=-1)
        for pattern, source in rows.items()
        if source in per_set
        for kind in ("max", "mean")
    }


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled figures."""
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return float(low), float(high)
