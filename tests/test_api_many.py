"""Several images or a ZIP of them in one request."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from test_api import problem
from test_archives import packed

BROKEN = b"\x89PNG\r\n\x1a\n" + bytes(100)


def send(client, files, headers=None, **options):
    """A form with several images; each is (name, bytes)."""
    parts = [(io.BytesIO(data), name) for name, data in files]
    form = {"image": parts, **options}
    return client.post("/remove-bg", data=form, headers=headers, buffered=True)


def unpacked(response):
    assert (response.status_code, response.mimetype) == (200, "application/zip"), response.text
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        return {one.filename: archive.read(one) for one in archive.infolist()}


def test_several_images_become_a_zip_with_their_names(client, disc_png):
    single = client.post("/remove-bg", data={"image": (io.BytesIO(disc_png), "a.png")}).data
    files = unpacked(send(client, [("SKU-1.jpg", disc_png), ("x/SKU-2.png", disc_png)]))
    assert files == {"SKU-1.png": single, "SKU-2.png": single}


def test_a_zip_of_50_with_three_broken_ones_gives_47_and_the_reasons(client, disc_png):
    names = [f"p{number:02}.png" for number in range(50)]
    data = {7: BROKEN, 20: b"GIF89a", 33: b""}
    archive = packed([(name, data.get(i, disc_png)) for i, name in enumerate(names)])
    files = unpacked(send(client, [("all.zip", archive.getvalue())]))
    errors = json.loads(files.pop("errors.json"))
    assert {(one["name"], one["status"]) for one in errors} == {
        ("p07.png", 422),
        ("p20.png", 415),
        ("p33.png", 400),
    }
    assert files.keys() == {name for i, name in enumerate(names) if i not in data}


def test_options_hold_for_every_image(client, disc_png):
    files = unpacked(
        send(client, [("a.png", disc_png), ("b.png", disc_png)], max_size="80", format="webp")
    )
    assert {Image.open(io.BytesIO(data)).size for data in files.values()} == {(80, 60)}
    assert files.keys() == {"a.webp", "b.webp"}


def test_json_gives_the_records_in_the_order_of_the_images(client, disc_png):
    response = send(
        client,
        [("a.png", disc_png), ("b.png", BROKEN), ("c.png", disc_png)],
        {"Accept": "application/json"},
    )
    rows = response.get_json()
    assert [row["name"] for row in rows] == ["a.png", "b.png", "c.png"]
    assert rows[1]["code"] == "undecodable_image"
    assert client.get(rows[2]["result"]).mimetype == "image/png"


def test_a_wrong_option_is_refused_before_any_image_is_read(client, app, disc_png):
    response = send(client, [("a.png", disc_png), ("b.png", disc_png)], background="nocolour")
    problem(response, 400, "invalid_value")
    assert not app.extensions["cutout"].model.calls


@pytest.mark.parametrize("count", [101])
def test_too_many_images_are_refused(client, count):
    problem(send(client, [("a.png", b"x")] * count), 400, "invalid_request")


def test_an_archive_among_images_is_refused(client, disc_png):
    archive = packed([("a.png", disc_png)]).getvalue()
    problem(send(client, [("a.zip", archive), ("b.png", disc_png)]), 400, "invalid_request")


def test_a_file_over_the_limit_is_one_error_and_the_others_are_done(client, app, disc_png):
    app.config["MAX_FILE_BYTES"] = len(disc_png)
    noise = np.random.default_rng(1).integers(0, 255, 2 * len(disc_png), np.uint8).tobytes()
    files = unpacked(send(client, [("a.png", disc_png), ("b.png", noise)]))
    assert json.loads(files["errors.json"])[0]["code"] == "too_many_bytes"
    assert "a.png" in files


def test_an_image_waits_without_a_place_while_the_service_is_full(client, app, disc_png):
    """One place for two images: neither holds it while it waits for the other."""
    app.extensions["cutout"].service.queue_limit.images = 1
    files = unpacked(send(client, [(f"{i}.png", disc_png) for i in range(3)]))
    assert files.keys() == {"0.png", "1.png", "2.png"}
