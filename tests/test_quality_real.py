"""The signals on the real U²-Net: images with and without a subject, and their accuracy."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import spearmanr
from skimage import data

from cutout import images, measures, quality

pytestmark = pytest.mark.weights
SIZE = (240, 320)
EVERY = 15


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def wall():
    """A shaded, slightly grainy plaster wall."""
    rng = np.random.default_rng(1)
    shade = ndimage.gaussian_filter(rng.standard_normal(SIZE), 30)
    shade = 8 * shade / shade.std() + 3 * rng.standard_normal(SIZE)
    return np.clip(np.array([215, 205, 190]) + shade[..., None], 0, 255).astype(np.uint8)


def sky():
    """A vertical gradient from deep to light blue."""
    down = np.linspace(0, 1, SIZE[0])[:, None, None]
    colour = np.array([70, 120, 200]) * (1 - down) + np.array([190, 215, 245]) * down
    return np.broadcast_to(colour, (*SIZE, 3)).astype(np.uint8)


def flat(*colour):
    return np.broadcast_to(np.uint8(colour), (*SIZE, 3)).copy()


BLANKS = {
    "white": lambda: flat(255, 255, 255),
    "black": lambda: flat(0, 0, 0),
    "beige": lambda: flat(222, 210, 190),
    "noise": noise,
    "wall": wall,
    "sky": sky,
}


def signals_of(model, rgb):
    return quality.signals(model.infer_one(model.prepare(rgb)))


@pytest.mark.parametrize("name", BLANKS)
def test_a_blank_image_has_no_subject(u2net, name):
    found = signals_of(u2net, BLANKS[name]())
    assert not found.subject_found
    assert found.predicted_iou == 0
    assert found.mean_confidence < 0.2


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_a_photograph_has_a_subject(u2net, name):
    found = signals_of(u2net, getattr(data, name)())
    assert found.subject_found
    assert found.predicted_iou > 0.2


def test_a_clear_subject_has_a_higher_predicted_iou_than_a_faint_one(u2net):
    clear, faint = signals_of(u2net, data.coffee()), signals_of(u2net, data.rocket())
    assert clear.predicted_iou > 0.9 > 0.6 > faint.predicted_iou


def test_a_sure_map_needs_no_second_look_and_a_faint_one_does(u2net):
    clear, faint = (u2net.infer_one(u2net.prepare(rgb())) for rgb in (data.coffee, data.rocket))
    assert not quality.needs_second_look(clear)
    assert quality.needs_second_look(faint)


@pytest.fixture(scope="module")
def measured(u2net, data_dir):
    """Signals and measured IoU of every 15th photograph that comes with a mask."""
    rows = []
    for path in sorted((data_dir / "ecssd300" / "mask").iterdir())[::EVERY]:
        image = next((data_dir / "ecssd300" / "image").glob(f"{path.stem}.*"))
        rgb = images.decode(image.read_bytes()).rgb
        scores = u2net.infer_one(u2net.prepare(rgb))
        truth = images.decode(path.read_bytes()).rgb[..., 0] > 128
        iou = measures.iou(u2net.finish(scores, truth.shape) > 0.5, truth)
        rows.append((quality.signals(scores), iou))
    return rows


def test_predicted_iou_ranks_photographs_as_their_truth_does(measured):
    predicted = [signals.predicted_iou for signals, _ in measured]
    assert spearmanr(predicted, [iou for _, iou in measured])[0] > 0.5


def test_predicted_iou_is_right_on_average(measured):
    predicted = np.mean([signals.predicted_iou for signals, _ in measured])
    assert predicted == pytest.approx(np.mean([iou for _, iou in measured]), abs=0.06)


def test_photographs_with_a_subject_have_one_found(measured):
    assert all(signals.subject_found for signals, iou in measured if iou > 0.1)
