"""The engine of one machine: threads for the images, one thread for the model's batches."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from cutout.admission import ConcurrencyLimit
from cutout.bulk.folders import Folder, Source
from cutout.bulk.images import Failure, FileLimits, check_source, save
from cutout.bulk.pending import Pending
from cutout.bulk.rows import failed_row
from cutout.bulk.stages import Row, Stages

# Pixels in memory at once, in megapixels; a larger image goes in when it is alone.
MEGAPIXELS = 100
NO_DEADLINE = float("inf")


@dataclass(frozen=True)
class LocalEngine:
    """Works on images in threads of this process.

    infer: one tensor (3, S, S) -> its scores (S, S), called from all threads at once; a batcher's.
    runtime: what the model runs on, for the manifest. threads: images at once.
    """

    source: Folder
    target: Folder
    stages: Stages
    infer: Callable[[np.ndarray], np.ndarray]
    limits: FileLimits
    runtime: str
    threads: int

    def __call__(self, pending: Pending) -> Iterator[Row]:
        """The rows, as images finish. At most twice `threads` images are begun or waiting."""
        limit = ConcurrencyLimit(self.threads, MEGAPIXELS)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="bulk") as pool:
            running: set[Future[Row]] = set()
            finished: deque[Future[Row]] = deque()
            try:
                for source in pending.sources():
                    running.add(pool.submit(self._work, source, limit))
                    if len(running) >= 2 * self.threads:
                        ended, running = wait(running, return_when=FIRST_COMPLETED)
                        finished.extend(ended)
                    while finished:
                        yield finished.popleft().result()
                while running:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in ended)
            finally:
                # Left early: the images under way end, the others are not begun.
                for future in running:
                    future.cancel()

    def _work(self, source: Source, limit: ConcurrencyLimit) -> Row:
        try:
            check_source(source, self.limits)
            data = self.source.read(source.key)
            with limit.enter(self.stages.check(data), NO_DEADLINE):
                finished = self.stages.cut_out(data, self.infer)
            return save(self.target, source, finished, self.limits.suffix, self.runtime)
        except Failure as error:
            return failed_row(source, error)
