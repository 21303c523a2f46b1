"""Idempotency-Key: repetitions, conflicts, what is kept and for how long."""

import itertools
import threading

import pytest
from flask import Response, g, request
from small_app import small_app

from cutout.errors import IdempotencyInProgress, IdempotencyMismatch, Overloaded, UndecodableImage
from cutout.http import idempotency
from cutout.http.idempotency import AnswerStore, StoredAnswer

NAME, HASH = ("key:shop", "k1"), b"hash"


def make_app(store):
    app = small_app()
    app.before_request(lambda: setattr(g, "key_name", request.headers.get("X-Name")))
    idempotency.register(app, store, ["/cut", "/fails", "/stream"])
    runs = itertools.count(1)

    @app.post("/cut")
    def cut():
        names = sorted(request.files)
        body = f"run {next(runs)} of {names or request.get_data()}"
        return Response(body, 201, {"X-Cutout-Id": f"id{next(runs)}"}, mimetype="image/png")

    @app.post("/fails")
    def fails():
        run = next(runs)
        kinds = {"422": UndecodableImage(f"run {run}"), "503": Overloaded(f"run {run}")}
        raise kinds.get(request.args["as"]) or ZeroDivisionError

    @app.post("/stream")
    def stream():
        return Response((f"run {next(runs)}" for _ in range(1)), mimetype="application/zip")

    @app.post("/other")
    def other():
        return f"run {next(runs)}"

    return app


@pytest.fixture
def client():
    return make_app(AnswerStore(1_000_000)).test_client()


def post(client, path="/cut", key="k1", body=b"image", **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Idempotency-Key"] = key
    return client.post(path, data=body, headers=sent)


def test_the_same_key_and_body_get_the_stored_status_headers_and_bytes(client):
    first, second = post(client), post(client)
    assert second.data == first.data and second.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers.pop("Idempotent-Replayed") == "true"
    ids = [response.headers.pop("X-Request-Id") for response in (first, second)]
    assert ids[0] != ids[1]
    assert dict(second.headers) == dict(first.headers)


def test_without_a_key_every_request_is_computed(client):
    assert post(client, key=None).data != post(client, key=None).data


def test_another_key_is_another_request(client):
    assert post(client, key="a").data != post(client, key="b").data


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"other"},
        {"Accept": "application/json"},
        {"path": "/cut?format=webp"},
        {"Content_Type": "image/png"},
        {"path": "/stream"},
    ],
)
def test_the_same_key_with_another_request_is_a_mismatch(client, change):
    post(client)
    response = post(client, **change)
    assert (response.status_code, response.get_json()["code"]) == (422, "idempotency_mismatch")
    assert post(client).headers["Idempotent-Replayed"] == "true"


def form(boundary, content=b"image"):
    disposition = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return b"--%b\r\n%b%b\r\n--%b--\r\n" % (boundary, disposition, content, boundary)


def post_form(client, boundary, content=b"image"):
    kind = f"multipart/form-data; boundary={boundary.decode()}"
    return post(client, body=form(boundary, content), Content_Type=kind)


def test_a_form_repeated_with_a_new_boundary_is_the_same_request(client):
    first, second = post_form(client, b"edge1"), post_form(client, b"edge2")
    assert first.data.endswith(b"of ['image']")
    assert second.headers["Idempotent-Replayed"] == "true"
    assert post_form(client, b"edge3", b"other").status_code == 422


def test_names_of_keys_keep_clients_apart(client):
    shop, studio = post(client, X_Name="shop"), post(client, X_Name="studio", body=b"other")
    assert (shop.status_code, studio.status_code) == (201, 201)
    assert post(client, X_Name="shop").data == shop.data


def test_without_api_keys_addresses_keep_clients_apart(client):
    def ask(address):
        headers = {"Idempotency-Key": "k"}
        return client.post("/cut", headers=headers, environ_overrides={"REMOTE_ADDR": address})

    assert ask("192.0.2.1").data != ask("192.0.2.2").data
    assert ask("192.0.2.1").headers["Idempotent-Replayed"] == "true"


def test_a_final_error_is_kept_and_one_that_says_try_again_is_not(client):
    assert post(client, "/fails?as=422").data == post(client, "/fails?as=422").data
    assert post(client, "/fails?as=503", "k2").data != post(client, "/fails?as=503", "k2").data


def test_a_crash_leaves_the_key_free(client):
    for _ in range(2):
        response = post(client, "/fails?as=bug")
        assert (response.status_code, response.get_json()["code"]) == (500, "internal")


def test_streamed_answers_are_not_kept_and_leave_the_key_free(client):
    first = post(client, "/stream")
    assert post(client, "/stream").status_code == 409
    assert (first.data, first.status_code) == (b"run 1", 200)
    first.close()
    assert post(client, "/stream").data == b"run 2"


def test_the_header_means_nothing_elsewhere(client):
    assert post(client, "/other").data != post(client, "/other").data
    headers = {"Idempotency-Key": "k1"}
    assert client.get("/cut", headers=headers).status_code == 405


@pytest.mark.parametrize("key", ["", "two words", "ü", "a" * 256])
def test_a_wrong_key_is_refused(client, key):
    response = post(client, key=key)
    assert (response.status_code, response.get_json()["code"]) == (400, "invalid_value")


def test_a_repetition_while_the_first_is_computed_is_told_to_wait():
    inside, leave = threading.Event(), threading.Event()
    app = make_app(AnswerStore(1_000_000))

    def waits():
        inside.set()
        assert leave.wait(10)
        return "done"

    app.view_functions["cut"] = waits
    answers = []
    first = threading.Thread(target=lambda: answers.append(post(app.test_client())))
    first.start()
    assert inside.wait(10)
    second = post(app.test_client())
    leave.set()
    first.join(10)
    assert (second.status_code, second.get_json()["code"]) == (409, "idempotency_in_progress")
    assert int(second.headers["Retry-After"]) > 0
    third = post(app.test_client())
    assert third.data == answers[0].data == b"done"
    assert third.headers["Idempotent-Replayed"] == "true"


def test_answers_of_a_deleted_result_can_be_forgotten():
    store = AnswerStore(1_000_000)
    client = make_app(store).test_client()
    first = post(client)
    store.forget("X-Cutout-Id", "another")
    assert post(client).data == first.data
    store.forget("X-Cutout-Id", first.headers["X-Cutout-Id"])
    assert post(client).data != first.data


def answer(size):
    return StoredAnswer(200, (), bytes(size))


def kept(store, *keys):
    """Which of these keys have an answer; asking counts as a use."""
    found = []
    for key in keys:
        if store.begin(("c", key), HASH):
            found.append(key)
        else:
            store.abandon(("c", key))
    return found


def fill(store, *keys, size=1000):
    for key in keys:
        assert store.begin(("c", key), HASH) is None
        store.finish(("c", key), HASH, answer(size))


def test_the_least_used_answers_go_when_the_bytes_are_used_up():
    store = AnswerStore(3 * (1000 + idempotency.ENTRY_BYTES), max_answer_bytes=1000)
    fill(store, "a", "b", "c")
    assert kept(store, "a") == ["a"]
    fill(store, "d")
    assert kept(store, "a", "c", "d", "b") == ["a", "c", "d"]


def test_the_number_of_entries_is_bounded():
    store = AnswerStore(1_000_000, max_entries=2)
    fill(store, "a", "b", "c", size=1)
    assert kept(store, "b", "c", "a") == ["b", "c"]


def test_requests_under_way_are_never_dropped():
    store = AnswerStore(1_000_000, max_entries=1)
    store.begin(NAME, HASH)
    fill(store, "a", "b")
    with pytest.raises(IdempotencyInProgress):
        store.begin(NAME, HASH)


def test_answers_over_the_size_of_one_are_computed_anew():
    client = make_app(AnswerStore(1_000_000, max_answer_bytes=5)).test_client()
    assert post(client).data != post(client).data


def test_an_answer_larger_than_the_whole_store_is_not_kept():
    client = make_app(AnswerStore(2_005, max_answer_bytes=1000)).test_client()
    assert post(client).data != post(client).data


def test_after_a_day_the_key_is_free_again():
    now = [0.0]
    store = AnswerStore(1_000_000, clock=lambda: now[0])
    fill(store, "a")
    now[0] = 86_399
    assert kept(store, "a") == ["a"]
    with pytest.raises(IdempotencyMismatch):
        store.begin(("c", "a"), b"other")
    now[0] = 86_400
    assert kept(store, "a") == []


def test_a_store_of_no_bytes_keeps_nothing():
    client = make_app(AnswerStore(0)).test_client()
    assert post(client).data != post(client).data
