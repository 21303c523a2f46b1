"""CORS: named origins, preflights, errors, and the remove.bg paths apart."""

import pytest
from small_app import small_app

from cutout.errors import ConfigurationError
from cutout.http import keys, origins

SHOP, OTHER = "https://shop.example", "https://other.example"


def make_client(named=(SHOP,), removebg=()):
    app = small_app()
    keys.register(app, keys.from_text("shop=a-key-of-some-length"), ["/broken", "/open"])
    origins.register(app, named, removebg)
    for path in ("/remove-bg", "/v1.0/removebg"):
        app.add_url_rule(path, path, lambda: "done", methods=["POST"])
    app.add_url_rule("/open", "open", lambda: "done")
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    return app.test_client()


def preflight(client, path, origin=SHOP, method="POST", headers="x-api-key"):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return client.options(path, headers=asked)


def allowed(response):
    return response.headers.getlist("Access-Control-Allow-Origin")


def test_a_preflight_of_a_named_origin_needs_no_key_and_allows_what_clients_send():
    asked = "X-Api-Key, content-type, Accept, X-Request-Id, Idempotency-Key, Authorization"
    response = preflight(make_client(), "/remove-bg", headers=asked)
    assert (response.status_code, allowed(response)) == (200, [SHOP])
    sent = {name.strip().lower() for name in asked.split(",")}
    headers = response.headers["Access-Control-Allow-Headers"].lower()
    assert set(headers.split(", ")) == sent
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert int(response.headers["Access-Control-Max-Age"]) > 0


def test_headers_that_nobody_needs_are_not_allowed():
    response = preflight(make_client(), "/remove-bg", headers="X-Api-Key, X-Evil")
    assert response.headers["Access-Control-Allow-Headers"] == "X-Api-Key"


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.test",
        "https://shopxexample",
        "https://evil.test/https://shop.example",
        "null",
    ],
)
def test_other_origins_get_nothing(origin):
    client = make_client()
    for response in (
        preflight(client, "/remove-bg", origin),
        client.get("/open", headers={"Origin": origin}),
    ):
        assert not [name for name, _ in response.headers if "access-control" in name.lower()]
        assert response.headers["Vary"] == "Origin"


def test_answers_expose_their_headers_and_vary_by_origin():
    response = make_client().get("/open", headers={"Origin": SHOP})
    assert (response.status_code, allowed(response)) == (200, [SHOP])
    assert response.headers["Access-Control-Expose-Headers"] == "*"
    assert response.headers.getlist("Vary") == ["Origin"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("POST", "/remove-bg", 401),
        ("GET", "/open/x", 401),
        ("POST", "/open", 405),
        ("GET", "/broken", 500),
    ],
)
def test_errors_can_be_read_by_named_origins(method, path, status):
    response = make_client().open(path, method=method, headers={"Origin": SHOP})
    assert (response.status_code, allowed(response)) == (status, [SHOP])
    assert response.get_json()["status"] == status


@pytest.mark.parametrize("headers", [{}, {"Origin": OTHER}])
def test_answers_to_others_vary_by_origin_too(headers):
    """Or a cache would keep one without CORS headers and give it to the named origin."""
    assert make_client().get("/open", headers=headers).headers["Vary"] == "Origin"


def test_nothing_is_open_by_default():
    client = make_client(named=())
    for path in ("/open", "/v1.0/removebg"):
        assert allowed(client.get(path, headers={"Origin": SHOP})) == []
        assert allowed(preflight(client, path)) == []


@pytest.mark.parametrize("path", ["/v1.0/removebg", "/v1.0/nowhere"])
def test_the_removebg_paths_can_be_open_to_every_page_errors_and_preflight_included(path):
    client = make_client(named=(), removebg=["*"])
    assert allowed(client.post(path, headers={"Origin": OTHER})) == ["*"]
    assert allowed(client.post(path)) == ["*"]
    answer = preflight(client, path, OTHER)
    assert allowed(answer) == ["*"]
    assert answer.headers["Access-Control-Allow-Headers"] == "x-api-key"
    assert "Vary" not in answer.headers


def test_opening_the_removebg_paths_opens_no_other():
    client = make_client(named=(), removebg=["*"])
    assert allowed(client.get("/open", headers={"Origin": OTHER})) == []
    assert allowed(preflight(client, "/remove-bg", OTHER)) == []


def test_the_removebg_paths_can_have_their_own_named_origins():
    client = make_client(named=[SHOP], removebg=[OTHER])
    assert allowed(preflight(client, "/v1.0/removebg", OTHER)) == [OTHER]
    assert allowed(preflight(client, "/v1.0/removebg", SHOP)) == []
    assert allowed(preflight(client, "/remove-bg", SHOP)) == [SHOP]
    assert allowed(preflight(client, "/remove-bg", OTHER)) == []


@pytest.mark.parametrize("origin", ["http://[::1]:8000", "HTTP://LOCALHOST:3000"])
def test_origins_with_brackets_or_capitals_are_matched_as_they_are(origin):
    client = make_client(named=[origin])
    assert allowed(client.get("/open", headers={"Origin": origin.lower()})) == [origin.lower()]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        "https://shop.example/",
        "https://*.example",
        "",
        "https://user@shop.example",
        "ftp://shop.example",
        "https://shop.example/.*",
    ],
)
def test_what_is_no_origin_stops_the_start(origin):
    with pytest.raises(ConfigurationError, match="is not an origin"):
        make_client(named=[origin])


def test_a_star_beside_names_is_refused_for_the_removebg_paths_too():
    with pytest.raises(ConfigurationError, match="is not an origin"):
        make_client(removebg=["*", SHOP])
