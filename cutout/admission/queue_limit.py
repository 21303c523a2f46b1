"""Who is let into the service: by number, by work, by the wait to expect, fair by client."""

import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from cutout.admission.throughput import FIXED_MEGAPIXELS, Throughput
from cutout.errors import Overloaded

# Of each limit, for a client with something inside while others were refused with nothing.
SHARE_WHILE_OTHERS_ARE_OWED = 0.75
# A refused client comes first until this long after the time it was told to come back.
OWED_LONGER_S = 5.0
MAX_OWED = 1000


class QueueLimit:
    """Lets images in by count, by megapixels and by the wait to expect; else Overloaded.

    An image that would surely be too late is refused at once, with the time to come back, rather
    than after it has waited in vain. The last places are kept for clients who were refused and
    have nothing inside, so that one client with many requests does not shut out the others.
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
        self._inside_of: Counter[str] = Counter()
        # Clients who were refused with nothing inside, and until when they come first.
        self._owed: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, pixels: float, client: str = "") -> Iterator[None]:
        """Hold a place for work like that on `pixels` while the block runs."""
        size = pixels / 1e6
        with self._lock:
            if not self._fits(size, client):
                self._refuse(client)
            self._count(size, client)
        finished = False
        try:
            yield
            finished = True
        finally:
            with self._lock:
                self.inside -= 1
                self.inside_megapixels -= size
                self._inside_of[client] -= 1
                if not self._inside_of[client]:
                    del self._inside_of[client]
                # Images that failed say nothing of the time a good one takes.
                if finished:
                    self._learn(size)

    def refuse_early(self, client: str = "") -> None:
        """Raise Overloaded if not even the smallest image would be let in now."""
        with self._lock:
            if not self._fits(0, client):
                self._refuse(client)

    def expected_wait_s(self, size: float) -> float:
        """Seconds until an image of `size` megapixels would be finished, all others before it."""
        return self._seconds_for(self.inside_megapixels + size, self.inside + 1)

    def _seconds_for(self, megapixels: float, images: int) -> float:
        work = megapixels + FIXED_MEGAPIXELS * images
        return work * self.throughput.seconds_per_megapixel

    def _fits(self, size: float, client: str) -> bool:
        share = self._share(client)
        if self.inside >= self.images * share:
            return False
        late = self.expected_wait_s(size) > self.max_expected_wait_s * share
        crowded = self.inside_megapixels + size > self.megapixels * share
        return not self.inside or not (late or crowded)

    def _share(self, client: str) -> float:
        """Of each limit, for this client: less while others are owed a place."""
        if not self._inside_of[client]:
            return 1.0
        now = time.monotonic()
        for name, until in list(self._owed.items()):
            if until < now:
                del self._owed[name]
        return SHARE_WHILE_OTHERS_ARE_OWED if self._owed.keys() - {client} else 1.0

    def _count(self, size: float, client: str) -> None:
        if not self.inside:
            self._since = time.monotonic()
        self.inside += 1
        self.inside_megapixels += size
        self._inside_of[client] += 1
        self._owed.pop(client, None)

    def _refuse(self, client: str) -> None:
        self.refused += 1
        error = Overloaded("The service is full; try again in a moment.")
        # By then most of what is inside has left; later would leave the model idle. Spread, or
        # those refused together would come back together, each with megabytes to read.
        seconds = random.uniform(0.4, 1) * self._seconds_for(self.inside_megapixels, self.inside)
        error.retry_after = max(1, min(30, round(seconds)))
        if not self._inside_of[client]:
            self._owed[client] = time.monotonic() + error.retry_after + OWED_LONGER_S
            while len(self._owed) > MAX_OWED:
                self._owed.popitem(last=False)
        raise error

    def _learn(self, size: float) -> None:
        now = time.monotonic()
        self.throughput.learn(now - self._since, size + FIXED_MEGAPIXELS)
        self._since = now
