"""Many images with the same options: one after the other or a few at once, each on its own.

An image holds a place in the service only while it is worked on, never while it waits for
another; one that fails leaves the others alone.
"""

import contextvars
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from cutout.errors import CutoutError, Overloaded
from cutout.service.core import Service
from cutout.service.requests import RemovalRequest, RemovalResult

log = logging.getLogger(__name__)
Kept = TypeVar("Kept")
# At once of one request; others want to be served too.
AT_ONCE = 2
# Longest pause (s) before an image that found the service full asks again.
MAX_PAUSE_S = 5.0


@dataclass(frozen=True)
class Source:
    """One image of many: the name it came with, and how to read its bytes when its turn comes."""

    name: str
    size_bytes: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Outcome(Generic[Kept]):
    """What became of one image: its place in the request, and what is kept of it or the error."""

    index: int
    name: str
    kept: Kept | None = None
    error: CutoutError | None = None


def remove_many(
    service: Service,
    sources: Sequence[Source],
    request: RemovalRequest,
    keep: Callable[[RemovalResult], Kept],
) -> Iterator[Outcome[Kept]]:
    """Cut out every image with the options of `request`; outcomes come as they finish.

    request: its data is replaced by each image's. keep: makes of a result what is to outlive the
    work on it. An image that finds the service full waits without holding a place or its bytes,
    for as long as one image may take (`service.deadline_s`). Closing the iterator ends the work
    that has not begun.
    """

    def work(source: Source) -> Kept:
        return keep(_when_free(service, source, request))

    waiting = iter(enumerate(sources))
    running: dict[Future[Kept], int] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="many") as pool:
        while True:
            for index, source in itertools.islice(waiting, AT_ONCE - len(running)):
                # A copy for each: spans of the image lie below that of the request.
                context = contextvars.copy_context()
                running[pool.submit(context.run, work, source)] = index
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                index = running.pop(future)
                yield _outcome(future, index, sources[index].name)


def _outcome(future: Future[Kept], index: int, name: str) -> Outcome[Kept]:
    """What a finished future says; an unexpected error is logged and costs this image alone."""
    error = future.exception()
    if error is None:
        return Outcome(index, name, future.result())
    if not isinstance(error, CutoutError):
        log.error("unexpected error in image %d of several", index, exc_info=error)
        error = CutoutError("Something went wrong here; the log has it under the request id.")
    return Outcome(index, name, error=error)


def _when_free(service: Service, source: Source, request: RemovalRequest) -> RemovalResult:
    """The result, asked for again while the service is full, until the deadline of one image.

    The image is read anew each time: nothing of it is in memory while it waits.
    """
    deadline = time.monotonic() + service.deadline_s
    while True:
        try:
            with service.upload_limit.hold(source.size_bytes, request.client):
                return service.remove(replace(request, data=source.read()))
        except Overloaded as full:
            pause = min(full.retry_after or 1, MAX_PAUSE_S)
            if not request.wanted() or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
