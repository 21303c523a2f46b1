"""The processor's cores: how many this process may use, and work on rows spread over them."""

import functools
import itertools
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
# Rows of an image for which another thread pays, in light work on every pixel.
MIN_CHUNK_ROWS = 256
FINE_CHUNK_ROWS = 256


def usable_cores(quota: Path = QUOTA) -> int:
    """Cores this process may use: its affinity, less where a container's quota is smaller.

    Libraries count the host's cores and would start far more threads than may run at once.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    allowed = allowed or 1
    if quota.is_file():
        share, _, period = quota.read_text().strip().partition(" ")
        if share != "max":
            allowed = min(allowed, math.ceil(int(share) / int(period)))
    return max(allowed, 1)


def row_chunks(rows: int, min_rows: int, max_chunks: int | None = None) -> list[slice]:
    """Cut `rows` into equal chunks of `min_rows` or more: one a core, or at most `max_chunks`."""
    count = max(1, min(rows // min_rows, max_chunks or usable_cores()))
    edges = [rows * number // count for number in range(count + 1)]
    return [slice(top, end) for top, end in itertools.pairwise(edges)]


def fine_row_chunks(rows: int) -> list[slice]:
    """Cut `rows` into chunks of FINE_CHUNK_ROWS or more, for work that makes many arrays a pixel.

    Those of a small chunk stay in the core's cache: a quarter less time on an image full of soft
    edges, the same on others. Chunks of 64 rows cost others a sixth more.
    """
    return row_chunks(rows, FINE_CHUNK_ROWS, rows)


def parallel_map(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """`work` of every part (one at least), at once where cores are free: the results in order.

    For array work that releases the interpreter's lock. The pool's threads begin at the first
    part, the calling thread at the last, until they meet: a call never waits for threads that are
    busy with another image. The first error is raised, after every part has ended.
    """
    submitted = [_pool().submit(work, part) for part in parts[:-1]]
    try:
        own_results = [work(parts[-1])]
        while submitted and submitted[-1].cancel():
            submitted.pop()
            own_results.append(work(parts[len(submitted)]))
        return [*(future.result() for future in submitted), *reversed(own_results)]
    finally:
        for future in submitted:
            if not future.cancel():
                future.exception()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Threads of the whole process, made at first use: after a server has forked."""
    return ThreadPoolExecutor(max(1, usable_cores() - 1), thread_name_prefix="parallel_map")
