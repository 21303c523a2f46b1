"""What a request is booked with, from the headers of its images."""

import io
import time

import numpy as np
import pytest
from conftest import image_bytes
from standin import StandIn
from test_api import problem

from app import create_app
from cutout.images import Header
from cutout.options import Options
from cutout.service import costs

MEGAPIXEL = Header("PNG", (1000, 1000))


def needs(image=MEGAPIXEL, levels=(), background=None, margin=None, **options):
    inputs = costs.Inputs(image, levels, background, margin)
    return costs.of_removal(inputs, Options(**options))


def test_every_image_of_a_request_is_counted():
    alone = needs()
    assert needs(levels=(MEGAPIXEL,)).bytes == alone.bytes + 2e6
    assert needs(background=MEGAPIXEL).bytes == alone.bytes + 14e6
    assert needs(levels=(MEGAPIXEL,) * 3).work == pytest.approx(alone.work + 0.9e6)


def test_a_large_image_beside_a_small_one_counts_by_its_own_size():
    small = Header("PNG", (10, 10))
    assert needs(small, levels=(Header("PNG", (7000, 7000)),)).bytes > 600e6


@pytest.mark.parametrize(
    "options",
    [
        {"matting": "closed-form"},
        {"matting": "knn"},
        {"quality": "best"},
        {"smooth": 2},
        {"matting": "knn", "matting_iterations": 3},
    ],
)
def test_options_that_take_time_count_as_work(options):
    assert needs(**options).work > needs().work


def test_a_result_larger_than_its_image_is_counted():
    small = Header("PNG", (10, 10))
    assert needs(small, canvas="10000x10000").bytes > 2e9
    assert needs(Header("PNG", (1, 1_000_000)), margin=((500.0, "px"),) * 4).bytes > 25e9


def test_two_bytes_a_sample_need_more():
    deep = Header("PNG", (10_000, 4000), depth=16)
    beside = needs(Header("PNG", (10, 10)), levels=(deep,))
    assert beside.bytes == 40e6 * (costs.DECODING_BYTES + costs.DEEP_BYTES)


def test_measures_are_booked_by_the_largest_group_and_the_sum_of_their_time():
    both = costs.of_measures(1_000_000, ("mask", "pysodmetrics"), overlay=False)
    alone = costs.of_measures(1_000_000, ("pysodmetrics",), overlay=False)
    assert both.bytes == alone.bytes == 96e6
    assert both.work > alone.work


@pytest.fixture
def small_memory(settings):
    app = create_app(settings.model_copy(update={"memory_bytes": 100_000_000}), StandIn())
    yield app.test_client()
    app.extensions["cutout"].service.close()


def flat(width, height):
    return io.BytesIO(image_bytes(np.full((height, width), 200, np.uint8))), "a.png"


@pytest.mark.parametrize("role", ["image", "trimap", "background_image", "keep", "erase"])
def test_what_all_memory_would_not_hold_is_refused_whatever_its_role(small_memory, role):
    """A few kB of one grey level, of 9 or 49 megapixels."""
    form = {"image": flat(100, 100), "matting": "closed-form" if role == "trimap" else "off"}
    size = (3000, 3000) if role == "image" else (7000, 7000)
    answer = small_memory.post("/remove-bg", data=form | {role: flat(*size)})
    body = problem(answer, 422, "too_much_memory")
    assert body["needed_bytes"] > body["allowed"] == 100_000_000


def test_a_large_canvas_is_refused(small_memory):
    form = {"image": flat(100, 100), "canvas": "9000x9000"}
    problem(small_memory.post("/remove-bg", data=form), 422, "too_much_memory")


@pytest.mark.parametrize("field", ["prediction", "image"])
def test_measures_of_large_maps_are_refused(small_memory, field):
    form = {field: flat(1500, 1500), "mask": flat(1500, 1500), "measures": "all"}
    problem(small_memory.post("/evaluate", data=form), 422, "too_much_memory")


def test_uploads_that_memory_does_not_hold_are_refused_until_others_are_answered(app, disc_png):
    client, limit = app.test_client(), app.extensions["cutout"].service.upload_limit
    limit.max_bytes = 10
    limit.take(1)
    post = {"image": (io.BytesIO(disc_png), "a.png")}
    problem(client.post("/remove-bg", data=post), 503, "overloaded")
    limit.give_back(1)
    post = {"image": (io.BytesIO(disc_png), "a.png")}
    assert client.post("/remove-bg", data=post).status_code == 200
    assert limit.held == 0


def test_the_overlay_is_painted_while_its_request_holds_its_place(app, disc_png, monkeypatch):
    service = app.extensions["cutout"].service
    seen = []

    def overlay(rgb, pred, truth):
        seen.append(service.queue_limit.inside)
        return np.zeros((*truth.shape, 3), np.uint8)

    monkeypatch.setattr("cutout.measures.overlay", overlay)
    form = {"image": (io.BytesIO(disc_png), "a.png"), "mask": (io.BytesIO(disc_png), "m.png")}
    answer = app.test_client().post("/evaluate", data=form | {"overlay": "on"})
    assert (answer.status_code, answer.mimetype, seen) == (200, "image/png", [1])


@pytest.mark.parametrize("field", ["image", "prediction"])
def test_the_deadline_is_checked_between_measures(settings, disc_png, monkeypatch, field):
    """The first group of measures takes longer than the deadline: the second is not begun."""
    app = create_app(settings.model_copy(update={"deadline_s": 1}), StandIn())
    begun = []

    def slow(pair, groups):
        begun.append(groups)
        time.sleep(1.1)
        return type("Values", (), {"values": {}})()

    monkeypatch.setattr("cutout.measures.score", slow)
    form = {field: (io.BytesIO(disc_png), "a.png"), "mask": (io.BytesIO(disc_png), "m.png")}
    answer = app.test_client().post("/evaluate", data=form | {"measures": "mask,soft"})
    app.extensions["cutout"].service.close()
    problem(answer, 504, "deadline_passed")
    assert begun == [("mask",)]
