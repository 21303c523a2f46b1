"""API keys: where they come from, who gets in, what a refusal says."""

import hashlib
import logging

import pytest
from flask import g
from small_app import small_app

from cutout.errors import ConfigurationError
from cutout.http import keys

KEY, OTHER = "a-key-of-some-length", "another-key-of-some-length"


@pytest.fixture
def client():
    return make_client(keys.from_text(f"shop={KEY},studio={OTHER}"))


def make_client(known):
    app = small_app()
    keys.register(app, known, ["/health", "/docs/*"])
    for path in ("/health", "/docs/swagger", "/docsecret", "/who"):
        app.add_url_rule(path, path, lambda: str(g.key_name), methods=["GET", "POST"])
    return app.test_client()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"x-api-key": KEY},
        {"X-Api-Key": f" {KEY} "},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
    ],
)
def test_a_key_is_taken_from_either_header_in_any_case(client, headers):
    assert client.get("/who", headers=headers).text == "shop"


def test_the_log_has_the_name_and_never_the_key(client, caplog):
    with caplog.at_level(logging.INFO):
        client.get("/who", headers={"X-API-Key": KEY}).close()
        client.get("/who", headers={"X-API-Key": "wrong-key-of-some-length"}).close()
    fields = [record.fields for record in caplog.records]
    assert [(it["status"], it.get("key")) for it in fields] == [(200, "shop"), (403, None)]
    assert "of-some-length" not in f"{fields} {caplog.text}"


def test_each_key_has_its_name(client):
    assert client.get("/who", headers={"X-API-Key": OTHER}).text == "studio"


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"Authorization": "Basic eDp5"}, {"Authorization": KEY}]
)
def test_without_a_key_the_answer_is_401_and_names_the_scheme(client, headers):
    response = client.get("/who", headers=headers)
    assert (response.status_code, response.get_json()["code"]) == (401, "key_required")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="cutout"'


@pytest.mark.parametrize("key", ["wrong", KEY[:-1], KEY + "x", KEY.upper(), "ä" * 20])
def test_a_wrong_key_is_403_and_is_not_repeated(client, key):
    response = client.get("/who", headers={"X-API-Key": key.encode().decode("latin-1")})
    assert (response.status_code, response.get_json()["code"]) == (403, "key_invalid")
    assert key not in response.text
    assert "WWW-Authenticate" not in response.headers


def test_the_hash_of_a_key_is_not_a_key(client):
    sent = {"X-API-Key": hashlib.sha256(KEY.encode()).hexdigest()}
    assert client.get("/who", headers=sent).status_code == 403


@pytest.mark.parametrize("path, status", [("/health", 200), ("/docs/swagger", 200)])
def test_open_paths_need_no_key(client, path, status):
    assert client.get(path).status_code == status


@pytest.mark.parametrize("path", ["/docsecret", "/docs", "/health/x", "/nowhere", "/who"])
def test_every_other_path_needs_one_also_those_that_do_not_exist(client, path):
    assert client.get(path).status_code == 401


def test_preflights_need_no_key(client):
    assert client.options("/who").status_code == 200


def test_a_body_of_a_refused_request_is_read_to_its_end(client):
    response = client.post("/who", data=bytes(3_000_000))
    assert response.status_code == 401
    assert response.request.environ["wsgi.input"].read() == b""


def test_without_known_keys_everybody_is_let_in_and_a_sent_key_is_ignored():
    client = make_client(keys.Keys())
    assert client.get("/who").text == "None"
    assert client.get("/who", headers={"X-API-Key": "any"}).text == "None"


def test_a_made_key_is_known_by_its_hash_and_no_two_are_alike(tmp_path):
    key, key_hash = keys.make_key()
    assert key.startswith("cutout_") and len(key) >= 43
    assert keys.make_key()[0] != key
    (tmp_path / "keys").write_text(f"# clients\n\nshop:{key_hash}\n")
    known = keys.from_file(tmp_path / "keys")
    assert (known.name_of(key), known.name_of(key_hash)) == ("shop", None)


def test_the_key_itself_is_kept_nowhere():
    known = keys.from_text(f"shop={KEY}")
    assert KEY not in repr(vars(known))


def test_a_plain_key_in_the_file_works_and_is_warned_about_without_showing_it(tmp_path, caplog):
    (tmp_path / "keys").write_text(f"shop:{KEY}\n")
    with caplog.at_level(logging.WARNING):
        assert keys.from_file(tmp_path / "keys").name_of(KEY) == "shop"
    assert "API key of shop stands in the file in plain text" in caplog.text
    assert KEY not in caplog.text


def test_hashes_in_the_file_are_not_warned_about(tmp_path, caplog):
    (tmp_path / "keys").write_text(f"shop:{keys.hash_key(KEY).upper()}\n")
    assert keys.from_file(tmp_path / "keys").name_of(KEY) == "shop"
    assert not caplog.records


def test_a_name_may_have_two_keys_while_one_is_replaced():
    known = keys.from_text(f"shop={KEY}, shop={OTHER}")
    assert known.name_of(KEY) == known.name_of(OTHER) == "shop"


def test_keys_of_file_and_environment_add_up():
    both = keys.from_text(f"a={KEY}") + keys.from_text(f"b={OTHER}")
    assert (both.name_of(KEY), both.name_of(OTHER)) == ("a", "b")


def test_a_key_may_contain_the_separators_of_its_neighbours():
    assert keys.from_text("shop=abc=def:ghi=jkl==").name_of("abc=def:ghi=jkl==") == "shop"


@pytest.mark.parametrize(
    "text, message",
    [
        ("shop", "Entry 1"),
        (f"a={KEY},two words={OTHER}", "Entry 2"),
        ("shop=short", "'shop' needs 16"),
        ("shop=", "'shop' needs 16"),
        (f"a={KEY},b={KEY}", "also another name's"),
    ],
)
def test_wrong_entries_are_named_by_place_and_never_by_key(text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        keys.from_text(text)
    assert KEY not in caught.value.detail and OTHER not in caught.value.detail


def test_a_missing_file_stops_the_start_without_its_path(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file") as caught:
        keys.from_file(tmp_path / "keys")
    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "[::1]", "localhost", "unix:s"])
def test_this_machine_may_be_served_without_a_key(host):
    keys.check_exposure(host, has_keys=False, open_without_key=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.0.2.1", "example.com", "localhost.x"])
def test_others_are_served_with_a_key_or_by_decision_only(host):
    keys.check_exposure(host, has_keys=True, open_without_key=False)
    keys.check_exposure(host, has_keys=False, open_without_key=True)
    with pytest.raises(ConfigurationError, match="without an API key would serve everybody"):
        keys.check_exposure(host, has_keys=False, open_without_key=False)
