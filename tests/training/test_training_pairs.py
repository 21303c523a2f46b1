import itertools

import numpy as np
import pytest
from PIL import Image
from training_kit import write_pairs

from cutout.errors import InvalidValue
from cutout.training.augment import Augmentation, augment, composed
from cutout.training.pairs import MAX_GROUPS, TrainPair, problem_of, split_pairs, usable_images
from cutout.training.quality_fit import fit_quality


def pair_of(folder, mask, image_size=(40, 30)):
    Image.fromarray(np.full((*image_size[::-1], 3), 90, np.uint8)).save(folder / "a.png")
    Image.fromarray(mask).save(folder / "a-mask.png")
    return TrainPair("a", folder / "a.png", folder / "a-mask.png")


def half(height=30, width=40, level=255):
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = level
    return mask


@pytest.mark.parametrize(
    "mask, reason",
    [
        (half(), ""),
        (half(20, 40), "40 x 30 px, its mask 40 x 20 px"),
        (np.zeros((30, 40), np.uint8), "empty"),
        (half(level=1), "no level is above 128"),
        (np.full((30, 40), 255, np.uint8), "whole image"),
        (np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1)), ""),
    ],
)
def test_a_pair_that_cannot_be_trained_on_has_a_reason(tmp_path, mask, reason):
    found = problem_of(pair_of(tmp_path, mask))
    assert (reason in found) if reason else not found


def test_a_broken_file_has_a_reason(tmp_path):
    pair = pair_of(tmp_path, half())
    pair.mask.write_bytes(b"no image")
    assert problem_of(pair)


def named(count):
    return [TrainPair(f"car{n // 4:02}_{n % 4}", None, None) for n in range(count)]


def test_a_split_loses_nothing_and_does_not_depend_on_the_order():
    pairs = named(80)
    split = split_pairs(pairs, 0.15, 0.15)
    stems = [{p.stem for p in part} for part in (split.train, split.validation, split.held)]
    assert [len(part) for part in stems] == [56, 12, 12]
    assert set.union(*stems) == {pair.stem for pair in pairs}
    assert split_pairs(pairs[::-1], 0.15, 0.15).held == split.held


def test_views_of_one_object_stay_on_one_side():
    split = split_pairs(named(80), 0.2, 0.2, r"^(car\d+)_")
    cars = [{p.stem[:5] for p in part} for part in (split.train, split.validation, split.held)]
    assert all(not a & b for a, b in itertools.combinations(cars, 2))


@pytest.mark.parametrize("pattern, text", [("(", "regular expression"), (r"^bus", "not match")])
def test_a_wrong_group_pattern_is_named(pattern, text):
    with pytest.raises(InvalidValue, match=text):
        split_pairs(named(8), 0.2, 0.2, pattern)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_pairs_are_refused(count):
    with pytest.raises(InvalidValue, match="at least 3"):
        split_pairs(named(count), 0.15, 0.15)


def test_a_large_set_does_not_measure_more_than_it_needs():
    pairs = [TrainPair(f"p{n}", None, None) for n in range(10_000)]
    split = split_pairs(pairs, 0.15, 0.15)
    assert [len(split.validation), len(split.held)] == [MAX_GROUPS] * 2
    assert len(split.train) == 10_000 - 2 * MAX_GROUPS


def test_images_that_cannot_be_read_have_a_reason(tmp_path):
    images, _ = write_pairs(tmp_path, 3)
    paths = sorted(images.iterdir())
    paths[1].write_bytes(b"no image")
    usable, bad = usable_images(paths)
    assert usable == [paths[0], paths[2]]
    assert list(bad) == ["p01.png"]


def test_augmentation_keeps_image_and_target_together():
    rgb = np.zeros((80, 80, 3), np.uint8)
    rgb[20:50, 10:40] = 200
    target = np.where(rgb[..., 0] > 100, 255, 0).astype(np.uint8)
    for seed in range(8):
        image, moved = augment(np.random.default_rng(seed), rgb, target, None, Augmentation(64))
        bright, subject = image[..., 0] > 60, moved > 128
        assert (bright != subject).mean() < 0.02


def test_a_subject_on_another_background_keeps_its_pixels():
    rgb, other = np.full((8, 8, 3), 200, np.uint8), np.full((8, 8, 3), 10, np.uint8)
    mixed = composed(rgb, half(8, 8), other)
    assert (mixed[:, :4] == 200).all()
    assert (mixed[:, 4:] == 10).all()


def test_the_quality_fit_predicts_more_for_more_certain_maps():
    y, x = np.mgrid[:64, :64]
    rng = np.random.default_rng(0)
    maps, ious = [], []
    for number in range(40):
        unsure = number / 50
        scores = (np.hypot(y - 32, x - 32) < 16).astype(np.float32)
        scores[4:24, 4:24] = np.maximum(scores[4:24, 4:24], unsure)
        maps.append(scores)
        ious.append(0.95 - unsure + rng.normal(0, 0.01))
    intercept, *weights = fit_quality(maps, np.clip(ious, 0, 1))
    assert np.isfinite(intercept)
    assert min(weights) > 0
    assert fit_quality(maps[:10], np.array(ious[:10])) is None
