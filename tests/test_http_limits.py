"""Rate limits: windows, megapixels, refunds, headers."""

import sys
import threading
import time
from contextlib import suppress

import pytest
from flask import g, request
from small_app import small_app

from cutout.errors import RateLimited, UndecodableImage
from cutout.http import limits

MEGAPIXEL = 1_000_000


class Clock:
    """Stands in for the wall clock, so that no test waits for a window's end."""

    def __init__(self, monkeypatch) -> None:
        self.now = 1_800_000_000.25
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def frequent_switches():
    """Threads take turns after a microsecond, so that what is not locked goes wrong."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def make_client(images: int, megapixels: int):
    app = small_app()
    app.before_request(lambda: setattr(g, "key_name", request.headers.get("X-Name")))
    limits.register(app, images, megapixels)

    @app.post("/cut")
    def cut():
        limits.refuse_early()
        limits.charge(*map(int, request.args.getlist("pixels")))
        if request.args.get("broken"):
            raise UndecodableImage
        return "done"

    @app.post("/batch")
    def batch():
        kept, failed = limits.charge(MEGAPIXEL), limits.charge(MEGAPIXEL)
        limits.refund(failed)
        limits.refund(failed)
        return str(kept.tightest)

    app.add_url_rule("/account", "account", lambda: "account")
    return app.test_client()


def cut(client, pixels=MEGAPIXEL, name=None, **query):
    headers = {"X-Name": name} if name else {}
    return client.post("/cut", query_string={"pixels": pixels, **query}, headers=headers)


def rate(response):
    names = ("Limit", "Remaining", "Reset")
    return tuple(int(response.headers[f"X-RateLimit-{name}"]) for name in names)


def test_the_window_begins_with_the_first_image_and_ends_60_s_later(clock):
    client = make_client(images=2, megapixels=0)
    assert rate(cut(client)) == (2, 1, 1_800_000_061)
    clock.now += 59
    assert rate(cut(client)) == (2, 0, 1_800_000_061)
    assert cut(client).status_code == 429
    clock.now += 1.01
    assert rate(cut(client)) == (2, 1, 1_800_000_121)


def test_over_the_rate_the_answer_says_in_whole_seconds_when_to_come_back(clock):
    client = make_client(images=1, megapixels=0)
    cut(client)
    clock.now += 12.5
    response = cut(client)
    assert (response.status_code, response.get_json()["code"]) == (429, "rate_limited")
    assert response.headers["Retry-After"] == "48"
    assert rate(response) == (1, 0, 1_800_000_061)
    assert response.get_json()["detail"].startswith("1 images a minute are allowed; 0 are left")


@pytest.mark.parametrize(
    "pixels, units", [(1, 1), (250_000, 1), (1_000_000, 1), (1_000_001, 2), (25_000_000, 25)]
)
def test_an_image_costs_its_megapixels_each_begun_one_whole(clock, pixels, units):
    assert rate(cut(make_client(0, 500), pixels))[:2] == (500, 500 - units)


def test_several_images_cost_each_its_own(clock):
    response = cut(make_client(0, 100), [400_000, 400_000, 1_200_000])
    assert rate(response)[:2] == (100, 96)


def test_what_is_too_large_for_the_rest_is_refused_and_leaves_the_rest(clock):
    client = make_client(0, 10)
    cut(client, 8 * MEGAPIXEL)
    refused = cut(client, 3 * MEGAPIXEL)
    assert (refused.status_code, rate(refused)[1]) == (429, 2)
    assert cut(client, 2 * MEGAPIXEL).status_code == 200


def test_a_refusal_by_one_limit_takes_nothing_from_the_other(clock):
    client = make_client(images=3, megapixels=10)
    cut(client, 9 * MEGAPIXEL)
    for _ in range(5):
        assert cut(client, 9 * MEGAPIXEL).status_code == 429
    assert [cut(client).status_code, cut(client).status_code] == [200, 429]


def test_an_image_larger_than_the_limit_takes_a_whole_window(clock):
    client = make_client(0, 10)
    assert rate(cut(client, 50 * MEGAPIXEL))[:2] == (10, 0)
    clock.now += 61
    cut(client)
    assert cut(client, 50 * MEGAPIXEL).status_code == 429


def test_failed_requests_take_nothing_and_carry_no_rate(clock):
    client = make_client(images=1, megapixels=50)
    for _ in range(3):
        response = cut(client, 50 * MEGAPIXEL, broken=1)
        assert response.status_code == 422
        assert "X-RateLimit-Limit" not in response.headers
    assert cut(client, 50 * MEGAPIXEL).status_code == 200


def test_what_fails_after_its_window_gives_the_next_window_nothing(clock):
    app = make_client(images=2, megapixels=0).application
    with app.test_request_context():
        old = limits.charge(MEGAPIXEL)
        clock.now += 61
        limits.charge(MEGAPIXEL)
        limits.refund(old)
        assert limits.charge(MEGAPIXEL).tightest.remaining == 0


def test_one_failed_image_of_several_is_given_back_once(clock):
    client = make_client(images=10, megapixels=0)
    client.post("/batch")
    assert rate(cut(client))[1] == 8


def test_answers_that_are_not_counted_carry_no_rate(clock):
    headers = make_client(5, 5).get("/account").headers
    assert not [name for name, _ in headers if "rate" in name.lower()]


def test_good_answers_carry_no_retry_after(clock):
    assert "Retry-After" not in cut(make_client(5, 5)).headers


def test_the_window_shown_is_the_one_nearest_to_its_end(clock):
    client = make_client(images=10, megapixels=100)
    assert rate(cut(client, MEGAPIXEL))[:2] == (10, 9)
    assert rate(cut(client, 50 * MEGAPIXEL))[:2] == (100, 49)


def test_without_limits_nothing_is_counted_or_shown():
    client = make_client(0, 0)
    for _ in range(20):
        response = cut(client, 50 * MEGAPIXEL)
        assert response.status_code == 200 and "X-RateLimit-Limit" not in response.headers


def test_keys_have_their_own_rates_wherever_they_come_from(clock):
    client = make_client(images=1, megapixels=0)
    assert [cut(client, name=name).status_code for name in ("a", "b", "a")] == [200, 200, 429]


def from_address(client, address):
    overrides = {"REMOTE_ADDR": address}
    return client.post("/cut?pixels=1", environ_overrides=overrides).status_code


def test_without_keys_addresses_have_their_own_rates(clock):
    client = make_client(images=1, megapixels=0)
    addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "::ffff:192.0.2.2"]
    assert [from_address(client, it) for it in addresses] == [200, 200, 429, 429]


def test_ipv6_addresses_of_one_network_share_a_rate(clock):
    client = make_client(images=1, megapixels=0)
    addresses = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]
    assert [from_address(client, it) for it in addresses] == [200, 429, 200]


def test_a_client_without_an_address_is_counted_too(clock):
    client = make_client(images=1, megapixels=0)
    assert [from_address(client, ""), from_address(client, "")] == [200, 429]


def test_a_key_named_like_an_address_does_not_share_its_rate(clock):
    client = make_client(images=1, megapixels=0)
    assert cut(client, name="127.0.0.1").status_code == 200
    assert from_address(client, "127.0.0.1") == 200


def test_a_client_with_nothing_left_is_refused_before_its_body_is_parsed(clock):
    client = make_client(images=1, megapixels=0)
    cut(client)
    response = client.post("/cut?pixels=1", data=bytes(2_000_000))
    assert response.status_code == 429
    assert response.request.environ["wsgi.input"].read() == b""


def test_of_many_at_once_exactly_the_limit_passes(clock, frequent_switches):
    counted = make_client(images=1000, megapixels=0).application.extensions[limits.EXTENSION]
    passed, start = [], threading.Barrier(16)

    def ask():
        start.wait(10)
        for _ in range(100):
            with suppress(RateLimited):
                passed.append(counted.charge("key:shop", (MEGAPIXEL,)))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(passed) == 1000
