"""Keys, limits, origins and idempotency registered on one application, in the documented order."""

import pytest
from flask import Response
from small_app import small_app

from cutout.http import idempotency, keys, limits, origins, proxies

KEY, SHOP = "a-key-of-some-length", "https://shop.example"


@pytest.fixture
def client():
    app = small_app()
    proxies.register(app, ["192.0.2.0/24"])
    keys.register(app, keys.from_text(f"shop={KEY}"), ["/health"])
    limits.register(app, 2, 100)
    origins.register(app, [SHOP], [])
    idempotency.register(app, idempotency.AnswerStore(100_000), ["/cut"])

    @app.post("/cut")
    def cut():
        limits.refuse_early()
        limits.charge(1_000_000)
        return Response(b"image", mimetype="image/png")

    return app.test_client()


def post(client, key="k", origin=SHOP):
    sent = {"X-API-Key": KEY, "Origin": origin}
    if key:
        sent["Idempotency-Key"] = key
    return client.post("/cut", data=b"x", headers=sent)


def test_a_repetition_costs_nothing_and_shows_no_old_rate(client):
    first, second, third = post(client), post(client), post(client, key=None)
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "X-RateLimit-Remaining" not in second.headers
    assert third.headers["X-RateLimit-Remaining"] == "0"


def test_a_repetition_carries_the_origin_of_its_own_request(client):
    post(client)
    assert post(client).headers.getlist("Access-Control-Allow-Origin") == [SHOP]
    other = post(client, origin="https://other.example")
    assert other.data == b"image"
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_refusal_for_the_rate_is_readable_by_the_page_and_not_kept(client):
    post(client, "a")
    post(client, "b")
    for _ in range(2):
        refused = post(client, "c")
        assert refused.status_code == 429
        assert "Idempotent-Replayed" not in refused.headers
        assert refused.headers["Access-Control-Allow-Origin"] == SHOP
        assert int(refused.headers["Retry-After"]) in range(1, 61)


def test_answers_kept_for_a_key_are_not_given_to_others(client):
    post(client)
    assert client.post("/cut", data=b"x", headers={"Idempotency-Key": "k"}).status_code == 401
