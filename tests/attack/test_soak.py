"""Under load nothing grows: the short form of `python -m benchmarks.soak`, on the stand-in."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from held_server import held_server, status
from test_server import resident_mb

# Before it is measured, caches fill and libraries load.
WARM_UP, REQUESTS, MAX_GROWTH_MB = 80, 160, 15


def counts(pid: int) -> tuple[int, int]:
    """Descriptors and threads."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def grown(server, data: bytes) -> tuple[float, int, int]:
    """MB, descriptors and threads that came during the load, after a warm-up."""
    pid = server.worker
    work(server, data, WARM_UP)
    before = resident_mb(pid), *counts(pid)
    work(server, data, REQUESTS)
    after = resident_mb(pid), *counts(pid)
    return tuple(late - early for late, early in zip(after, before, strict=True))


def work(server, data: bytes, count: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        codes = set(pool.map(lambda _: status(server.send(data)), range(count)))
    assert codes <= {200, 503}
    server.until(lambda load: not load["inside"])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_memory_descriptors_and_threads_stay(tmp_path, disc_png):
    with held_server(tmp_path, cache_bytes=0, keep_s=1) as server:
        memory_mb, descriptors, threads = grown(server, disc_png)
    assert memory_mb < MAX_GROWTH_MB
    assert descriptors < 10
    assert threads < 10


def test_a_leak_would_be_found(tmp_path, disc_png):
    """The negative control: the same check on a model that keeps something of every image."""
    with held_server(tmp_path, cache_bytes=0, keep_s=1) as server:
        (tmp_path / "fault").write_text("leak")
        memory_mb, _, _ = grown(server, disc_png)
    assert memory_mb > MAX_GROWTH_MB
