"""Crop, margin, scale, position, roi and shadow in answers of `/v1.0/removebg`."""

import numpy as np
import pytest
from conftest import image_bytes
from PIL import Image
from removebg_kit import BOX, BRIGHT, box_headers, error, opened, pixels, scene, send


@pytest.fixture
def photo() -> bytes:
    return image_bytes(scene())


def solid(response) -> tuple[int, int, int, int]:
    """(top, left, height, width) of what is opaque."""
    rows, columns = np.nonzero(pixels(response)[..., 3] > 128)
    top, left = rows.min(), columns.min()
    return top, left, rows.max() - top + 1, columns.max() - left + 1


def test_the_subject_stays_and_its_box_is_told(client, photo):
    response = send(client, photo)
    assert solid(response) == pytest.approx(BOX, abs=3)
    assert box_headers(response) == pytest.approx(BOX, abs=3)


@pytest.mark.parametrize(
    "margin, size, corner",
    [
        ("0", (60, 80), (0, 0)),
        ("10px", (80, 100), (10, 10)),
        ("10% 25%", (72, 120), (6, 20)),
        ("1px 2px 3px 4px", (64, 86), (1, 4)),
        # Beyond the image's border, and clamped.
        ("200px", (460, 480), (200, 200)),
        ("80%", (120, 160), (30, 40)),
    ],
)
def test_crop_with_a_margin(client, photo, margin, size, corner):
    response = send(client, photo, crop="true", crop_margin=margin, format="png")
    assert pixels(response).shape[:2] == pytest.approx(size, abs=8)
    assert solid(response)[:2] == pytest.approx(corner, abs=4)
    # The box is told on the uncropped canvas.
    assert box_headers(response) == pytest.approx(BOX, abs=3)


def test_a_margin_without_crop_has_no_effect_and_still_parses(client, photo):
    assert opened(send(client, photo, crop_margin="10px")).size == (160, 120)
    error(send(client, photo, crop_margin="1 2 3"), 400, "invalid_crop_margin")


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"scale": "100%"}, (0, 0, 120, 160)),
        ({"scale": "50%"}, (30, 40, 60, 80)),
        ({"scale": "50%", "position": "0%"}, (0, 0, 60, 80)),
        ({"scale": "25%", "position": "100% 0%"}, (0, 120, 30, 40)),
        ({"position": "0% 100%"}, (60, 0, 60, 80)),
        ({"position": "center"}, (30, 40, 60, 80)),
        ({"scale": "25%", "position": "original"}, (45, 60, 30, 40)),
    ],
)
def test_scale_and_position(client, photo, fields, expected):
    response = send(client, photo, format="png", **fields)
    assert opened(response).size == (160, 120)
    assert solid(response) == pytest.approx(expected, abs=4)
    assert box_headers(response) == pytest.approx(expected, abs=4)


def test_scale_acts_inside_the_cropped_canvas(client, photo):
    fields = {"crop": "true", "crop_margin": "50%", "scale": "100%", "format": "png"}
    response = send(client, photo, **fields)
    height, width = pixels(response).shape[:2]
    assert (height, width) == pytest.approx((120, 160), abs=8)
    assert solid(response) == pytest.approx((0, 0, height, width), abs=4)


def test_only_what_lies_in_the_roi_is_subject(client):
    two = scene(box=(20, 10, 80, 50))
    two[20:100, 100:150] = BRIGHT
    response = send(client, image_bytes(two), roi="0 0 50% 100%")
    found = pixels(response)
    assert found.shape == (120, 160, 4)
    assert found[60, 35, 3] == 255
    assert found[:, 80:, 3].max() == 0


def test_the_same_image_with_another_roi_is_not_answered_from_the_cache(client):
    two = scene(box=(20, 10, 80, 50))
    two[20:100, 100:150] = BRIGHT
    left = pixels(send(client, image_bytes(two), roi="0 0 50% 100%"))
    right = pixels(send(client, image_bytes(two), roi="50% 0 100% 100%"))
    assert (left[60, 35, 3], left[60, 125, 3]) == (255, 0)
    assert (right[60, 35, 3], right[60, 125, 3]) == (0, 255)


@pytest.mark.parametrize(
    "roi, code", [("0 0 161 120", "roi_exceeds_bounds"), ("9 9 9 20", "roi_region_empty")]
)
def test_a_roi_that_does_not_fit(client, photo, roi, code):
    error(send(client, photo, roi=roi), 400, code)


def test_roi_counts_in_the_upright_image(client):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned right: 160 x 120 in the file is 120 x 160 upright
    turned = image_bytes(scene(), "JPEG", exif=exif)
    assert opened(send(client, turned, roi="0 0 120 160")).size == (120, 160)
    error(send(client, turned, roi="0 0 160 120"), 400, "roi_exceeds_bounds")


def test_a_drop_shadow_darkens_what_lies_below_the_subject(client, photo):
    plain = pixels(send(client, photo))
    shaded = pixels(send(client, photo, shadow_type="drop"))
    below = np.s_[94, 80, 3]
    assert plain[below] == 0
    assert shaded[below] > 10
    np.testing.assert_array_equal(shaded[60, 80], plain[60, 80])


def test_a_shadow_darkens_the_background_too(client, photo):
    shaded = pixels(send(client, photo, shadow_type="drop", bg_color="fff", format="png"))
    assert shaded[94, 80].max() < 245
    assert shaded[5, 5].tolist() == [255, 255, 255]


def test_a_stronger_shadow_is_darker(client, photo):
    weak = pixels(send(client, photo, shadow_type="drop", shadow_opacity="20"))
    strong = pixels(send(client, photo, shadow_type="drop", shadow_opacity="80"))
    assert weak[95, 80, 3] < strong[95, 80, 3]


def test_a_shadow_we_do_not_draw_is_refused(client, photo):
    error(send(client, photo, shadow_type="3D"), 400, "invalid_shadow_type")
