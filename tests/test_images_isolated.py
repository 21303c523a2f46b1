"""Formats that are switched on: read in processes of their own, whatever becomes of those."""

import io
import os
import time

import numpy as np
import pytest
from conftest import image_bytes
from standin import StandIn
from test_api import problem

from app import create_app
from cutout import images
from cutout.errors import TooManyPixels, UndecodableImage
from cutout.images import isolated

LIMITS = images.Limits(100_000, (*images.KNOWN, "HEIC"), isolated=True)


def hang() -> None:
    time.sleep(60)


def crash() -> None:
    os.abort()


def exhaust() -> bytes:
    return bytes(isolated.MAX_MEMORY_BYTES)


@pytest.mark.parametrize("name", ["AVIF", "TIFF", "BMP", "GIF"])
def test_a_file_is_the_same_wherever_it_is_decoded(disc, name):
    data = image_bytes(disc, name)
    file = images.inspect(data, LIMITS)
    here = images.decode(data, images.Limits(formats=images.KNOWN))
    there = images.decode(file)
    assert file.isolated
    assert np.array_equal(there.rgb, here.rgb)
    assert not there.rgb.flags.writeable
    assert np.array_equal(
        images.decode_mask(file), images.decode_mask(data, images.Limits(formats=images.KNOWN))
    )


def test_errors_of_a_file_come_through_with_what_they_say(disc):
    with pytest.raises(TooManyPixels) as raised:
        images.inspect(image_bytes(np.tile(disc, (3, 3, 1)), "BMP"), LIMITS)
    assert raised.value.extra["allowed"] == 100_000
    with pytest.raises(UndecodableImage, match="TIFF"):
        images.inspect(b"II*\0" + bytes(100), LIMITS)


def test_formats_of_every_day_are_read_in_this_process(disc_png):
    assert not images.inspect(disc_png, LIMITS).isolated


@pytest.mark.parametrize("work", [hang, crash, exhaust])
def test_a_decoder_that_hangs_or_crashes_is_an_undecodable_image(monkeypatch, disc, work):
    isolated.run_isolated(os.getpid)
    monkeypatch.setattr(isolated, "TIMEOUT_S", 2.0)
    with pytest.raises(UndecodableImage):
        isolated.run_isolated(work)
    monkeypatch.undo()
    assert images.inspect(image_bytes(disc, "BMP"), LIMITS).header.format == "BMP"


def test_over_http_a_hanging_decoder_is_one_422(settings, disc, monkeypatch):
    app = create_app(settings.model_copy(update={"formats": ("PNG", "BMP")}), StandIn())
    client = app.test_client()

    def send():
        return client.post(
            "/remove-bg", data={"image": (io.BytesIO(image_bytes(disc, "BMP")), "a")}
        )

    assert send().status_code == 200
    run = isolated.run_isolated
    monkeypatch.setattr("cutout.images.opening.run_isolated", lambda *_: run(hang))
    monkeypatch.setattr(isolated, "TIMEOUT_S", 1.0)
    problem(send(), 422, "undecodable_image")
    monkeypatch.undo()
    assert send().status_code == 200
    app.extensions["cutout"].service.close()


def test_heic_is_read_where_its_package_is_installed(disc):
    heif = pytest.importorskip("pillow_heif", reason="requirements-heic.txt is not installed")
    file = io.BytesIO()
    heif.from_bytes("RGB", disc.shape[1::-1], disc.tobytes()).save(file, quality=-1)
    found = images.decode(images.inspect(file.getvalue(), LIMITS))
    assert found.format == "HEIC"
    assert np.abs(found.rgb.astype(int) - disc).mean() < 4
