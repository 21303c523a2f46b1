"""Decoders that may hang or crash, run in processes of their own that can be killed.

JPEG, PNG and WebP are read in this process: their decoders are fuzzed by many. The others are
switched on by an operator, and a file that makes one loop or crash costs that file alone.
"""

import atexit
import functools
import sys
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from cutout.errors import UndecodableImage

if TYPE_CHECKING:
    from pebble import ProcessPool

Answer = TypeVar("Answer")
IN_PROCESS = ("JPEG", "PNG", "WEBP")
PROCESSES = 2
# Of one file, and of the start of a process, which imports the decoders.
TIMEOUT_S = 20.0
# Address space of each process; a decoder that wants more raises MemoryError.
MAX_MEMORY_BYTES = 6_000_000_000


def run_isolated(work: Callable[..., Answer], *arguments: Any) -> Answer:
    """The result of `work`, called in another process; arguments and result are pickled.

    Raises what `work` raises, and UndecodableImage when it takes longer than TIMEOUT_S or its
    process ends.
    """
    from pebble import ProcessExpired

    future = _pool().schedule(work, args=arguments, timeout=TIMEOUT_S)
    try:
        answer: Answer = future.result()
        return answer
    except FutureTimeout:
        raise UndecodableImage("The file takes too long to decode.") from None
    except ProcessExpired:
        raise UndecodableImage("The file makes its decoder fail.") from None
    except MemoryError:
        raise UndecodableImage("The file needs too much memory to decode.") from None


@functools.cache
def _pool() -> "ProcessPool":
    """Made at first use, after a server has forked; spawned, for threads and CUDA break a fork."""
    from pebble import ProcessPool

    # pebble's types name the contexts of POSIX alone.
    context: Any = get_context("spawn")
    pool = ProcessPool(PROCESSES, initializer=_limit_memory, context=context)
    atexit.register(_close, pool)
    return pool


def _close(pool: "ProcessPool") -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _limit_memory() -> None:
    """Windows has no such limit."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, most))
