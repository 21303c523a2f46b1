"""Keys, rates, origins, addresses to fetch, and repeated requests, on the whole service."""

import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr
from test_api import post, problem

from cutout.errors import ConfigurationError

KEY = "a-key-of-more-than-sixteen-characters"


@pytest.fixture
def locked(build):
    return build(keys=SecretStr(f"shop={KEY}"))


def test_a_key_opens_the_service_and_its_name_alone_is_logged(locked, disc_png, caplog):
    caplog.set_level("INFO")
    response = post(locked, "/remove-bg", {"X-API-Key": KEY}, image=disc_png)
    response.close()
    assert response.status_code == 200
    fields = [record.fields for record in caplog.records if hasattr(record, "fields")]
    assert fields[-1]["key"] == "shop"
    assert KEY not in caplog.text + str(fields)


@pytest.mark.parametrize(
    "headers, status, code",
    [({}, 401, "key_required"), ({"X-API-Key": "another-key-of-the-length"}, 403, "key_invalid")],
)
@pytest.mark.parametrize("path", ["/remove-bg", "/evaluate", "/metrics", "/results/0"])
def test_without_the_key_nobody_gets_in(locked, path, headers, status, code):
    method = locked.post if path in ("/remove-bg", "/evaluate") else locked.get
    problem(method(path, headers=headers), status, code)


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/openapi.json", "/docs/swagger"])
def test_monitoring_and_the_description_need_no_key(locked, path):
    assert locked.get(path).status_code == 200


def test_the_dialect_says_it_in_its_own_shape(locked):
    answer = locked.post("/v1.0/removebg", data={})
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (403, "auth_failed")


def test_listening_beyond_the_machine_wants_a_key(build):
    with pytest.raises(ConfigurationError, match="key"):
        build(host="0.0.0.0")
    assert build(host="0.0.0.0", open_without_key=True).get("/livez").status_code == 200


def test_images_a_minute_are_counted_and_failed_ones_are_not(build, disc_png):
    client = build(images_per_minute=2)
    assert post(client, "/remove-bg", image=b"GIF89a").status_code == 415
    first = post(client, "/remove-bg", image=disc_png)
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert post(client, "/remove-bg", image=disc_png).status_code == 200
    refused = post(client, "/remove-bg", image=disc_png)
    problem(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_every_image_of_a_request_counts(build, disc_png):
    client = build(images_per_minute=2)
    parts = [(io.BytesIO(disc_png), f"{number}.png") for number in range(3)]
    headers = {"Accept": "application/json"}
    rows = client.post("/remove-bg", data={"image": parts}, headers=headers).get_json()
    assert sorted(row.get("code", "done") for row in rows) == ["done", "done", "rate_limited"]


def test_a_page_of_a_named_origin_may_read_the_answers(build, disc_png):
    client = build(origins=("https://shop.example",))
    named = {"Origin": "https://shop.example"}
    assert (
        post(client, "/remove-bg", named, image=disc_png).headers["Access-Control-Allow-Origin"]
        == "https://shop.example"
    )
    other = post(client, "/remove-bg", {"Origin": "https://evil.example"}, image=disc_png)
    assert "Access-Control-Allow-Origin" not in other.headers


def test_the_same_idempotency_key_is_answered_without_new_work(build, disc_png):
    client = build(cache_bytes=0)
    headers = {"Idempotency-Key": "order-1"}
    first = post(client, "/remove-bg", headers, image=disc_png)
    again = post(client, "/remove-bg", headers, image=disc_png)
    assert first.data == again.data
    assert first.headers["X-Cutout-Id"] == again.headers["X-Cutout-Id"]
    assert len(client.application.extensions["cutout"].model.calls) == 1
    other = post(client, "/remove-bg", headers, image=disc_png, max_size="50")
    problem(other, 422, "idempotency_mismatch")


@pytest.fixture
def images_host(disc_png):
    """A server on this machine with one image; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/a.png" else 404)
            self.end_headers()
            self.wfile.write(disc_png)

        def log_message(self, *_):
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_fetched_unless_it_is_allowed(build, images_host):
    url = f"http://{images_host}/a.png"
    body = problem(post(build(), "/remove-bg", image_url=url), 400, "download_forbidden")
    assert "file itself" in body["detail"]
    public = build(image_url_allow=("public",))
    problem(post(public, "/remove-bg", image_url=url), 400, "download_forbidden")


def test_an_image_of_an_allowed_host_is_fetched(build, images_host, disc_png):
    client = build(image_url_allow=(images_host,))
    sent = post(client, "/remove-bg", image=disc_png)
    fetched = post(client, "/remove-bg", image_url=f"http://{images_host}/a.png")
    assert fetched.data == sent.data
    behind = post(client, "/remove-bg", image=disc_png, bg_image_url=f"http://{images_host}/a.png")
    assert np.asarray(Image.open(io.BytesIO(behind.data))).shape == (120, 160, 3)
    missing = post(client, "/remove-bg", image_url=f"http://{images_host}/b.png")
    problem(missing, 400, "download_failed")


@pytest.mark.parametrize("parts", [{"image_url": "http://a/b"}, {"bg_image_url": "http://a/b"}])
def test_an_image_comes_once(build, disc_png, parts):
    client = build()
    both = {"image": disc_png, "background_image": disc_png} | parts
    problem(post(client, "/remove-bg", **both), 400, "invalid_value")


@pytest.mark.parametrize("where", ["request", "setting"])
def test_nothing_is_kept_on_disk_or_in_the_log(build, settings, disc, caplog, where):
    """The image's own bytes, its pixels' and its file name are looked for everywhere."""
    caplog.set_level("DEBUG")
    client = build(store=where != "setting")
    image = io.BytesIO()
    Image.fromarray(disc).save(image, "PNG")
    form = {"image": (image, "secret-name.png")} | ({"store": "off"} if where == "request" else {})
    image.seek(0)
    response = client.post("/remove-bg", data=form, buffered=True)
    assert response.status_code == 200
    assert "X-Cutout-Id" not in response.headers
    kept = [
        path
        for folder in (settings.upload_dir, settings.result_dir)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert not [path for path in kept if not path.name.startswith(".")]
    assert "secret-name" not in caplog.text + str([vars(record) for record in caplog.records])


def test_every_answer_names_its_recipe(client, disc_png, disc_mask):
    row = post(client, "/evaluate", image=disc_png, mask=disc_mask).get_json()
    headers = {"Accept": "application/json"}
    record = post(client, "/remove-bg", headers, image=disc_png).get_json()
    assert row["recipe"] == record["recipe"]
    dialect = client.post("/v1.0/removebg", data={"image_file": (io.BytesIO(disc_png), "a.png")})
    assert len(dialect.headers["X-Cutout-Recipe"]) == len(row["recipe"])


def test_a_recipe_names_what_the_result_depends_on(client, disc_png):
    def recipe(**options):
        return post(client, "/remove-bg", image=disc_png, **options).headers["X-Cutout-Recipe"]

    assert recipe() == recipe(format="png")
    assert len({recipe(), recipe(format="webp"), recipe(max_size="50")}) == 3
