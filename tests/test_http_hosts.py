"""CUTOUT_HOSTS and CUTOUT_METRICS_KEY on the whole service."""

import pytest
from pydantic import SecretStr
from test_api import problem

KEY = "a-key-of-more-than-sixteen-characters"


@pytest.mark.parametrize(
    "host, status",
    [
        ("cut.example", 200),
        ("cut.example:8080", 200),
        ("CUT.example", 200),
        ("a.shop.example", 200),
        ("evil.example", 421),
        ("cut.example.evil.example", 421),
        ("127.0.0.1", 421),
    ],
)
def test_only_named_hosts_are_served(build, host, status):
    client = build(hosts=("cut.example", ".shop.example"))
    answer = client.get("/openapi.json", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        problem(answer, 421, "unknown_host")


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/metrics"])
def test_monitoring_asks_by_address(build, path):
    client = build(hosts=("cut.example",))
    assert client.get(path, headers={"Host": "10.0.0.7:5000"}).status_code == 200


def test_without_names_any_host_is_served(client):
    assert client.get("/openapi.json", headers={"Host": "anything"}).status_code == 200


def test_metrics_take_their_own_key_and_no_other(build):
    client = build(metrics_key=SecretStr("scrape"), keys=SecretStr(f"shop={KEY}"))
    problem(client.get("/metrics"), 401, "key_required")
    problem(client.get("/metrics", headers={"X-API-Key": KEY}), 403, "key_invalid")
    assert client.get("/metrics", headers={"Authorization": "Bearer scrape"}).status_code == 200
    problem(client.post("/remove-bg", headers={"X-API-Key": "scrape"}), 403, "key_invalid")


def test_metrics_can_have_a_key_where_images_have_none(build):
    client = build(metrics_key=SecretStr("scrape"))
    problem(client.get("/metrics"), 401, "key_required")
    assert client.get("/health").status_code == 200
