"""What a request may ask for: parsing, refusing, and what each wish does to the result."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from PIL import Image
from pydantic import ValidationError
from standin import StandIn
from test_api import post, problem
from test_images_profiles import display_p3

from cutout import images
from cutout.errors import InvalidValue
from cutout.options import Options
from cutout.pipeline import ORDER, Extras, cut_out, make_plan

# Steps that no option asks for.
INTERNAL_STEPS = {
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


@pytest.mark.parametrize(
    "text, value", [("off", None), ("on", 0.001), ("true", 0.001), ("0.05", 0.05), ("0", 0.0)]
)
def test_a_step_is_off_on_or_a_strength(text, value):
    assert Options.model_validate({"drop_specks": text}).drop_specks == value


@pytest.mark.parametrize(
    "name, value",
    [
        ("matting", "fba"),
        ("threshold", "1.5"),
        ("threshold", "nan"),
        ("input_size", "100"),
        ("max_size", "0"),
        ("decontaminate", "perhaps"),
        ("format", "gif"),
        ("feather", "-1"),
    ],
)
def test_a_bad_value_is_answered_by_name(client, disc_png, name, value):
    body = problem(
        post(client, "/remove-bg", image=disc_png, **{name: value}), 400, "invalid_value"
    )
    assert name in body["detail"]


@pytest.mark.parametrize(
    "options",
    [{"background": "nocolour"}, {"crop": "on", "crop_margin": "1 2 3"}, {"format": "jpeg"}],
)
def test_what_no_single_field_knows_is_refused_before_decoding(client, disc_png, options):
    problem(post(client, "/remove-bg", image=disc_png, **options), 400, "invalid_value")


def test_options_cannot_be_changed():
    with pytest.raises(ValidationError):
        Options().format = "webp"


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


def test_crop_goes_to_the_subject_with_its_margin(client, disc_png):
    _, tight = cut(client, disc_png, crop="on")
    _, wide = cut(client, disc_png, crop="on", crop_margin="10px")
    assert 74 <= tight.shape[0] <= 88
    assert (wide.shape[0], wide.shape[1]) == (tight.shape[0] + 20, tight.shape[1] + 20)


def test_max_size_scales_down_and_never_up(client, disc_png):
    assert cut(client, disc_png, max_size="80")[1].shape == (60, 80, 4)
    assert cut(client, disc_png, max_size="8000")[1].shape == (120, 160, 4)


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


def test_background_and_background_image_exclude_each_other():
    with pytest.raises(InvalidValue, match="not both"):
        make_plan(
            Options(background="red"),
            Extras(
                background=images.DecodedImage(np.zeros((2, 2, 3), np.uint8), None, None, "PNG")
            ),
        )


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


@pytest.mark.parametrize(
    "options, named",
    [
        ({"softness": "0.2"}, "threshold"),
        ({"crop_margin": "5%"}, "crop"),
        ({"matting_iterations": "2"}, "matting"),
        ({"blend": "linear"}, "background"),
        ({"background": "red", "output": "mask"}, "output"),
        ({"below": "error"}, "min_predicted_iou"),
        ({"remove": "off", "quality": "best"}, "remove"),
    ],
)
def test_an_option_without_effect_is_refused(client, disc_png, options, named):
    body = problem(post(client, "/remove-bg", image=disc_png, **options), 400, "invalid_value")
    assert named in body["detail"]


@pytest.mark.parametrize("option", [{"format": "webp"}, {"crop": "on"}, {"softness": "0.1"}])
def test_options_of_the_result_are_refused_where_none_is_made(client, disc_png, disc_mask, option):
    response = post(client, "/evaluate", image=disc_png, mask=disc_mask, **option)
    assert next(iter(option)) in problem(response, 400, "invalid_value")["detail"]


def test_an_unknown_field_is_answered_with_the_nearest_name(client, disc_png):
    response = post(client, "/remove-bg", image=disc_png, backgruond="red")
    assert "'background'" in problem(response, 400, "unknown_field")["detail"]


def test_a_field_sent_twice_is_refused(client, disc_png):
    data = {"image": (io.BytesIO(disc_png), "a.png"), "format": ["png", "webp"]}
    problem(client.post("/remove-bg", data=data), 400, "invalid_request")


@pytest.mark.parametrize("text", ["9" * 4301, "[" * 5000])
def test_endless_values_are_refused(client, disc_png, text):
    response = post(client, "/remove-bg", image=disc_png, max_size=text)
    assert "max_size" in problem(response, 400, "invalid_value")["detail"]


def test_empty_fields_are_not_given(client, disc_png):
    """As an HTML form sends them that was only half filled in."""
    names = ("max_size", "input_size", "background", "threshold", "crop_margin", "format")
    _, result = cut(client, disc_png, **dict.fromkeys(names, ""))
    assert result.shape == (120, 160, 4)


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


@pytest.mark.parametrize("kind, side", [("webp", 16_384), ("jpeg", 65_501)])
def test_a_format_that_cannot_hold_the_result_is_refused_before_work(client, app, kind, side):
    wide = image_bytes(np.zeros((1, side, 3), np.uint8))
    options = {"format": kind, "background": "white"}
    body = problem(post(client, "/remove-bg", image=wide, **options), 400, "invalid_value")
    assert kind in body["detail"]
    assert not app.extensions["cutout"].model.calls
    _, small = cut(client, wide, max_size="1000", **options)
    assert small.shape[1] == 1000


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


def test_a_canvas_has_its_size_and_the_subject_its_share_in_the_middle(client, disc_png):
    _, result = cut(client, disc_png, canvas="400x300", scale="50%", background="white")
    rows, columns = np.nonzero((result != 255).any(axis=2))
    assert result.shape == (300, 400, 3)
    assert (np.ptp(rows) + 1) == pytest.approx(150, abs=4)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(150, abs=3)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(200, abs=3)


def test_a_subject_can_stand_on_the_lower_border_of_its_canvas(client, disc_png):
    _, result = cut(client, disc_png, canvas="300x300", scale="40%", position="50% 100%")
    assert np.nonzero(result[..., 3])[0].max() == 299


def test_a_shadow_lies_under_the_subject_and_on_the_background(client, disc_png):
    shadow = {"shadow": "drop", "shadow_offset": "0 20px", "shadow_blur": "0px"}
    _, plain = cut(client, disc_png)
    _, result = cut(client, disc_png, **shadow)
    below = (plain[..., 3] == 0) & (result[..., 3] > 0)
    assert below.sum() > 500
    assert set(np.unique(result[below][:, 3])) <= set(range(100, 130))
    assert result[below][:, :3].max() == 0
    solid = plain[..., 3] == 255
    np.testing.assert_array_equal(result[solid], plain[solid])
    _, on_white = cut(client, disc_png, background="white", **shadow)
    assert 120 <= on_white[below].mean() <= 135


@pytest.mark.parametrize(
    "options",
    [
        {"canvas": "0x10"},
        {"canvas": "10001x1"},
        {"scale": "5%"},
        {"position": "left"},
        {"shadow": "drop", "shadow_offset": "1"},
        {"shadow": "drop", "shadow_blur": "-3"},
        {"shadow_opacity": "0.2"},
        {"shadow": "drop", "output": "mask"},
        {"canvas": "100x100", "background": "blur"},
    ],
)
def test_a_wrong_canvas_or_shadow_is_refused(client, disc_png, options):
    problem(post(client, "/remove-bg", image=disc_png, **options), 400, "invalid_value")
