"""File parts of a form: those that were left empty, and files that are empty."""

import pytest
from test_api import problem

EDGE = "edge"


def part(name, data=b"", file_name=""):
    """One file part of a multipart body, as browsers send it. RFC 7578."""
    top = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"'
    kind = "Content-Type: application/octet-stream"
    return f"--{EDGE}\r\n{top}\r\n{kind}\r\n\r\n".encode() + data + b"\r\n"


def post(client, path, *parts):
    body = b"".join(parts) + f"--{EDGE}--\r\n".encode()
    kind = f"multipart/form-data; boundary={EDGE}"
    return client.post(path, data=body, content_type=kind, buffered=True)


def test_optional_files_left_empty_are_not_given(client, disc_png):
    image = part("image", disc_png, "a.png")
    response = post(client, "/remove-bg", image, part("trimap"), part("background_image"))
    assert response.status_code == 200


def test_evaluate_takes_the_one_that_is_given(client, disc_png, disc_mask):
    mask = part("mask", disc_mask, "m.png")
    response = post(client, "/evaluate", part("image", disc_png, "a.png"), part("prediction"), mask)
    assert response.get_json()["iou"] > 0.9
    response = post(
        client, "/evaluate", part("image"), part("prediction", disc_mask, "p.png"), mask
    )
    assert response.get_json()["iou"] == 1


@pytest.mark.parametrize("path, field", [("/remove-bg", "image"), ("/evaluate", "mask")])
def test_a_required_file_left_empty_is_missing(client, disc_png, path, field):
    given = [part("image", disc_png, "a.png")] if field != "image" else []
    body = problem(post(client, path, part(field), *given), 400, "missing_field")
    assert body["field"] == field


def test_neither_image_nor_prediction_is_missing(client, disc_mask):
    mask = part("mask", disc_mask, "m.png")
    response = post(client, "/evaluate", part("image"), part("prediction"), mask)
    problem(response, 400, "missing_field")


@pytest.mark.parametrize("field", ["image", "trimap", "background_image"])
def test_a_named_file_without_bytes_is_an_empty_file(client, disc_png, field):
    files = {"image": (disc_png, "a.png"), field: (b"", "empty.png")}
    response = post(client, "/remove-bg", *[part(name, *file) for name, file in files.items()])
    body = problem(response, 400, "empty_file")
    assert body["field"] == field


def test_a_file_without_a_name_but_with_bytes_is_given(client, disc_png):
    assert post(client, "/remove-bg", part("image", disc_png)).status_code == 200
