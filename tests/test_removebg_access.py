"""Keys, rate limits and pages of other origins at `/v1.0/`."""

import pytest
from conftest import image_bytes
from removebg_kit import URL, error, scene, send
from standin import StandIn

from app import create_app

KEY = "a-key-of-sixteen-characters"


@pytest.fixture
def photo() -> bytes:
    return image_bytes(scene())


@pytest.fixture
def client_with(settings):
    """A client of an app with some settings of its own."""
    apps = []

    def build(**values):
        merged = settings.model_dump() | values
        apps.append(create_app(type(settings)(**merged), StandIn()))
        return apps[-1].test_client()

    yield build
    for app in apps:
        app.extensions["cutout"].service.close()


@pytest.mark.parametrize("headers", [{"X-Api-Key": KEY}, {"Authorization": f"Bearer {KEY}"}])
def test_a_key_opens_both_endpoints(client_with, photo, headers):
    client = client_with(keys=f"shop={KEY}")
    assert client.get("/v1.0/account", headers=headers).status_code == 200
    assert send(client, photo, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers, title", [({}, "Missing API Key"), ({"X-Api-Key": "wrong"}, "API Key invalid")]
)
def test_without_the_right_key(client_with, photo, headers, title):
    client = client_with(keys=f"shop={KEY}")
    for response in (
        send(client, photo, headers=headers),
        client.get("/v1.0/account", headers=headers),
    ):
        assert error(response, 403, "auth_failed")["title"] == title
        assert "X-RateLimit-Limit" not in response.headers


def test_a_rate_limit_is_told_and_kept(client_with, photo):
    client = client_with(images_per_minute=2)
    first = send(client, photo)
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == (
        "2",
        "1",
    )
    # What is refused costs nothing.
    error(send(client, photo, size="huge"), 400, "invalid_size")
    assert send(client, photo).headers["X-RateLimit-Remaining"] == "0"
    over = send(client, photo)
    assert error(over, 429, "rate_limit_exceeded")["title"] == "Rate limit exceeded"
    assert 0 < int(over.headers["Retry-After"]) <= 60
    assert over.headers["X-RateLimit-Remaining"] == "0"


def test_megapixels_are_counted_begun_ones_whole(client_with):
    client = client_with(megapixels_per_minute=10)
    large = image_bytes(scene(1000, 1500, (200, 300, 500, 700)), "JPEG")
    assert send(client, large).headers["X-RateLimit-Remaining"] == "8"


def test_pages_of_other_origins_are_answered_where_that_is_open(client_with, photo):
    client = client_with(removebg_origins="*")
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-Api-Key",
    }
    preflight = client.options(URL, headers=asked)
    assert preflight.status_code == 200
    assert "x-api-key" in preflight.headers["Access-Control-Allow-Headers"].lower()
    for response in (send(client, photo), client.get("/v1.0/nothing")):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client_with().get("/v1.0/nothing").headers
