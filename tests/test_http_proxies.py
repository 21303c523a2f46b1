"""Forwarded addresses: believed from named proxies only, over real connections."""

import http.client
import json

import pytest
from flask import Flask, request
from loopback import wsgi_server

from cutout.errors import ConfigurationError
from cutout.http import proxies


def make_app(trusted):
    app = Flask(__name__)

    @app.get("/")
    def seen():
        left = [name for name, _ in request.headers if "forwarded" in name.lower()]
        return {
            "address": request.remote_addr,
            "scheme": request.scheme,
            "host": request.host,
            "left": left,
        }

    proxies.register(app, trusted)
    return app


def ask(trusted, peer="127.0.0.1", **headers):
    """What the application sees of a request that arrives from `peer` on loopback."""
    with wsgi_server(make_app(trusted)) as place:
        link = http.client.HTTPConnection(*place, timeout=10, source_address=(peer, 0))
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request("GET", "/", headers={"Host": "service.test", **sent})
        answer = json.loads(link.getresponse().read())
        link.close()
        return answer


PROXY = ["127.0.0.1/32", "10.0.0.0/8"]


@pytest.mark.parametrize(
    "forwarded_for, address",
    [
        ("198.51.100.7", "198.51.100.7"),
        # What the client wrote itself stands on the left.
        ("1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1, 10.0.0.1, 198.51.100.7", "198.51.100.7"),
        # Two trusted proxies in a row.
        ("1.2.3.4, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        # Not an address: the last one that was believed stays.
        ("198.51.100.7, unknown", "127.0.0.1"),
        ("198.51.100.7, nonsense, 10.1.2.3", "10.1.2.3"),
        ("198.51.100.7,", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_the_client_is_the_last_address_not_trusted(forwarded_for, address):
    assert ask(PROXY, X_Forwarded_For=forwarded_for)["address"] == address


FORGED = {
    "X_Forwarded_For": "10.0.0.1",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "evil.test",
    "X_Real_IP": "10.0.0.1",
    "Forwarded": "for=10.0.0.1;proto=https;host=evil.test",
}


@pytest.mark.parametrize("trusted", [PROXY, []])
def test_another_peer_cannot_forge_address_scheme_or_host(trusted):
    seen = ask(trusted, peer="127.0.0.2", **FORGED)
    expected = {"address": "127.0.0.2", "scheme": "http", "host": "service.test", "left": []}
    assert seen == expected


def test_without_trusted_proxies_nobody_is_believed():
    assert ask([], **FORGED)["address"] == "127.0.0.1"


def test_scheme_and_host_are_what_the_nearest_proxy_says():
    seen = ask(
        PROXY,
        X_Forwarded_For="198.51.100.7",
        X_Forwarded_Proto="http, https",
        X_Forwarded_Host="evil.test, images.example:8443",
    )
    assert (seen["scheme"], seen["host"]) == ("https", "images.example:8443")
    assert seen["left"] == []


@pytest.mark.parametrize("proto", ["javascript", "httpss", ""])
def test_other_schemes_are_not_taken_over(proto):
    assert ask(PROXY, X_Forwarded_Proto=proto)["scheme"] == "http"


@pytest.mark.parametrize("host", ["a b", "evil.test/path", "evil.test@x", "", "evil.test:port"])
def test_what_is_no_host_is_not_taken_over(host):
    assert ask(PROXY, X_Forwarded_Host=host)["host"] == "service.test"


def test_other_forwarding_headers_are_removed_also_from_a_trusted_proxy():
    assert ask(PROXY, **FORGED)["left"] == []


@pytest.mark.parametrize("trusted, address", [(["unix"], "198.51.100.7"), ([], None)])
def test_peers_of_a_unix_socket_are_trusted_by_their_own_word(trusted, address):
    client = make_app(trusted).test_client()
    headers = {"X-Forwarded-For": "1.2.3.4, 198.51.100.7"}
    answer = client.get("/", headers=headers, environ_overrides={"REMOTE_ADDR": ""})
    assert (answer.get_json()["address"] or None) == address


def test_a_proxy_on_a_socket_for_both_families_is_recognised():
    client = make_app(["10.0.0.1"]).test_client()
    answer = client.get(
        "/",
        headers={"X-Forwarded-For": "198.51.100.7"},
        environ_overrides={"REMOTE_ADDR": "::ffff:10.0.0.1"},
    )
    assert answer.get_json()["address"] == "198.51.100.7"


@pytest.mark.parametrize("text", ["*", "0.0.0.0/0", "::/0", "nginx", "10.0.0.1/8", ""])
def test_what_is_no_network_or_every_network_stops_the_start(text):
    with pytest.raises(ConfigurationError, match=r"is not a network|every address"):
        proxies.register(Flask(__name__), [text])
