"""Under load nothing grows: the short form of `python -m benchmarks.soak`, on the stand-in."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from held_server import held_server, status
from test_server import resident_mb

# Before it is measured, caches fill and libraries load.
WARM_UP, REQUESTS, MAX_GROWTH_MB = 80, 160, 15


def counts(pid: int) -> tuple[int, int]:
    """Descriptors and threads."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Warm: the caches are full and the libraries loaded."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("reads /proc")
    with held_server(tmp_path_factory.mktemp("soak"), cache_bytes=0, keep_s=1) as server:
        work(server, image(), WARM_UP)
        yield server


def image() -> bytes:
    return image_bytes(np.full((60, 80, 3), 200, np.uint8))


def grown(server) -> tuple[float, int, int]:
    """MB, descriptors and threads that came during the load."""
    pid = server.worker
    before = resident_mb(pid), *counts(pid)
    work(server, image(), REQUESTS)
    after = resident_mb(pid), *counts(pid)
    return tuple(late - early for late, early in zip(after, before, strict=True))


def work(server, data: bytes, count: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        codes = set(pool.map(lambda _: status(server.send(data)), range(count)))
    assert codes <= {200, 503}
    server.until(lambda load: not load["inside"])


def test_memory_descriptors_and_threads_stay(server):
    memory_mb, descriptors, threads = grown(server)
    assert memory_mb < MAX_GROWTH_MB
    assert descriptors < 10
    assert threads < 10


def test_a_leak_would_be_found(server):
    """The negative control: the same check on a model that keeps something of every image."""
    fault = server.folder / "fault"
    fault.write_text("leak")
    memory_mb, _, _ = grown(server)
    fault.unlink()
    assert memory_mb > MAX_GROWTH_MB
