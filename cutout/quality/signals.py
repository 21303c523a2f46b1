"""The quality signals of every result: of the final alpha, by the model's map."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cutout.models.table import Calibration
from cutout.quality import maps
from cutout.quality.flags import flags
from cutout.quality.predicted import predicted_iou
from cutout.quality.recalibration import Recalibration

# A subject is found when the mean of the highest 0.2 % of the raw scores is at least this. Measured
# with U²-Net: 299 of 300 photographs reach .96 and the last one's mask is all wrong; of 59 blank
# images the flat colours, gradients, walls, fine noise stay under .10. Strong blotches and stripes
# pass, but their predicted_iou is under .35.
PEAK_SHARE = 0.002
PEAK_FOUND = 0.6
UNCERTAIN = (0.1, 0.9)


@dataclass(frozen=True)
class Signals:
    """Quality signals of a result. Shares and confidences are in [0, 1].

    coverage: share of the image that is subject. components: connected parts of the subject
    without specks. touches_border: sides of the image that the subject reaches. uncertain_share:
    share of the image with alpha between .1 and .9. mean_confidence: mean raw score inside the
    subject. subject_found: whether the raw scores are high anywhere; false on blank walls, noise,
    flat colours, whose stretched map shows nothing real. predicted_iou: expected IoU of the mask,
    0 where no subject was found. flags: what may be wrong, in words: `no_subject`, or of
    `low_confidence` (predicted_iou below .75), `several_subjects`, `touches_border`,
    `small_subject` (under 5 % of the image), and where the final alpha has taken away or added what
    the model was sure of: `thin_parts_lost`, `parts_lost`, `parts_added`.
    """

    coverage: float
    components: int
    touches_border: tuple[str, ...]
    uncertain_share: float
    mean_confidence: float
    subject_found: bool
    predicted_iou: float
    flags: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The fields by name, ready for JSON; shares are rounded to four digits."""
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}
        lists = {"touches_border": list(self.touches_border), "flags": list(self.flags)}
        return rounded | lists


def signals(
    scores: np.ndarray,
    views: Sequence[np.ndarray] = (),
    final: np.ndarray | None = None,
    *,
    calibration: Calibration | None = None,
    recalibration: Recalibration | None = None,
) -> Signals:
    """Quality signals of one image.

    scores: (h, w) float32, the model's output before the min-max stretch, without padding. views:
    the aligned maps that were merged into `scores`, if it was several. final: (H, W) float32, the
    alpha that was made of the map, None for the map's own. calibration: of the model, U²-Net's by
    default. recalibration: of the predicted IoU to a user's own data. Raises ModelFailed where the
    scores are no usable map.
    """
    scores = maps.checked(scores)
    stretched = maps.stretched(scores)
    alpha = stretched if final is None else maps.at_size(final, scores.shape)
    mask = alpha > 0.5
    low, high = UNCERTAIN
    peak_found = calibration.peak_found if calibration else PEAK_FOUND
    found = bool((stretched > 0.5).any()) and maps.peak(scores, PEAK_SHARE) >= peak_found
    predicted = predicted_iou(scores, views, calibration, final) if found else 0.0
    predicted = recalibration.apply(predicted) if recalibration else predicted
    parts = len(maps.component_areas(mask))
    return Signals(
        coverage=float(mask.mean()),
        components=parts,
        touches_border=maps.sides_touched(mask),
        uncertain_share=float(((alpha > low) & (alpha < high)).mean()),
        mean_confidence=float(scores[mask].mean()) if mask.any() else 0.0,
        subject_found=found,
        predicted_iou=predicted,
        flags=tuple(flags(alpha, stretched, predicted, parts)) if found else ("no_subject",),
    )
