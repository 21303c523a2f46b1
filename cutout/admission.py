"""Limits on what is inside the service at once: who is let in, and whose pixels are in memory."""

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from cutout.errors import DeadlinePassed, Overloaded

# What an image costs beside its pixels, in megapixels: the model's pass, the same for every size.
FIXED_MEGAPIXELS = 4.0
# Share of the past that still counts after each finished image.
MEMORY = 0.9


class Throughput:
    """Seconds that a megapixel of work takes while the service is busy, newer ones counting more.

    Work, not images: one large image says nothing of how long the next small one takes.
    """

    def __init__(self, seconds_per_megapixel: float = 0.0) -> None:
        """Begin with an estimate, or 0 for unknown: then nobody is refused for being too late."""
        self._seconds, self._work = seconds_per_megapixel, float(seconds_per_megapixel > 0)

    @property
    def seconds_per_megapixel(self) -> float:
        """The estimate; 0 before anything has finished."""
        return self._seconds / self._work if self._work else 0.0

    def learn(self, seconds: float, work: float) -> None:
        """Take in that `work` megapixels left the service `seconds` after the ones before."""
        self._seconds = MEMORY * self._seconds + seconds
        self._work = MEMORY * self._work + work


class QueueLimit:
    """Lets images in by count, by megapixels and by the wait to expect; else Overloaded.

    An image that would surely be too late is refused at once, with the time to come back, rather
    than after it has waited in vain.
    """

    def __init__(
        self,
        images: int,
        megapixels: float,
        max_expected_wait_s: float = float("inf"),
        throughput: Throughput | None = None,
    ) -> None:
        """A single image is always let in, however large."""
        self.images, self.megapixels = images, megapixels
        self.max_expected_wait_s = max_expected_wait_s
        self.throughput = throughput or Throughput()
        self.inside, self.inside_megapixels, self.refused = 0, 0.0, 0
        self._since = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, pixels: int) -> Iterator[None]:
        """Hold a place for an image of `pixels` while the block runs."""
        size = pixels / 1e6
        with self._lock:
            self._refuse_or_count(size)
        finished = False
        try:
            yield
            finished = True
        finally:
            with self._lock:
                self.inside -= 1
                self.inside_megapixels -= size
                # Images that failed say nothing of the time a good one takes.
                if finished:
                    self._learn(size)

    def refuse_early(self) -> None:
        """Raise Overloaded if not even the smallest image would be let in now."""
        with self._lock:
            if self._is_full() or self._is_too_late(0):
                self._refuse()

    def expected_wait_s(self, size: float) -> float:
        """Seconds until an image of `size` megapixels would be finished, all others before it."""
        return self._seconds_for(self.inside_megapixels + size, self.inside + 1)

    def _seconds_for(self, megapixels: float, images: int) -> float:
        work = megapixels + FIXED_MEGAPIXELS * images
        return work * self.throughput.seconds_per_megapixel

    def _refuse_or_count(self, size: float) -> None:
        crowded = self.inside_megapixels + size > self.megapixels or self._is_too_late(size)
        if self._is_full() or (self.inside and crowded):
            self._refuse()
        if not self.inside:
            self._since = time.monotonic()
        self.inside += 1
        self.inside_megapixels += size

    def _is_full(self) -> bool:
        return self.inside >= self.images

    def _is_too_late(self, size: float) -> bool:
        return self.inside > 0 and self.expected_wait_s(size) > self.max_expected_wait_s

    def _refuse(self) -> None:
        self.refused += 1
        error = Overloaded("The service is full; try again in a moment.")
        # By then most of what is inside has left; later would leave the model idle. Spread, or
        # those refused together would come back together, each with megabytes to read.
        seconds = random.uniform(0.4, 1) * self._seconds_for(self.inside_megapixels, self.inside)
        error.retry_after = max(1, min(30, round(seconds)))
        raise error

    def _learn(self, size: float) -> None:
        now = time.monotonic()
        self.throughput.learn(now - self._since, size + FIXED_MEGAPIXELS)
        self._since = now


class ConcurrencyLimit:
    """Bounds the images whose pixels are in memory; the others wait in order of arrival."""

    def __init__(self, places: int, megapixels: float) -> None:
        """A single image larger than `megapixels` goes in when it is alone."""
        self.places, self.megapixels = places, megapixels
        self._inside, self._inside_megapixels = 0, 0.0
        self._waiting: deque[object] = deque()
        self._change = threading.Condition()

    @contextmanager
    def enter(self, pixels: int, deadline: float) -> Iterator[float]:
        """Wait for a place (until `deadline`, monotonic seconds) and hold it during the block.

        Gives the seconds waited. Raises DeadlinePassed.
        """
        size, start = pixels / 1e6, time.monotonic()
        self._wait(size, deadline)
        try:
            yield time.monotonic() - start
        finally:
            with self._change:
                self._inside -= 1
                self._inside_megapixels -= size
                self._change.notify_all()

    def _wait(self, size: float, deadline: float) -> None:
        me = object()
        with self._change:
            self._waiting.append(me)
            in_time = self._change.wait_for(
                lambda: self._waiting[0] is me and self._fits(size), seconds_until(deadline)
            )
            self._waiting.remove(me)
            if in_time:
                self._inside += 1
                self._inside_megapixels += size
            self._change.notify_all()
        if not in_time:
            raise DeadlinePassed("The image waited too long for its turn.")

    def _fits(self, size: float) -> bool:
        small = self._inside_megapixels + size <= self.megapixels
        return self._inside < self.places and (small or not self._inside)


def seconds_until(deadline: float) -> float | None:
    """Time left on the monotonic clock, never negative; None for an infinite deadline."""
    return None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
