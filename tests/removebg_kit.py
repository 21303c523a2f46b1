"""What the tests of the remove.bg dialect share: requests, answers, an image with a subject."""

import io
import zipfile

import numpy as np
from PIL import Image
from urllib3 import encode_multipart_formdata

URL = "/v1.0/removebg"
BRIGHT, DARK = (230, 200, 190), (20, 30, 40)
# Top, left, height, width of the subject in `scene()`.
BOX = (30, 40, 60, 80)


def send(client, image=None, headers=None, background=None, **fields):
    """A multipart form; `image` is a file's bytes."""
    parts = [(name, str(value)) for name, value in fields.items()]
    if image is not None:
        parts.append(("image_file", ("photo.jpg", image)))
    if background is not None:
        parts.append(("bg_image_file", ("back.jpg", background)))
    body, kind = encode_multipart_formdata(parts)
    return client.post(URL, data=body, content_type=kind, headers=headers)


def scene(height=120, width=160, box=BOX) -> np.ndarray:
    """A bright rectangle (top, left, height, width) on a dark ground."""
    rgb = np.full((height, width, 3), DARK, np.uint8)
    top, left, rows, columns = box
    rgb[top : top + rows, left : left + columns] = BRIGHT
    return rgb


def opened(response) -> Image.Image:
    assert response.status_code == 200, response.data
    return Image.open(io.BytesIO(response.data))


def pixels(response) -> np.ndarray:
    return np.asarray(opened(response))


def error(response, status, code):
    """The first error of an answer, whose shape is checked."""
    assert response.status_code == status, response.data
    assert response.content_type == "application/json"
    entries = response.get_json()["errors"]
    assert entries
    assert all(isinstance(value, str) and value for value in entries[0].values())
    assert set(entries[0]) == {"title", "code", "detail"}
    assert entries[0]["code"] == code
    return entries[0]


def entries(response) -> dict[str, Image.Image]:
    assert response.status_code == 200, response.data
    assert response.content_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        listed = archive.infolist()
        assert [entry.filename for entry in listed] == ["color.jpg", "alpha.png"]
        assert {entry.compress_type for entry in listed} == {zipfile.ZIP_STORED}
        return {entry.filename: Image.open(io.BytesIO(archive.read(entry))) for entry in listed}


def box_headers(response) -> tuple[int, ...]:
    return tuple(
        int(response.headers[f"X-Foreground-{side}"]) for side in ("Top", "Left", "Height", "Width")
    )
