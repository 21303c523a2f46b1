"""What a request may ask for: parsing, refusing, and what each wish does to the result."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from PIL import Image
from skimage import data as samples
from standin import StandIn
from test_api import post, problem
from test_images_profiles import display_p3

from cutout import images
from cutout.options import Options
from cutout.pipeline import ORDER, cut_out, make_plan

# Steps that no option asks for.
INTERNAL_STEPS = {
    "quality",
    "region",
    "whole",
    "prepare",
    "model",
    "finish",
    "keep all",
    "check",
    "transparency",
    "encode",
}


def cut(client, image, **options):
    response = post(client, "/remove-bg", image=image, **options)
    assert response.status_code == 200, response.text
    return response, np.asarray(Image.open(io.BytesIO(response.data)))


@pytest.mark.parametrize("colour", ["ff0000", "#f00", "red", "FF0000FF"])
def test_a_background_colour_makes_the_result_opaque(client, disc_png, colour):
    _, image = cut(client, disc_png, background=colour)
    assert image.shape == (120, 160, 3)
    assert image[0, 0].tolist() == [255, 0, 0]
    assert image[60, 80].tolist() == [230, 200, 90]


def test_a_digit_only_colour_is_a_colour(client, disc_png):
    _, image = cut(client, disc_png, background="123456")
    assert image[0, 0].tolist() == [0x12, 0x34, 0x56]


def test_a_translucent_colour_keeps_its_alpha(client, disc_png):
    _, image = cut(client, disc_png, background="00ff0080")
    assert image[0, 0].tolist() == [0, 255, 0, 128]


def test_a_background_image_covers(client, disc_png):
    back = image_bytes(np.full((30, 30, 3), (0, 0, 200), np.uint8))
    _, image = cut(client, disc_png, background_image=back)
    assert image.shape == (120, 160, 3)
    assert image[0, 0].tolist() == [0, 0, 200]


def test_a_jpeg_may_stand_on_a_background_image(client, disc_png):
    back = image_bytes(np.full((30, 30, 3), (0, 0, 200), np.uint8))
    response, image = cut(client, disc_png, background_image=back, format="jpeg")
    assert response.mimetype == "image/jpeg"
    assert np.abs(image[0, 0].astype(int) - [0, 0, 200]).max() < 12


def test_transparency_of_the_image_counts_in_its_evaluation(client, disc, disc_mask):
    half = np.dstack([disc, np.full(disc.shape[:2], 255, np.uint8)])
    half[:, :80, 3] = 0
    row = post(client, "/evaluate", image=image_bytes(half), mask=disc_mask).get_json()
    assert row["recall"] == pytest.approx(0.5, abs=0.05)


def test_blur_keeps_the_surroundings_of_the_original(client, disc_png):
    _, image = cut(client, disc_png, background="blur")
    assert np.abs(image[0, 0].astype(int) - [20, 30, 40]).max() <= 3


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
def test_formats_are_what_they_say(client, disc_png, kind):
    response, _ = cut(client, disc_png, format=kind, background="white")
    assert response.mimetype == f"image/{kind}"
    assert Image.open(io.BytesIO(response.data)).format == kind.upper()
    name = response.headers["X-Cutout-Id"]
    assert client.get(f"/results/{name}").mimetype == f"image/{kind}"


def test_webp_keeps_transparency(client, disc_png):
    _, image = cut(client, disc_png, format="webp")
    assert (image[0, 0, 3], image[60, 80, 3]) == (0, 255)


def test_mask_trimap_and_overlay(client, disc_png):
    _, mask = cut(client, disc_png, output="mask")
    assert (mask.ndim, mask[0, 0], mask[60, 80]) == (2, 0, 255)
    _, trimap = cut(client, disc_png, output="trimap")
    assert set(np.unique(trimap)) == {0, 128, 255}
    _, overlay = cut(client, disc_png, output="overlay")
    assert overlay[60, 80].tolist() == [230, 200, 90]
    assert overlay[0, 0].tolist() != [20, 30, 40]


def test_solid_colours_are_untouched_bit_for_bit(client, disc):
    noise = np.random.default_rng(1).integers(0, 25, disc.shape, np.uint8)
    image = disc + noise
    _, result = cut(client, image_bytes(image))
    solid = result[..., 3] == 255
    assert solid.sum() > 2000
    np.testing.assert_array_equal(result[solid][:, :3], image[solid])


def test_the_same_image_is_computed_once(client, app, disc_png):
    first, _ = cut(client, disc_png)
    again, _ = cut(client, disc_png, background="red", crop="on")
    assert (first.headers["X-Cutout-Cache"], again.headers["X-Cutout-Cache"]) == ("miss", "hit")
    other, _ = cut(client, disc_png, input_size="384")
    assert other.headers["X-Cutout-Cache"] == "miss"
    assert sum(app.extensions["cutout"].model.calls) == 2


def test_a_remembered_result_is_the_same(client, disc_png):
    first, _ = cut(client, disc_png)
    again, _ = cut(client, disc_png)
    assert first.data == again.data
    assert first.headers["X-Cutout-Predicted-Iou"] == again.headers["X-Cutout-Predicted-Iou"]


def test_best_quality_asks_for_several_views(client, app, disc_png):
    response, _ = cut(client, disc_png, quality="best")
    assert sum(app.extensions["cutout"].model.calls) > 1
    assert 0 <= float(response.headers["X-Cutout-Predicted-Iou"]) <= 1


def test_matting_with_a_trimap_of_the_caller(client, disc_png, disc_mask):
    soft = np.asarray(Image.open(io.BytesIO(disc_mask))).copy()
    soft[50:70, 30:60] = 128
    response, _ = cut(client, disc_png, matting="closed-form", trimap=image_bytes(soft))
    assert response.headers.getlist("X-Cutout-Warning") == []


def test_a_trimap_that_cannot_be_solved_is_refused(client, disc_png):
    blank = image_bytes(np.full((120, 160), 255, np.uint8))
    response = post(client, "/remove-bg", image=disc_png, matting="knn", trimap=blank)
    problem(response, 422, "unsolvable_matting")


def test_a_trimap_without_matting_or_of_another_size_is_refused(client, disc_png, disc_mask):
    problem(post(client, "/remove-bg", image=disc_png, trimap=disc_mask), 400, "invalid_value")
    small = image_bytes(np.full((10, 10), 128, np.uint8))
    response = post(client, "/remove-bg", image=disc_png, matting="knn", trimap=small)
    problem(response, 400, "size_mismatch")


def test_the_steps_run_in_the_stated_order(client, disc, disc_png):
    """Specks go before the threshold, which comes before feathering: its ramp is soft again."""
    speck = disc.copy()
    speck[2:4, 2:4] = 230, 200, 90
    _, result = cut(
        client, image_bytes(speck), feather="4", threshold="on", drop_specks="on", edges="off"
    )
    alpha = result[..., 3]
    assert alpha[2:4, 2:4].max() == 0
    assert alpha[60, 80] == 255
    assert ((alpha > 0) & (alpha < 255)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2), (4, 4), (1, 300)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"edges": "snap", "smooth": "on", "feather": "on", "fill_holes": "on"},
        {"drop_specks": "on", "enhance_edges": "on", "threshold": "on"},
        {"matting": "closed-form"},
        {"matting": "knn", "crop": "on", "crop_margin": "5%"},
        {"background": "blur", "max_size": "3"},
        {"output": "overlay", "fit": "pad"},
        {"output": "trimap"},
        {"output": "mask", "quality": "best"},
    ],
)
def test_tiny_images_pass_every_step(client, size, options):
    image = np.random.default_rng(2).integers(0, 255, (*size, 3), np.uint8)
    response, _ = cut(client, image_bytes(image), **options)
    assert response.status_code == 200


def test_compression_changes_the_bytes_of_a_png_and_none_of_its_pixels(client):
    image = image_bytes(samples.astronaut())
    files = {how: cut(client, image, compression=how) for how in ("small", "balanced", "fast")}
    lengths = [len(response.data) for response, _ in files.values()]
    assert lengths[0] < lengths[1] < lengths[2]
    assert all(np.array_equal(pixels, files["balanced"][1]) for _, pixels in files.values())
    assert cut(client, image)[0].data == files["balanced"][0].data


@pytest.fixture
def grey_png():
    """Nothing but one dark grey: the stand-in finds no subject in it."""
    return image_bytes(np.full((60, 80, 3), 30, np.uint8))


@pytest.mark.parametrize("choice, alpha", [("transparent", 0), ("original", 255)])
def test_an_image_without_a_subject_is_answered_as_asked(client, grey_png, choice, alpha):
    response, result = cut(client, grey_png, on_no_subject=choice)
    assert set(np.unique(result[..., 3])) == {alpha}
    assert response.headers["X-Cutout-Subject-Found"] == "false"
    assert "No subject" in response.headers["X-Cutout-Warning"]


def test_an_image_without_a_subject_can_be_an_error_and_leaves_nothing(client, settings, grey_png):
    response = post(client, "/remove-bg", image=grey_png, on_no_subject="error")
    problem(response, 422, "no_subject")
    assert not list(settings.result_dir.iterdir())


def test_a_result_that_is_not_sure_enough_is_answered_as_asked(client, disc_png):
    sure, _ = cut(client, disc_png)
    above = min(1, float(sure.headers["X-Cutout-Predicted-Iou"]) + 0.01)
    response = post(
        client, "/remove-bg", image=disc_png, min_predicted_iou=str(above), below="error"
    )
    assert "predicted_iou" in problem(response, 422, "low_confidence")
    _, original = cut(client, disc_png, min_predicted_iou=str(above), below="original")
    assert original[..., 3].min() == 255
    warned, _ = cut(client, disc_png, min_predicted_iou=str(above))
    assert "predicted IoU" in warned.headers["X-Cutout-Warning"]


def test_an_image_can_pass_through_with_its_background(client, app, disc, disc_png):
    response, result = cut(client, disc_png, remove="off", max_size="80")
    assert result.shape == (60, 80, 4)
    assert result[..., 3].min() == 255
    assert not app.extensions["cutout"].model.calls
    assert "X-Cutout-Predicted-Iou" not in response.headers


def test_blur_and_overlay_show_the_original_colours(disc, client):
    """A noisy ground: where nothing is removed, the overlay shows the image bit for bit."""
    noisy = disc + np.random.default_rng(4).integers(0, 20, disc.shape, np.uint8)
    _, overlay = cut(client, image_bytes(noisy), output="overlay")
    _, mask = cut(client, image_bytes(noisy), output="mask")
    np.testing.assert_array_equal(overlay[mask == 255], noisy[mask == 255])


def test_the_callers_pixels_are_left_alone(disc):
    """Of an image whose array may be written to, as the fast JPEG decoder gives it."""
    model, before = StandIn(), disc.copy()
    image = images.DecodedImage(disc, None, None, "JPEG")
    for options in ({}, {"background": "blur"}, {"output": "overlay"}, {"crop": True}):
        plan = make_plan(Options(**options))
        cut_out(image, plan, model, lambda tensor: model.infer([tensor])[0])
        np.testing.assert_array_equal(disc, before)


def test_the_readme_names_the_steps_in_their_order():
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    stated = re.search(r"steps\s+run\s+in\s+this\s+order: ([^.]+)\.", readme)[1]
    shown = [step.name for step in ORDER if step.name not in INTERNAL_STEPS]
    assert re.split(r",\s+", stated) == shown


def test_a_background_colour_has_the_numbers_of_the_images_profile(client, disc):
    """sRGB red in an image with Display P3, whose red is stronger."""
    image = image_bytes(disc, icc_profile=display_p3())
    _, result = cut(client, image, background="red")
    assert np.abs(result[0, 0].astype(int) - [234, 51, 35]).max() <= 1


def test_a_background_image_is_converted_to_the_images_profile(client, disc):
    red = image_bytes(np.full((30, 40, 3), (255, 0, 0), np.uint8))
    image = image_bytes(disc, icc_profile=display_p3())
    _, result = cut(client, image, background_image=red)
    assert np.abs(result[0, 0].astype(int) - [234, 51, 35]).max() <= 1
