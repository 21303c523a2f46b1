"""The processor's cores: how many are ours, and array work spread over them in bands of rows."""

import functools
import itertools
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
# Rows of a picture for which a helper pays, in light work on every pixel.
MIN_CHUNK_ROWS = 256
FINE_CHUNK_ROWS = 256


def usable_cores(quota: Path = QUOTA) -> int:
    """Cores this process may use: its affinity, less where a container's quota is smaller.

    Libraries count the host's cores and would start far more threads than may run at once.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if quota.is_file():
        share, _, period = quota.read_text().strip().partition(" ")
        if share != "max":
            allowed = min(allowed, math.ceil(int(share) / int(period)))
    return max(allowed or 1, 1)


def row_chunks(rows: int, least: int, most: int | None = None) -> list[slice]:
    """Cut `rows` into equal bands of `least` rows or more: one a core, or at most `most`."""
    count = max(1, min(rows // least, most or usable_cores()))
    edges = [rows * place // count for place in range(count + 1)]
    return [slice(top, end) for top, end in itertools.pairwise(edges)]


def fine_row_chunks(rows: int) -> list[slice]:
    """Cut `rows` into bands of STRIP rows or a few more, for work that makes many arrays a pixel.

    Those of a strip stay nearer to the core: a quarter less time on a picture full of soft edges,
    the same on others. Strips of 64 rows cost others a sixth more.
    """
    return row_chunks(rows, FINE_CHUNK_ROWS, rows)


def parallel_map(work: Callable[[Part], Done], parts: Sequence[Part]) -> list[Done]:
    """`work` of every part (one at least), at once where cores are free: the results in order.

    For array work that lets go of the interpreter's lock. Helpers begin at the first part, the
    caller at the last, until they meet: nobody waits for helpers that are busy with another
    picture. The first error is raised, after every part has ended.
    """
    begun = [_pool().submit(work, part) for part in parts[:-1]]
    try:
        mine = [work(parts[-1])]
        while begun and begun[-1].cancel():
            begun.pop()
            mine.append(work(parts[len(begun)]))
        return [*(other.result() for other in begun), *reversed(mine)]
    finally:
        for other in begun:
            if not other.cancel():
                other.exception()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Threads of the whole process, made at first use: after a server has forked."""
    return ThreadPoolExecutor(max(1, usable_cores() - 1), thread_name_prefix="band")
