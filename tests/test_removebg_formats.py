"""Format, background, size and ZIP of answers of `/v1.0/removebg`, on a stand-in model."""

import numpy as np
import pytest
from conftest import image_bytes
from removebg_kit import BRIGHT, DARK, entries, error, opened, pixels, scene, send


@pytest.fixture
def photo() -> bytes:
    return image_bytes(scene())


@pytest.mark.parametrize(
    "fields, kind, mode",
    [
        ({}, "image/png", "RGBA"),
        ({"bg_color": "fff"}, "image/jpeg", "RGB"),
        ({"bg_color": "ffff00ff"}, "image/jpeg", "RGB"),
        ({"bg_color": "green"}, "image/jpeg", "RGB"),
        ({"bg_color": "81d4fa77"}, "image/png", "RGBA"),
        ({"bg_color": "00000000"}, "image/png", "RGBA"),
        ({"bg_color": ""}, "image/png", "RGBA"),
        ({"channels": "alpha"}, "image/jpeg", "L"),
        ({"channels": "alpha", "format": "png"}, "image/png", "L"),
        ({"channels": "alpha", "format": "webp"}, "image/webp", "RGB"),
        ({"channels": "alpha", "bg_color": "red"}, "image/jpeg", "L"),
        ({"format": "png", "bg_color": "fff"}, "image/png", "RGB"),
        ({"format": "jpg"}, "image/jpeg", "RGB"),
        ({"format": "jpg", "bg_color": "81d4fa77"}, "image/jpeg", "RGB"),
        ({"format": "webp"}, "image/webp", "RGBA"),
    ],
)
def test_the_format_of_the_answer(client, photo, fields, kind, mode):
    response = send(client, photo, **fields)
    assert opened(response).mode == mode
    assert response.mimetype == kind


def test_auto_is_jpeg_where_the_subject_fills_everything(client):
    response = send(client, image_bytes(np.full((40, 60, 3), 230, np.uint8)), format="auto")
    # A flat map cannot be stretched: nothing is a subject there.
    error(response, 400, "unknown_foreground")
    whole = scene(box=(0, 0, 120, 160))
    whole[:5] = DARK
    response = send(client, image_bytes(whole), format="auto", crop="true")
    assert response.mimetype == "image/jpeg"


def test_nothing_shows_under_alpha_zero(client, photo):
    found = pixels(send(client, photo))
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    assert found[60, 80].tolist() == [*BRIGHT, 255]


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"bg_color": "#f00", "format": "png"}, (255, 0, 0)),
        ({"format": "jpg"}, (255, 255, 255)),
        ({"format": "jpg", "bg_color": "ff000080"}, (255, 127, 127)),
    ],
)
def test_what_is_behind_the_subject(client, photo, fields, expected):
    found = pixels(send(client, photo, **fields))
    assert found[5, 5] == pytest.approx(expected, abs=3)
    assert found[60, 80] == pytest.approx(BRIGHT, abs=3)


def test_a_translucent_colour_stays_translucent(client, photo):
    found = pixels(send(client, photo, bg_color="81d4fa77"))
    assert found[0, 0].tolist() == [0x81, 0xD4, 0xFA, 0x77]
    assert found[60, 80].tolist() == [*BRIGHT, 255]


def test_a_background_image_covers_the_canvas(client, photo):
    back = np.full((60, 40, 3), (0, 90, 200), np.uint8)
    response = send(client, photo, background=image_bytes(back))
    assert response.mimetype == "image/jpeg"
    found = pixels(response)
    assert found.shape == (120, 160, 3)
    assert found[5, 5] == pytest.approx((0, 90, 200), abs=3)
    assert found[60, 80] == pytest.approx(BRIGHT, abs=3)


@pytest.mark.parametrize(
    "fields, size",
    [
        ({}, (612, 408)),
        ({"size": "regular"}, (612, 408)),
        ({"size": "medium"}, (1500, 1000)),
        ({"size": "hd"}, (2400, 1600)),
        ({"size": "auto"}, (2400, 1600)),
        ({"size": "preview", "format": "zip"}, (612, 408)),
    ],
)
def test_the_size_of_the_answer(client, fields, size):
    image = image_bytes(scene(1600, 2400, (400, 600, 800, 1200)), "JPEG")
    response = send(client, image, **fields)
    assert response.status_code == 200
    assert (int(response.headers["X-Width"]), int(response.headers["X-Height"])) == size
    if fields.get("format") != "zip":
        assert opened(response).size == size


def test_the_limit_counts_after_the_crop(client):
    image = image_bytes(scene(1600, 2400, (400, 600, 400, 600)), "JPEG")
    response = send(client, image, crop="true", size="preview")
    assert opened(response).size == (600, 400)


def test_a_png_has_ten_megapixels_and_a_jpeg_more(client):
    image = image_bytes(scene(3000, 4000, (800, 900, 1500, 2000)), "JPEG")
    assert opened(send(client, image, size="full")).size == (3651, 2739)
    assert opened(send(client, image, size="full", format="jpg")).size == (4000, 3000)


def test_the_zip_holds_colours_and_alpha(client, photo):
    found = entries(send(client, photo, format="zip"))
    color, alpha = found["color.jpg"], found["alpha.png"]
    assert (color.mode, alpha.mode) == ("RGB", "L")
    assert color.size == alpha.size == (160, 120)
    png = pixels(send(client, photo, format="png"))
    np.testing.assert_array_equal(np.asarray(alpha), png[..., 3])


def test_the_zip_shows_nothing_of_the_background(client, photo):
    color = np.asarray(entries(send(client, photo, format="zip"))["color.jpg"]).astype(int)
    # Everywhere the subject's colours, as if the background had never been.
    assert np.abs(color - BRIGHT).max() <= 6


def test_a_zip_with_a_background_is_opaque(client, photo):
    found = entries(send(client, photo, format="zip", bg_color="00f"))
    assert np.asarray(found["alpha.png"]).min() == 255
    assert np.asarray(found["color.jpg"])[5, 5] == pytest.approx((0, 0, 255), abs=4)
