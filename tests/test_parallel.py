"""Cores that this process may use, and work spread over them."""

import threading

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cutout import parallel
from cutout.compose.straight_alpha import compose
from cutout.parallel import parallel_map, row_chunks, usable_cores
from cutout.resampling import lanczos


@pytest.fixture
def eight_cores(monkeypatch):
    """The scheduler lets this process use eight cores, whatever this machine has."""
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda process: set(range(8)))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("50000 100000", 1),
        ("100000 100000", 1),
        # A share of a core is one more thread: rounding down would leave it unused.
        ("150000 100000", 2),
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("60000 20000", 3),
        ("1600000 100000", 8),
        ("max 100000", 8),
    ],
)
def test_a_containers_quota_limits_the_cores(tmp_path, eight_cores, text, expected):
    quota = tmp_path / "cpu.max"
    quota.write_text(text + "\n")
    assert usable_cores(quota) == expected


def test_without_a_quota_every_core_of_the_affinity_counts(tmp_path, eight_cores):
    assert usable_cores(tmp_path / "missing") == 8


@pytest.mark.parametrize(
    "rows, min_rows, max_chunks", [(1, 64, 8), (320, 64, 3), (999, 256, 64), (7, 2, 9)]
)
def test_chunks_cover_every_row_once(rows, min_rows, max_chunks):
    chunks = row_chunks(rows, min_rows, max_chunks)
    assert [row for chunk in chunks for row in range(rows)[chunk]] == list(range(rows))
    assert len(chunks) <= max_chunks
    assert len(chunks) == 1 or min(chunk.stop - chunk.start for chunk in chunks) >= min_rows


def test_results_are_in_the_order_of_the_parts():
    parts = row_chunks(40, 1, 40)
    assert parallel_map(lambda part: part.start, parts) == list(range(40))


def test_parts_run_at_the_same_time(monkeypatch):
    monkeypatch.setattr(parallel, "_pool", lambda: pool)
    together = threading.Barrier(2)
    with parallel.ThreadPoolExecutor(1) as pool:
        parallel_map(lambda part: together.wait(timeout=10), row_chunks(2, 1, 2))


def test_the_calling_thread_runs_what_no_other_has_begun(monkeypatch):
    """A pool that is busy with another image must not keep this one waiting."""
    monkeypatch.setattr(parallel, "_pool", lambda: pool)
    free = threading.Event()
    with parallel.ThreadPoolExecutor(1) as pool:
        pool.submit(free.wait, 30)
        own = parallel_map(lambda part: threading.get_ident(), row_chunks(4, 1, 4))
        free.set()
    assert set(own) == {threading.get_ident()}


def test_the_calling_thread_goes_on_while_another_works(monkeypatch):
    """One part takes as long as all others: the calling thread runs them, then waits for it."""
    monkeypatch.setattr(parallel, "_pool", lambda: pool)
    others = threading.Semaphore(0)

    def work(part):
        if part.start:
            others.release()
        else:
            for _ in range(5):
                assert others.acquire(timeout=10)
        return part.start

    with parallel.ThreadPoolExecutor(1) as pool:
        assert parallel_map(work, row_chunks(6, 1, 6)) == list(range(6))


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_an_error_in_a_part_is_raised_after_all_have_ended(bad):
    running = []

    def work(part):
        running.append(part.start)
        try:
            if part.start == bad:
                raise ZeroDivisionError(bad)
        finally:
            running.remove(part.start)

    with pytest.raises(ZeroDivisionError):
        parallel_map(work, row_chunks(4, 1, 4))
    assert not running


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("size", [(320, 320), (213, 320), (320, 213), (512, 512)])
@pytest.mark.parametrize("shape", [(600, 900), (900, 600), (512, 512), (301, 77), (40, 3000)])
def test_images_scaled_in_parts_are_pillows(monkeypatch, shape, size, count):
    """Parts may differ from one piece by the rounding of a coordinate, never by more."""
    monkeypatch.setattr(
        "cutout.resampling.row_chunks", lambda rows, least: row_chunks(rows, 16, count)
    )
    image = np.asarray(Image.fromarray(data.astronaut()).resize(shape[::-1]))
    assert_pillows(image, size)


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("size", [(900, 1200), (1200, 900), (1, 1), (700, 150), (1500, 80)])
@pytest.mark.parametrize("shape", [(320, 320), (213, 320), (320, 213)])
def test_maps_scaled_in_parts_are_pillows(monkeypatch, shape, size, count):
    monkeypatch.setattr(
        "cutout.resampling.row_chunks", lambda rows, least: row_chunks(rows, 16, count)
    )
    assert_pillows(data.astronaut()[: shape[0], : shape[1], 1], size)


def assert_pillows(image, size):
    whole = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
    apart = np.abs(lanczos(image, size) - np.asarray(whole, np.int16))
    assert apart.max() <= 1
    assert np.count_nonzero(apart) <= 1e-3 * apart.size


def test_composing_in_chunks_is_composing_in_one_piece(monkeypatch):
    rgb = data.astronaut()
    alpha = np.random.default_rng(1).uniform(-0.2, 1.2, rgb.shape[:2]).astype(np.float32)
    whole = compose(rgb, alpha)
    monkeypatch.setattr(
        "cutout.compose.straight_alpha.row_chunks", lambda rows, least: row_chunks(rows, 1, 11)
    )
    np.testing.assert_array_equal(compose(rgb, alpha), whole)
