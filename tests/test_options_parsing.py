"""What the options of a request may say: parsing, and what is refused before any work."""

import io

import numpy as np
import pytest
from conftest import image_bytes
from pydantic import ValidationError
from test_api import post, problem
from test_options import cut

from cutout import images
from cutout.errors import InvalidValue
from cutout.options import Options
from cutout.pipeline import Extras, make_plan


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


def test_background_and_background_image_exclude_each_other():
    with pytest.raises(InvalidValue, match="not both"):
        make_plan(
            Options(background="red"),
            Extras(
                background=images.DecodedImage(np.zeros((2, 2, 3), np.uint8), None, None, "PNG")
            ),
        )


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
        ({"compression": "fast", "format": "webp"}, "format=png"),
    ],
)
def test_an_option_without_effect_is_refused(client, disc_png, options, named):
    body = problem(post(client, "/remove-bg", image=disc_png, **options), 400, "invalid_value")
    assert named in body["detail"]


@pytest.mark.parametrize(
    "option", [{"format": "webp"}, {"compression": "fast"}, {"crop": "on"}, {"softness": "0.1"}]
)
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


@pytest.mark.parametrize("kind, side", [("webp", 16_384), ("jpeg", 65_501)])
def test_a_format_that_cannot_hold_the_result_is_refused_before_work(client, app, kind, side):
    wide = image_bytes(np.zeros((1, side, 3), np.uint8))
    options = {"format": kind, "background": "white"}
    body = problem(post(client, "/remove-bg", image=wide, **options), 400, "invalid_value")
    assert kind in body["detail"]
    assert not app.extensions["cutout"].model.calls
    _, small = cut(client, wide, max_size="1000", **options)
    assert small.shape[1] == 1000
