"""Headers, bodies, errors, account and settings of `/v1.0/`, on a stand-in model."""

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from conftest import image_bytes
from PIL import ImageCms
from removebg_kit import (
    BRIGHT,
    URL,
    box_headers,
    entries,
    error,
    opened,
    pixels,
    scene,
    send,
)
from standin import StandIn

from app import create_app
from cutout.removebg.views import MAX_BODY_BYTES


@pytest.fixture
def photo() -> bytes:
    return image_bytes(scene())


def test_the_headers(client, photo):
    headers = send(client, photo, type="person").headers
    for name in ("Limit", "Remaining", "Reset"):
        assert int(headers[f"X-RateLimit-{name}"]) >= 0
    assert headers["X-Type"] == "person"
    assert headers["X-Credits-Charged"] == "0"
    assert "Retry-After" not in headers
    assert "X-Type" not in send(client, photo, type_level="none").headers


def test_json_only_where_nothing_else_is_accepted(client, photo):
    image = send(client, photo, headers={"Accept": "application/json, text/plain, */*"})
    answer = send(client, photo, headers={"Accept": "application/json"})
    assert image.mimetype == "image/png"
    assert answer.mimetype == "application/json"
    data = answer.get_json()["data"]
    assert base64.b64decode(data.pop("result_b64"), validate=True) == image.data
    names = ("top", "left", "height", "width")
    assert tuple(data[f"foreground_{name}"] for name in names) == box_headers(image)
    assert answer.headers["X-Width"] == "160"


def test_json_of_a_zip_holds_the_zip(client, photo):
    answer = send(client, photo, headers={"Accept": "application/json"}, format="zip")
    data = base64.b64decode(answer.get_json()["data"]["result_b64"])
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["color.jpg", "alpha.png"]


def test_profile_and_resolution_are_kept(client):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = image_bytes(scene(), icc_profile=profile, dpi=(300, 300))
    for found in (opened(send(client, image)), entries(send(client, image, format="zip"))):
        first = found["color.jpg"] if isinstance(found, dict) else found
        assert first.info["icc_profile"] == profile
        assert first.info["dpi"] == pytest.approx((300, 300), abs=0.02)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_base64_beyond_the_memory_for_forms(client, kind):
    noise = np.random.default_rng(0).integers(0, 60, (600, 600, 3), np.uint8)
    noise[200:400, 200:400] = BRIGHT
    text = base64.b64encode(image_bytes(noise)).decode()
    assert len(text) > 500_000
    fields = {"image_file_b64": text, "size": "auto"}
    if kind == "application/json":
        response = client.post(URL, json=fields)
    else:
        response = client.post(URL, data=fields)
    assert opened(response).size == (600, 600)


def test_a_body_above_the_limit_of_other_endpoints(client, app):
    limit = app.config["MAX_FILE_BYTES"] = app.config["MAX_CONTENT_LENGTH"] = 1_000_000
    padded = image_bytes(scene()) + bytes(limit)
    response = send(client, padded)
    # The limit of 22 MiB a file is the dialect's own.
    assert response.status_code == 200


@pytest.mark.parametrize(
    "size, limit", [(23_068_673, "23,068,672"), (MAX_BODY_BYTES + 1, f"{MAX_BODY_BYTES:,}")]
)
def test_too_many_bytes_name_the_limit(client, size, limit):
    assert limit in error(send(client, bytes(size)), 400, "file_too_large")["detail"]


def test_a_number_as_type_level_and_null_in_json(client, photo):
    text = base64.b64encode(photo).decode()
    fields = {"image_file_b64": text, "type_level": 2, "type": "graphic", "roi": None}
    response = client.post(URL, json=fields | {"crop": False, "bg_color": None, "despill": 1})
    assert response.headers["X-Type"] == "graphics"
    assert response.mimetype == "image/png"


def test_what_is_no_image(client):
    found = error(send(client, b"GIF89a" + bytes(50)), 400, "invalid_file_type")
    assert found["title"] == "Invalid file type"
    assert "GIF" in found["detail"]
    assert "PNG" in found["detail"]
    error(send(client, b"no image"), 400, "invalid_file_type")
    error(send(client, image_bytes(scene())[:100]), 400, "failed_to_read_image")
    error(send(client, b""), 400, "failed_to_read_image")
    error(send(client), 400, "missing_source")


def test_a_background_that_is_no_image(client, photo):
    error(send(client, photo, background=b"no image"), 400, "invalid_file_type")


def test_too_many_pixels_name_megapixels(settings, photo):
    app = create_app(settings.model_copy(update={"max_pixels": 10_000}), StandIn())
    found = error(send(app.test_client(), photo), 400, "resolution_too_high")
    app.extensions["cutout"].service.close()
    assert "0.0192 megapixels" in found["detail"]
    assert "0.01 are allowed" in found["detail"]


def test_an_image_without_a_subject(client):
    dark = image_bytes(scene(box=(0, 0, 0, 0)))
    found = error(send(client, dark), 400, "unknown_foreground")
    assert found["title"].startswith("Could not identify foreground in image.")


def test_an_address_is_not_downloaded(client, photo):
    found = error(
        client.post(URL, json={"image_url": "https://example.com/a.jpg"}),
        400,
        "failed_image_download",
    )
    assert found["title"].startswith("Failed to download image from given image_url: ")
    response = send(client, photo, bg_image_url="https://example.com/a.jpg")
    error(response, 400, "failed_bg_download")


@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("get", "/v1.0/nothing", 404, "not_found"),
        ("get", "/v1.0/", 404, "not_found"),
        ("post", "/v1.0/improve", 404, "not_found"),
        ("get", "/v1.0/removebg", 405, "method_not_allowed"),
        ("put", "/v1.0/removebg", 405, "method_not_allowed"),
        ("post", "/v1.0/account", 405, "method_not_allowed"),
    ],
)
def test_unknown_addresses_and_methods(client, method, path, status, code):
    response = getattr(client, method)(path)
    error(response, status, code)
    assert ("Allow" in response.headers) is (status == 405)


def test_a_server_that_stops_says_when_to_try_again(client, app, photo):
    app.extensions["cutout"].service.draining = True
    response = send(client, photo)
    error(response, 503, "not_ready")
    assert int(response.headers["Retry-After"]) > 0


def test_an_unexpected_error_keeps_the_shape_and_its_secrets(client, app, photo, monkeypatch):
    def fail(request):
        raise RuntimeError("secret")

    monkeypatch.setattr(app.extensions["cutout"].service, "remove", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = send(client, photo)
    error(response, 500, "internal")
    assert b"secret" not in response.data


def test_the_other_endpoints_keep_their_own_shape(client):
    assert client.get("/nothing").content_type == "application/problem+json"


def test_the_account(client):
    response = client.get("/v1.0/account")
    assert response.status_code == 200
    assert response.get_json()["data"]["attributes"]["credits"]["total"] == 1_000_000


def test_nothing_is_stored(client, settings, photo):
    assert send(client, photo, format="zip").status_code == 200
    kept = [
        path
        for folder in (settings.upload_dir, settings.result_dir)
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_size
    ]
    assert not kept


def test_the_default_size_is_the_operators(settings):
    app = create_app(settings.model_copy(update={"removebg_default_size": "auto"}), StandIn())
    image = image_bytes(scene(1600, 2400, (400, 600, 800, 1200)), "JPEG")
    assert opened(send(app.test_client(), image)).size == (2400, 1600)
    app.extensions["cutout"].service.close()


def test_the_operators_options_apply(settings, photo):
    text = "matting=closed-form on_no_subject=transparent"
    app = create_app(settings.model_copy(update={"removebg_options": text}), StandIn())
    client = app.test_client()
    response = send(client, photo)
    assert "matting" in response.headers["Server-Timing"]
    dark = send(client, image_bytes(scene(box=(0, 0, 0, 0))))
    assert pixels(dark).max() == 0
    app.extensions["cutout"].service.close()


def test_the_description_names_every_parameter(client):
    described = client.get("/openapi.json").get_json()["paths"]["/v1.0/removebg"]["post"]
    content = described["requestBody"]["content"]
    assert set(content) == {
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/json",
    }
    form = content["multipart/form-data"]["schema"]["properties"]
    assert {"image_file", "bg_image_file", "roi", "shadow_type"} <= set(form)
    assert {"200", "400", "403", "429", "503"} <= set(described["responses"])
    assert json.dumps(described)
