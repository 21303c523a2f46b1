"""Mutated image files: in process through the decoders, and over HTTP in every role."""

import io
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import requests
from conftest import image_bytes
from held_server import held_server
from mutations import mutations, seeds
from test_server import resident_mb

from cutout import images
from cutout.errors import CutoutError

ALL = images.Limits(max_pixels=5_000_000, formats=images.KNOWN, max_frames=10_000)
DEFAULT = images.Limits(max_pixels=5_000_000)
MAX_CPU_S = 2.0
SIZE = (60, 80)

ROLES = {
    "image": ("/remove-bg", {}),
    "background_image": ("/remove-bg", {}),
    "trimap": ("/remove-bg", {"matting": "closed-form"}),
    "keep": ("/remove-bg", {}),
    "erase": ("/remove-bg", {}),
    "mask": ("/evaluate", {}),
    "prediction": ("/evaluate", {}),
}


@pytest.fixture(scope="module")
def files() -> tuple[bytes, ...]:
    if not seeds():
        pytest.skip("CUTOUT_DATA names no folder with odd and broken files")
    return seeds()


def decode(data: bytes, limits: images.Limits) -> None:
    """Every way into the decoders; only our own errors may come out."""
    for read in (images.decode, images.decode_mask):
        try:
            read(data, limits)
        except CutoutError as error:
            assert 400 <= error.status < 500


def fuzz(files: tuple[bytes, ...], seed: int, count: int) -> None:
    for _, data in zip(range(count), mutations(seed, files), strict=False):
        start = time.thread_time()
        decode(data, ALL if len(data) % 2 else DEFAULT)
        seconds = time.thread_time() - start
        assert seconds < MAX_CPU_S, (seed, len(data), seconds)


def test_mutated_files_are_decoded_or_refused(files):
    fuzz(files, seed=1, count=600)


@pytest.mark.attack
def test_a_hundred_thousand_mutated_files_are_decoded_or_refused(files, record_property):
    fuzz(files, seed=100, count=2000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(50):
        fuzz(files, seed, 2000)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    record_property("grown MB", round(grown_mb))
    assert grown_mb < 300


@cache
def own_seeds() -> tuple[bytes, ...]:
    """Files of one size in several formats: as masks and trimaps they pass the check of sizes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    levels = np.where((y - 30) ** 2 + (x - 40) ** 2 < 400, 255, 0).astype(np.uint8)
    levels[10:14] = 128
    colours = np.dstack([levels, levels // 2, rng.integers(0, 255, SIZE, np.uint8)])
    files = [
        image_bytes(pixels, name)
        for name in ("PNG", "JPEG", "WEBP")
        for pixels in (levels, colours)
    ]
    plain = image_bytes(levels, "PNG", compress_level=0)
    return (*files, plain, image_bytes(np.dstack([colours, levels])))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with held_server(tmp_path_factory.mktemp("fuzz")) as server:
        yield server


def send(server, role: str, data: bytes) -> tuple[int, float]:
    """Status and seconds of one request with this file in this role."""
    path, options = ROLES[role]
    good = own_seeds()[0]
    files = {role: data}
    if role != "prediction":
        files = {"image": good, **files}
    if path == "/evaluate":
        files = {"mask": good, **files}
    parts = {name: (f"{name}.png", io.BytesIO(value)) for name, value in files.items()}
    start = time.monotonic()
    answer = requests.post(server.running.address + path, data=options, files=parts, timeout=60)
    return answer.status_code, time.monotonic() - start


def fuzz_over_http(server, role: str, files: tuple[bytes, ...], count: int) -> None:
    sources = mutations(7, files), mutations(8, own_seeds())
    data = [next(sources[number % 2]) for number in range(count)]
    assert send(server, role, own_seeds()[0])[0] == 200
    before = resident_mb(server.worker)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: send(server, role, one), data))
    codes = {code for code, _ in answers}
    assert codes <= {200, 400, 413, 415, 422}, sorted(codes)
    # Some were well enough to be worked on, or nothing behind the decoders was tried. A trimap is
    # checked level by level.
    assert 200 in codes or (role == "trimap" and 422 in codes)
    assert max(seconds for _, seconds in answers) < 10
    assert resident_mb(server.worker) - before < 200


@pytest.mark.parametrize("role", ROLES)
def test_mutated_files_over_http_are_never_an_error_of_ours(server, files, role):
    fuzz_over_http(server, role, files, 60)


@pytest.mark.attack
@pytest.mark.parametrize("role", ROLES)
def test_thousands_of_mutated_files_over_http(server, files, role):
    fuzz_over_http(server, role, files, 3000)
