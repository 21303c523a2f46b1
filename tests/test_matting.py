"""Trimaps and mattes: equations against pymatting's, ground truth, and what cannot be solved."""

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from cutout import parallel
from cutout.errors import InvalidValue, SizeMismatch, Unsolvable
from cutout.matting import colour_prior, knn, solve
from cutout.matting.closed_form import closed_form_rows
from cutout.matting.matte import METHODS, refine_matte
from cutout.matting.trimap import automatic_trimap, checked_trimap

method = pytest.mark.parametrize("method", METHODS)


def scene(height=60, width=80, seed=0):
    """A textured subject over a textured ground, mixed by a known soft alpha."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height / 2, columns - width / 2) - min(height, width) / 3.5
    alpha = np.clip(0.5 - distance / (0.12 * min(height, width)), 0, 1).astype(np.float32)
    texture = cv2.GaussianBlur(rng.normal(0, 40, (height, width, 2)), (0, 0), 3)
    front = np.array([200, 90, 60]) + texture[..., :1]
    back = np.array([40, 110, 160]) + texture[..., 1:]
    mixed = alpha[..., None] * front + (1 - alpha[..., None]) * back
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), alpha


def true_trimap(alpha):
    trimap = np.full(alpha.shape, 128, np.uint8)
    trimap[alpha == 1], trimap[alpha == 0] = 255, 0
    return trimap


def error(alpha, truth, trimap):
    return ((alpha - truth)[trimap == 128] ** 2).mean()


def test_the_laplacian_is_pymattings():
    laplacian = pytest.importorskip("pymatting.laplacian.cf_laplacian")
    rgb, truth = scene(30, 40)
    unknown = true_trimap(truth) == 128
    whole = laplacian.cf_laplacian(rgb / 255.0).tocsr()
    rows = closed_form_rows(rgb / 255.0, unknown)
    difference = abs(rows - whole[np.flatnonzero(unknown)])
    assert difference.max() < 1e-4 * abs(whole).max()


def test_neighbours_are_the_nearest_within_the_tolerance(monkeypatch):
    features = np.random.default_rng(0).random((600, 5))
    apart = np.linalg.norm(features[:, None] - features[None], axis=2)
    exact = np.sort(apart, axis=1)[:, :20]
    found = np.take_along_axis(apart, knn._nearest(features, 20), axis=1)
    assert (found >= exact - 1e-9).all()
    assert (found <= (1 + knn.KNN_EPS) * exact + 1e-9).all()
    monkeypatch.setattr(knn, "KNN_EPS", 0)
    np.testing.assert_allclose(
        np.sort(np.take_along_axis(apart, knn._nearest(features, 20), axis=1), axis=1), exact
    )


def test_the_knn_laplacian_counts_links_both_ways():
    rgb, truth = scene(30, 40)
    unknown = true_trimap(truth) == 128
    near = ~unknown
    rows = knn.knn_rows(rgb / 255.0, unknown, near)
    links = knn._links(rgb / 255.0, np.arange(unknown.size))
    both = (links + links.T).toarray()
    whole = np.diag(both.sum(axis=1)) - both
    np.testing.assert_array_equal(rows.toarray(), whole[unknown.ravel()])


@method
def test_as_good_as_pymatting_on_the_whole_image(method):
    pymatting = pytest.importorskip("pymatting")
    whole = {"closed-form": pymatting.estimate_alpha_cf, "knn": pymatting.estimate_alpha_knn}
    rgb, truth = scene()
    trimap = true_trimap(truth)
    theirs = whole[method](rgb / 255.0, trimap / 255.0)
    ours, warnings = refine_matte(rgb, truth, method, trimap)
    assert warnings == ()
    assert error(ours, truth, trimap) <= 1.05 * error(theirs, truth, trimap) + 1e-5
    if method == "closed-form":
        np.testing.assert_allclose(ours, theirs, atol=0.03)


@pytest.mark.parametrize("method, left", [("closed-form", 0.1), ("knn", 0.7)])
def test_the_matte_is_nearer_to_the_truth_than_a_coarse_map(method, left):
    rgb, truth = scene(180, 240)
    coarse = np.clip(cv2.GaussianBlur(truth, (0, 0), 8), 0, 1)
    trimap = automatic_trimap(coarse)
    ours, warnings = refine_matte(rgb, coarse, method)
    assert warnings == ()
    assert error(ours, truth, trimap) < left * error(coarse, truth, trimap)


def map_with_notch(truth):
    """The truth, but for a notch at its right where the model is almost certain of background."""
    coarse = np.clip(cv2.GaussianBlur(truth, (0, 0), 2), 0, 1)
    middle, right = truth.shape[0] // 2, truth.shape[1] // 2 + 10
    notch = np.s_[middle - 25 : middle + 25, right:]
    coarse[notch] = np.minimum(coarse[notch], 0.05)
    return coarse, notch


@method
def test_colours_decide_where_they_separate_the_sides_and_the_model_where_they_do_not(method):
    rgb, truth = scene(180, 240)
    coarse, notch = map_with_notch(truth)
    lost = truth[notch] > 0.9
    by_colour, _ = refine_matte(rgb, coarse, method)
    assert by_colour[notch][lost].mean() > 0.8
    noise = np.random.default_rng(0).integers(90, 160, rgb.shape).astype(np.uint8)
    by_model, _ = refine_matte(noise, coarse, method)
    assert by_model[notch][lost].mean() < 0.2


@method
def test_a_large_band_is_solved_coarse_to_fine_with_the_known_kept(method, monkeypatch):
    rgb, truth = scene(180, 240)
    trimap = true_trimap(truth)
    whole, _ = solve.solve_alpha(rgb, trimap, method)
    monkeypatch.setitem(solve.MAX_UNKNOWN, method, solve.MaxUnknown(2000, 2000))
    assert np.count_nonzero(trimap == 128) > 4000
    coarse, warnings = solve.solve_alpha(rgb, trimap, method)
    assert warnings == ()
    assert coarse.dtype == np.float32 and 0 <= coarse.min() <= coarse.max() <= 1
    known = trimap != 128
    np.testing.assert_array_equal(coarse[known], truth[known])
    assert error(coarse, truth, trimap) < error(whole, truth, trimap) + 0.01


def test_upsampling_in_chunks_changes_nothing(monkeypatch):
    monkeypatch.setitem(solve.MAX_UNKNOWN, "closed-form", solve.MaxUnknown(2000, 2000))
    rgb, truth = scene(180, 240)
    trimap = true_trimap(truth)
    mattes = []
    for rows in (7, 180):
        monkeypatch.setattr(parallel, "FINE_CHUNK_ROWS", rows)
        mattes.append(solve.solve_alpha(rgb, trimap, "closed-form")[0])
    np.testing.assert_array_equal(*mattes)


@method
def test_a_thin_stroke_of_the_caller_is_not_lost_on_a_smaller_copy(method, monkeypatch):
    monkeypatch.setitem(solve.MAX_UNKNOWN, method, solve.MaxUnknown(1500, 1500))
    rng = np.random.default_rng(0)
    rgb = np.full((200, 200, 3), (40, 60, 160))
    rgb[:, 100:] = 200, 120, 40
    rgb = np.uint8(rgb + rng.integers(0, 8, rgb.shape))
    trimap = np.full((200, 200), 128, np.uint8)
    trimap[20:180, 30], trimap[20:180, 170] = 0, 255
    out, _ = refine_matte(rgb, np.zeros((200, 200), np.float32), method, trimap)
    assert out[:, 110:].mean() > 0.9
    assert out[:, :90].mean() < 0.3


def test_stopping_before_convergence_gives_a_warning(monkeypatch):
    monkeypatch.setattr(solve, "MAX_ITERATIONS", 1)
    rgb, truth = scene()
    _, warnings = solve.solve_alpha(rgb, true_trimap(truth), "knn")
    assert len(warnings) == 1 and "before it had converged" in warnings[0]


@method
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_trimap_without_all_three_parts_is_unsolvable(method, value):
    rgb, truth = scene(20, 20)
    with pytest.raises(Unsolvable, match="nothing to solve"):
        refine_matte(rgb, truth, method, np.full((20, 20), value, np.uint8))


@method
@pytest.mark.parametrize("value", [0, 1])
def test_a_flat_matte_skips_matting_with_a_warning(method, value):
    rgb, truth = scene(20, 20)
    flat = np.full_like(truth, value)
    out, warnings = refine_matte(rgb, flat, method)
    assert out is flat
    assert "skipped" in warnings[0]


@method
@pytest.mark.parametrize("colour", [0, 77, 255])
def test_an_image_of_one_colour_has_a_finite_matte(method, colour):
    _, truth = scene()
    flat = np.full((*truth.shape, 3), colour, np.uint8)
    out, _ = refine_matte(flat, truth, method, true_trimap(truth))
    assert np.isfinite(out).all() and 0 <= out.min() <= out.max() <= 1


@method
@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (2, 2), (4, 4)])
def test_tiny_images(method, shape):
    rng = np.random.default_rng(0)
    trimap = np.full(shape, 128, np.uint8)
    trimap.flat[0], trimap.flat[-1] = 0, 255
    rgb = rng.integers(0, 256, (*shape, 3), np.uint8)
    out, _ = refine_matte(rgb, np.zeros(shape, np.float32), method, trimap)
    assert out.shape == shape and out.flat[0] == 0 and out.flat[-1] == 1


def test_more_iterations_stay_within_the_first_band():
    rgb, truth = scene(180, 240)
    trimap = true_trimap(truth)
    once, _ = refine_matte(rgb, truth, "closed-form", trimap)
    twice, warnings = refine_matte(rgb, truth, "closed-form", trimap, iterations=2)
    assert warnings == ()
    np.testing.assert_array_equal(twice[trimap != 128], once[trimap != 128])
    assert error(twice, truth, trimap) < error(once, truth, trimap) + 0.01


def test_warming_up_solves_once_with_every_method(monkeypatch):
    solved = []

    def solve_alpha(rgb, trimap, method):
        alpha, _ = whole(rgb, trimap, method)
        unknown = alpha[trimap == 128]
        solved.append((method, bool((unknown > 0).any() and (unknown < 1).any())))

    whole = solve.solve_alpha
    monkeypatch.setattr(solve, "solve_alpha", solve_alpha)
    solve.warm_up()
    assert sorted(solved) == [(method, True) for method in sorted(METHODS)]


@pytest.mark.parametrize(
    "module, search",
    [
        (knn, lambda features: knn._nearest(features, 3)),
        (colour_prior, lambda features: colour_prior._distance(features, features)),
    ],
)
def test_a_search_uses_the_cores_of_the_container_not_of_the_host(monkeypatch, module, search):
    asked = []

    class Tree(cKDTree):
        def query(self, *args, workers, **options):
            asked.append(workers)
            return super().query(*args, workers=1, **options)

    monkeypatch.setattr(module, "cKDTree", Tree)
    monkeypatch.setattr(module, "usable_cores", lambda: 3)
    search(np.random.default_rng(0).random((50, 5)))
    assert asked == [3]


def test_the_automatic_trimap_is_as_wide_as_stated_at_any_size():
    for size in (200, 1000):
        alpha = np.zeros((size, size), np.float32)
        alpha[:, size // 2 :] = 1
        band = (automatic_trimap(alpha)[size // 2] == 128).sum()
        assert band == 2 * round(0.01 * np.hypot(size, size))


@pytest.mark.parametrize("level, value", [(0.005, 0), (0.1, 128), (0.9, 128), (0.995, 255)])
def test_an_uncertain_region_is_unknown_however_wide(level, value):
    alpha = np.zeros((300, 300), np.float32)
    alpha[:, 150:] = 1
    alpha[100:200, 20:280] = level
    assert automatic_trimap(alpha)[150, 60 if level < 0.5 else 240] == value


@method
def test_colours_recover_a_part_of_low_alpha(method):
    rgb, truth = scene(180, 240)
    faded = truth.copy()
    faded[:, 130:] *= 0.15
    trimap = automatic_trimap(faded)
    ours, _ = refine_matte(rgb, faded, method)
    lost = (truth == 1) & (faded < 0.5) & (trimap == 128)
    assert lost.sum() > 1000
    assert (ours[lost] > 0.5).mean() > 0.8
    assert error(ours, truth, trimap) < 0.3 * error(faded, truth, trimap)


def test_the_border_of_the_image_is_no_edge():
    assert (automatic_trimap(np.ones((50, 50), np.float32)) == 255).all()
    assert (automatic_trimap(np.zeros((50, 50), np.float32)) == 0).all()


def test_a_trimap_of_another_size_or_with_other_values_is_refused():
    trimap = np.zeros((4, 5), np.uint8)
    np.testing.assert_array_equal(checked_trimap(trimap, (4, 5)), trimap)
    with pytest.raises(SizeMismatch, match="5 x 4, the image 4 x 5"):
        checked_trimap(trimap, (5, 4))
    with pytest.raises(SizeMismatch, match="with 3 channels"):
        checked_trimap(np.dstack([trimap] * 3), (4, 5))
    trimap[0, 0] = 127
    with pytest.raises(InvalidValue, match="holds 127"):
        checked_trimap(trimap, (4, 5))
