"""The HTTP contract on a stand-in model: answers, records, errors."""

import io
import json
import threading
import time

import numpy as np
import pytest
from conftest import image_bytes
from PIL import Image

PROBLEM = "application/problem+json"


def post(client, path, headers=None, **parts):
    """Send a form; bytes become files. Encoded here: the test client leaves its own file open."""
    body = io.BytesIO()
    for name, value in parts.items():
        kind = f'; filename="{name}.bin"' if isinstance(value, bytes) else ""
        body.write(
            f'--edge\r\nContent-Disposition: form-data; name="{name}"{kind}\r\n\r\n'.encode()
        )
        body.write(value if isinstance(value, bytes) else value.encode())
        body.write(b"\r\n")
    body.write(b"--edge--\r\n")
    kind = "multipart/form-data; boundary=edge"
    # Read to its end and closed, as a server does: the request is logged then.
    return client.post(
        path, data=body.getvalue(), headers=headers, content_type=kind, buffered=True
    )


def problem(response, status, code):
    assert response.content_type == PROBLEM
    body = response.get_json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert "/" not in body["detail"].replace("/docs", "").replace("/evaluate", "")
    return body


def test_the_answer_is_an_rgba_png_of_the_same_size_with_the_subject_kept(client, disc, disc_png):
    response = post(client, "/remove-bg", image=disc_png)
    assert (response.status_code, response.mimetype) == (200, "image/png")
    cutout = np.asarray(Image.open(io.BytesIO(response.data)))
    assert cutout.shape == (120, 160, 4)
    assert cutout[60, 80].tolist() == [230, 200, 90, 255]
    assert cutout[0, 0].tolist() == [0, 0, 0, 0]


def test_the_result_is_stored_with_its_record_and_can_be_fetched_and_forgotten(
    client, settings, disc_png
):
    response = post(client, "/remove-bg", image=disc_png)
    name = response.headers["X-Cutout-Id"]
    assert (settings.result_dir / f"{name}.png").read_bytes() == response.data
    assert (settings.upload_dir / f"{name}.png").read_bytes() == disc_png
    record = json.loads((settings.result_dir / f"{name}.json").read_text())
    assert {"model", "device", "timings_ms", "options", "quality"} <= record.keys()
    assert {"coverage", "mean_confidence", "subject_found"} <= record["quality"].keys()
    assert client.get(f"/results/{name}").data == response.data
    assert client.delete(f"/results/{name}").status_code == 204
    problem(client.get(f"/results/{name}"), 404, "not_found")
    assert not list(settings.upload_dir.iterdir())


def test_json_is_answered_when_asked_for(client, disc_png):
    response = post(client, "/remove-bg", {"Accept": "application/json"}, image=disc_png)
    record = response.get_json()
    assert client.get(record["result"]).mimetype == "image/png"
    assert record["quality"]["subject_found"] is True


def test_headers_tell_id_quality_and_timing(client, disc_png):
    response = post(client, "/remove-bg", {"X-Request-Id": "abc-1"}, image=disc_png)
    headers = response.headers
    assert headers["X-Request-Id"] == "abc-1"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert 0.2 < float(headers["X-Cutout-Coverage"]) < 0.3
    assert {"decode", "model", "encode"} <= {
        part.split(";")[0] for part in headers["Server-Timing"].split(", ")
    }


def test_evaluate_measures_the_cutout(client, disc_png, disc_mask):
    row = post(client, "/evaluate", image=disc_png, mask=disc_mask).get_json()
    assert row["iou"] > 0.9
    assert row["iou"] == pytest.approx(row["tp"] / (row["tp"] + row["fp"] + row["fn"]))
    assert {"dice", "precision", "recall", "pixel_accuracy", "tn"} <= row.keys()


def test_a_mask_of_another_size_names_both(client, disc_png):
    small = image_bytes(np.zeros((10, 20), np.uint8))
    body = problem(post(client, "/evaluate", image=disc_png, mask=small), 400, "size_mismatch")
    assert "160 x 120" in body["detail"]
    assert "20 x 10" in body["detail"]


@pytest.mark.parametrize(
    "path, parts, status, code",
    [
        ("/remove-bg", {}, 400, "missing_field"),
        ("/remove-bg", {"image": "text"}, 400, "invalid_value"),
        ("/remove-bg", {"image": b""}, 400, "empty_file"),
        ("/remove-bg", {"image": b"<html>no image</html>"}, 415, "unsupported_type"),
        ("/evaluate", {"mask": b"x"}, 400, "missing_field"),
    ],
)
def test_bad_requests_are_named(client, path, parts, status, code):
    problem(post(client, path, **parts), status, code)


def test_an_unknown_field_is_named(client, disc_png):
    body = problem(post(client, "/remove-bg", image=disc_png, colour="red"), 400, "unknown_field")
    assert "colour" in body["detail"]


def test_a_truncated_image_is_refused_and_leaves_nothing(client, settings, disc_png):
    problem(post(client, "/remove-bg", image=disc_png[:-30]), 422, "undecodable_image")
    assert not list(settings.upload_dir.iterdir())
    assert not list(settings.result_dir.iterdir())


def test_too_many_bytes_are_refused(client, app):
    app.config["MAX_FILE_BYTES"] = 1000
    body = problem(post(client, "/remove-bg", image=b"x" * 2000), 413, "too_many_bytes")
    assert body["limit"] == 1000


def test_too_many_pixels_are_refused_from_the_header(client):
    wide = image_bytes(np.zeros((8000, 8000), bool))
    problem(post(client, "/remove-bg", image=wide), 422, "too_many_pixels")


def test_a_full_service_answers_503_and_when_to_come_back(client, app, disc_png):
    queue_limit = app.extensions["cutout"].service.queue_limit
    queue_limit.images = 0
    response = post(client, "/remove-bg", image=disc_png)
    problem(response, 503, "overloaded")
    assert int(response.headers["Retry-After"]) >= 1


def test_a_full_service_reads_no_form(client, app):
    """Whatever is in it: parsing megabytes of those who are refused would slow the others."""
    app.extensions["cutout"].service.queue_limit.images = 0
    for address in ("/remove-bg", "/evaluate"):
        problem(client.post(address, data=b"no form at all"), 503, "overloaded")
    assert client.get("/health").status_code == 200


def test_a_image_that_is_too_late_answers_504_and_leaves_nothing(client, app, settings, disc_png):
    parts = app.extensions["cutout"]
    parts.model.go.clear()
    parts.service.deadline_s = 0.05
    problem(post(client, "/remove-bg", image=disc_png), 504, "deadline_passed")
    parts.model.go.set()
    assert not list(settings.upload_dir.iterdir())


def test_a_bug_answers_500_without_internals(client, app, disc_png, monkeypatch, caplog):
    service = app.extensions["cutout"].service
    monkeypatch.setattr(service.model, "finish", lambda *_: 1 / 0)
    body = problem(post(client, "/remove-bg", image=disc_png), 500, "internal")
    assert "division" not in json.dumps(body)
    assert "ZeroDivisionError" in caplog.text
    assert not list(service.storage.upload_dir.iterdir())


@pytest.mark.parametrize(
    "method, path, status", [("get", "/nothing", 404), ("get", "/remove-bg", 405)]
)
def test_flasks_own_errors_have_the_same_shape(client, method, path, status):
    response = getattr(client, method)(path)
    assert (response.status_code, response.content_type) == (status, PROBLEM)


def test_health_tells_model_device_and_load(client):
    state = client.get("/health").get_json()
    assert state["ready"] is True
    assert state["model"]["name"] == "stand-in"
    assert state["device"]["active"] == "cpu"


def test_a_draining_service_is_not_ready_and_takes_nothing(client, app, disc_png):
    app.extensions["cutout"].service.close()
    assert client.get("/health").status_code == 503
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    problem(post(client, "/remove-bg", image=disc_png), 503, "not_ready")


def test_metrics_count_requests_and_stages(client, disc_png):
    post(client, "/remove-bg", image=disc_png)
    text = client.get("/metrics").text
    assert 'cutout_requests_total{method="POST",route="/remove-bg",status="200"} 1.0' in text
    assert 'cutout_stage_seconds_count{stage="model"} 1.0' in text


def test_metrics_tell_of_the_last_sweep(client, app):
    app.extensions["cutout"].service.storage.sweep()
    figures = dict(
        line.split()
        for line in client.get("/metrics").text.splitlines()
        if "last_sweep" in line and not line.startswith("#")
    )
    assert time.time() - 60 < float(figures["cutout_last_sweep_timestamp_seconds"]) < time.time()
    assert float(figures["cutout_last_sweep_removed_files"]) == 0


def test_many_clients_get_their_own_images(app, disc):
    failures = []

    def one(colour):
        image = np.where(disc > 100, np.uint8(colour), np.uint8(5))
        response = post(app.test_client(), "/remove-bg", image=image_bytes(image))
        if np.asarray(Image.open(io.BytesIO(response.data)))[60, 80, 0] != colour:
            failures.append(colour)

    threads = [threading.Thread(target=one, args=(colour,)) for colour in range(200, 232)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_description_is_openapi_31_and_names_the_fields_that_are_validated(client):
    spec = client.get("/openapi.json").get_json()
    assert spec["openapi"].startswith("3.1")
    form = spec["paths"]["/remove-bg"]["post"]["requestBody"]["content"]["multipart/form-data"]
    name = form["schema"]["$ref"].rsplit("/", 1)[1]
    assert "image" in spec["components"]["schemas"][name]["properties"]
    assert PROBLEM in spec["paths"]["/remove-bg"]["post"]["responses"]["415"]["content"]


def test_the_page_of_docs_needs_no_other_host(client):
    page = client.get("/docs", follow_redirects=True)
    assert page.status_code == 200
    for line in page.text.splitlines():
        assert "https://" not in line or ("<script" not in line and "<link" not in line)
    assert "swagger-ui-bundle.js" in page.text


def test_a_prediction_made_elsewhere_is_scored(client, disc_mask):
    row = post(client, "/evaluate", prediction=disc_mask, mask=disc_mask, measures="all").get_json()
    assert (row["iou"], row["paper_mae"], row["fp"]) == (1.0, 0.0, 0)
    assert {"sod_weighted_f", "boundary_iou", "sad"} <= row.keys()


def test_the_overlay_shows_what_is_wrong_in_its_own_colour(client, disc_mask):
    nothing = image_bytes(np.zeros((120, 160), np.uint8))
    response = post(client, "/evaluate", prediction=nothing, mask=disc_mask, overlay="on")
    image = np.asarray(Image.open(io.BytesIO(response.data)))
    assert response.headers["X-Cutout-Iou"] == "0.0000"
    red, green, blue = image[60, 80].astype(int)
    assert min(red, green) > blue + 60  # missed: yellow
    assert np.ptp(image[0, 0]) == 0  # right to leave out: grey


@pytest.mark.parametrize("parts", [{}, {"image": b"x", "prediction": b"x"}])
def test_evaluate_wants_an_image_or_a_prediction(client, disc_mask, parts):
    problem(post(client, "/evaluate", mask=disc_mask, **parts), 400, "missing_field")


def test_an_unknown_measure_is_named(client, disc_mask):
    response = post(client, "/evaluate", prediction=disc_mask, mask=disc_mask, measures="dice")
    assert "dice" in problem(response, 400, "invalid_value")["detail"]


def test_evaluating_needs_a_place_in_the_service_too(client, app, disc_mask):
    app.extensions["cutout"].service.queue_limit.images = 0
    response = post(client, "/evaluate", prediction=disc_mask, mask=disc_mask)
    problem(response, 503, "overloaded")
