"""`keep` and `erase` over HTTP: files beside the image, the cached map, errors, real weights."""

import io
import json

import numpy as np
import pytest
from conftest import image_bytes
from PIL import Image
from test_api import post, problem

SIZE = (120, 160)


@pytest.fixture
def pair_png():
    """A bright disc and a bright square, both subject to the stand-in, on a dark ground."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    rgb = np.full((*SIZE, 3), (20, 30, 40), np.uint8)
    rgb[(y - 60) ** 2 + (x - 45) ** 2 < 30**2] = 230, 200, 90
    rgb[30:90, 100:150] = 120, 160, 230
    return image_bytes(rgb)


def stroke(rows, columns, size=SIZE):
    plane = np.zeros(size, np.uint8)
    plane[slice(*rows), slice(*columns)] = 255
    return image_bytes(plane)


IN_THE_SQUARE = stroke((40, 80), (120, 130))


def alpha_of(response):
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(io.BytesIO(response.data)))[..., 3]


def test_a_second_request_with_a_stroke_asks_the_model_for_nothing(client, app, pair_png):
    first = post(client, "/remove-bg", image=pair_png)
    second = post(client, "/remove-bg", image=pair_png, erase=IN_THE_SQUARE)
    assert [r.headers["X-Cutout-Cache"] for r in (first, second)] == ["miss", "hit"]
    assert app.extensions["cutout"].service.model.calls == [1]
    before, after = alpha_of(first), alpha_of(second)
    assert before[35:85, 105:145].min() > 200
    assert after[35:85, 105:145].max() < 30
    np.testing.assert_array_equal(after[:, :80], before[:, :80])
    assert "hints" in second.headers["Server-Timing"]
    assert "hints" not in first.headers["Server-Timing"]


def test_strokes_of_another_size_are_scaled(client, pair_png):
    large = stroke((400, 800), (1200, 1300), (1200, 1600))
    same = post(client, "/remove-bg", image=pair_png, erase=IN_THE_SQUARE)
    other = post(client, "/remove-bg", image=pair_png, erase=large)
    assert np.array_equal(alpha_of(same), alpha_of(other))


def test_strokes_on_a_transparent_canvas_are_read_by_their_alpha(client, pair_png):
    canvas = np.zeros((*SIZE, 4), np.uint8)
    canvas[40:80, 120:130] = 255, 0, 0, 255
    drawn = post(client, "/remove-bg", image=pair_png, erase=image_bytes(canvas))
    grey = post(client, "/remove-bg", image=pair_png, erase=IN_THE_SQUARE)
    assert np.array_equal(alpha_of(drawn), alpha_of(grey))


def test_the_record_says_whether_a_person_corrected_the_map(client, settings, pair_png):
    for parts, expected in [({}, False), ({"keep": stroke((55, 65), (40, 50))}, True)]:
        response = post(client, "/remove-bg", image=pair_png, **parts)
        file = settings.result_dir / f"{response.headers['X-Cutout-Id']}.json"
        assert json.loads(file.read_text())["hints"] is expected


def test_quality_is_that_of_the_final_matte_by_the_corrected_map(client, pair_png):
    first = post(client, "/remove-bg", image=pair_png).headers
    second = post(client, "/remove-bg", image=pair_png, erase=IN_THE_SQUARE).headers
    assert float(second["X-Cutout-Coverage"]) < float(first["X-Cutout-Coverage"])
    assert "parts_lost" not in second["X-Cutout-Flags"]
    assert float(second["X-Cutout-Predicted-Iou"]) > 0.5


def test_evaluate_measures_what_strokes_bring(client, pair_png):
    truth = np.zeros(SIZE, np.uint8)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    truth[(y - 60) ** 2 + (x - 45) ** 2 < 30**2] = 255
    parts = {"image": pair_png, "mask": image_bytes(truth)}
    before = post(client, "/evaluate", **parts).get_json()
    after = post(client, "/evaluate", **parts, erase=IN_THE_SQUARE).get_json()
    assert (before["hints"], after["hints"]) == (False, True)
    assert before["iou"] < 0.55 < 0.9 < after["iou"]


def test_a_kept_subject_is_answered_where_the_model_found_none(client):
    grey = np.full((60, 80, 3), 30, np.uint8)
    grey[20:40, 30:50] = 60, 40, 30
    keep = stroke((25, 35), (35, 45), (60, 80))
    parts = {"image": image_bytes(grey), "on_no_subject": "error"}
    problem(post(client, "/remove-bg", **parts), 422, "no_subject")
    alpha = alpha_of(post(client, "/remove-bg", **parts, keep=keep))
    assert (alpha[26:34, 36:44] == 255).all()


def test_hints_work_with_matting(client, pair_png):
    parts = {"image": pair_png, "erase": IN_THE_SQUARE, "matting": "closed-form"}
    alpha = alpha_of(post(client, "/remove-bg", **parts))
    assert alpha[40:80, 110:140].max() < 30
    assert alpha[50:70, 35:55].min() > 200


@pytest.mark.parametrize("field", ["keep", "erase"])
@pytest.mark.parametrize(
    "data, status, code",
    [
        ("text", 400, "invalid_value"),
        (b"", 400, "empty_file"),
        (b"<html>no image</html>", 415, "unsupported_type"),
    ],
)
def test_a_bad_file_of_strokes_is_refused(client, disc_png, field, data, status, code):
    problem(post(client, "/remove-bg", image=disc_png, **{field: data}), status, code)


def test_strokes_without_removal_are_refused(client, disc_png):
    parts = {"image": disc_png, "remove": "off", "keep": IN_THE_SQUARE}
    body = problem(post(client, "/remove-bg", **parts), 400, "invalid_value")
    assert body["field"] == "remove"


@pytest.mark.parametrize("field", ["keep", "erase"])
def test_strokes_go_with_one_image_only(client, disc_png, field):
    data = {
        "image": [(io.BytesIO(disc_png), "a.png"), (io.BytesIO(disc_png), "b.png")],
        field: (io.BytesIO(IN_THE_SQUARE), "s.png"),
    }
    body = problem(client.post("/remove-bg", data=data, buffered=True), 400, "invalid_value")
    assert body["field"] == field


@pytest.mark.weights
@pytest.mark.parametrize(
    "name, field, rows, columns",
    [("0733", "keep", (165, 185), (200, 370)), ("0804", "erase", (210, 310), (82, 90))],
)
def test_one_stroke_corrects_a_photograph(real_app, data_dir, name, field, rows, columns):
    """ECSSD: the model misses a large part of one subject, and adds one to the other."""
    folder, client = data_dir / "ecssd300", real_app.test_client()
    mask = (folder / "mask" / f"{name}.png").read_bytes()
    size = Image.open(io.BytesIO(mask)).size[::-1]
    parts = {"image": (folder / "image" / f"{name}.jpg").read_bytes(), "mask": mask}
    before = post(client, "/evaluate", **parts).get_json()
    after = post(client, "/evaluate", **parts, **{field: stroke(rows, columns, size)}).get_json()
    assert after["iou"] > before["iou"] + 0.08
    assert after["timings_ms"].get("model", 0) == 0
