"""The predicted IoU of a model brought to the level of a user's own data.

A logistic curve over the logit of the prediction, which keeps the order of images. Platt,
"Probabilistic outputs for support vector machines", 1999.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cutout.errors import ConfigurationError, InvalidValue
from cutout.files import write_atomically
from cutout.quality.features import logit

MIN_IMAGES = 20
# Weight of staying at slope 1: few images move the level of the curve, many its slope too.
PRIOR_IMAGES = 10
MAX_SLOPE = 20


@dataclass(frozen=True)
class Recalibration:
    """1 / (1 + exp(-(intercept + slope * logit(predicted)))).

    images: how many it was fitted on.

    model: name of the model whose predictions it was fitted to, and for which alone it holds.
    """

    intercept: float
    slope: float
    images: int
    model: str = ""

    def apply(self, predicted: float) -> float:
        """The calibrated prediction, between 0 and 1; 0 (no subject) stays 0."""
        if predicted == 0:
            return 0.0
        return float(1 / (1 + np.exp(-(self.intercept + self.slope * logit(predicted)))))

    def after(self, earlier: "Recalibration") -> "Recalibration":
        """One calibration that does what `earlier` and then this one do."""
        intercept = self.intercept + self.slope * earlier.intercept
        return Recalibration(intercept, self.slope * earlier.slope, self.images, self.model)


def fit_recalibration(
    predicted: np.ndarray, measured: np.ndarray, model: str = ""
) -> Recalibration:
    """Fit to images without those in which no subject was found.

    predicted, measured: (N,) IoU in [0, 1]. Raises InvalidValue below MIN_IMAGES images.
    """
    from scipy.optimize import minimize  # a server fits nothing, and it takes 0.15 s to import

    found = predicted > 0
    if found.sum() < MIN_IMAGES:
        raise InvalidValue(
            f"Calibrating needs {MIN_IMAGES} images with a subject; there are {found.sum()}."
        )
    lines, ious = np.array([logit(float(one)) for one in predicted[found]]), measured[found]

    def loss(guess: np.ndarray) -> float:
        total = guess[0] + guess[1] * lines
        fit = (np.logaddexp(0, total) - ious * total).sum()
        return float(fit + PRIOR_IMAGES * (guess[1] - 1) ** 2 / 2)

    # A slope above zero: the order of the predictions must stay.
    found_at = minimize(loss, [0.0, 1.0], bounds=[(None, None), (1 / MAX_SLOPE, MAX_SLOPE)]).x
    intercept, slope = (round(float(number), 4) for number in found_at)
    return Recalibration(intercept, slope, len(ious), model)


def write_recalibration(path: Path, recalibration: Recalibration) -> None:
    """Write it as JSON."""
    write_atomically(path, (json.dumps(asdict(recalibration), indent=1) + "\n").encode())


def read_recalibration(path: Path) -> Recalibration:
    """What `write_recalibration` wrote. Raises ConfigurationError where the file is none."""
    try:
        found = Recalibration(**json.loads(path.read_text(encoding="utf-8")))
        numbers = [float(found.intercept), float(found.slope), int(found.images)]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"CUTOUT_CALIBRATION: {path.name} is no calibration; write one with "
            "`cutout evaluate --calibrate`."
        ) from error
    if not np.isfinite(numbers).all() or found.slope <= 0 or not isinstance(found.model, str):
        raise ConfigurationError(f"CUTOUT_CALIBRATION: the numbers in {path.name} are no curve.")
    return found
