"""Single inputs from many threads become batches for one model; the gate bounds what is inside.

One thread is the only caller of the model. It takes what waits when the model is free and never
delays a picture to fill a batch: on a busy server batches fill by themselves.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from cutout.errors import CutoutError, DeadlinePassed, ModelFailed, NotReady, Overloaded

log = logging.getLogger(__name__)
Infer = Callable[[list[np.ndarray]], list[np.ndarray]]


def always() -> bool:
    return True


def _seconds_until(deadline: float) -> float | None:
    """Time left on the monotonic clock, never negative; None for an infinite deadline."""
    return None if deadline == float("inf") else max(0.0, deadline - time.monotonic())


@dataclass
class Ticket:
    """One tensor that waits; `deadline` is on the monotonic clock."""

    tensor: np.ndarray
    deadline: float
    wanted: Callable[[], bool]
    answer: Future = field(default_factory=Future)

    def claim(self) -> bool:
        """Claim the ticket for the model, unless nobody waits for it any more.

        Claimed first: after that the waiting side can no longer cancel, so every answer below
        is set once and the model's thread cannot trip over one that was set already.
        """
        if not self.answer.set_running_or_notify_cancel():
            return False
        if time.monotonic() >= self.deadline:
            self.answer.set_exception(DeadlinePassed("The picture waited too long for the model."))
            return False
        if not self.wanted():
            self.answer.set_exception(DeadlinePassed("The client left before its turn."))
            return False
        return True


class Batcher:
    """Runs `infer` on what waits, up to `max_batch` tensors of one shape at a time."""

    def __init__(self, infer: Infer, max_batch: int = 1) -> None:
        """`infer`: list of (3, S, S) float32 -> list of (S, S) float32, in the same order."""
        self.infer, self.max_batch = infer, max_batch
        self.batches = self.dropped = 0
        self._waiting: deque[Ticket] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Tensors not yet given to the model."""
        return len(self._waiting)

    def run(
        self, tensor: np.ndarray, deadline: float, wanted: Callable[[], bool] = always
    ) -> np.ndarray:
        """Wait for the scores (S, S) of one tensor (3, S, S).

        deadline: monotonic seconds. `wanted` is asked just before the model would run.
        Raises DeadlinePassed, NotReady when closing, ModelFailed for NaN, Inf or a failed run.
        """
        ticket = Ticket(tensor, deadline, wanted)
        with self._change:
            if self._closing:
                raise NotReady("The service is stopping.")
            self._waiting.append(ticket)
            self._change.notify()
        try:
            return ticket.answer.result(timeout=_seconds_until(deadline))
        except TimeoutError:
            ticket.answer.cancel()
            raise DeadlinePassed("The model did not finish this picture in time.") from None

    def close(self, timeout: float | None = None) -> None:
        """Refuse new tensors, finish those that wait, stop the thread."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(timeout)

    def _work(self) -> None:
        while batch := self._next():
            self._answer(batch)

    def _next(self) -> list[Ticket]:
        """Block until something worth running waits; an empty list means: closed and drained."""
        with self._change:
            while True:
                self._change.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return []
                if batch := self._take():
                    return batch

    def _take(self) -> list[Ticket]:
        batch: list[Ticket] = []
        left: deque[Ticket] = deque()
        while self._waiting and len(batch) < self.max_batch:
            ticket = self._waiting.popleft()
            if batch and ticket.tensor.shape != batch[0].tensor.shape:
                left.append(ticket)
            elif ticket.claim():
                batch.append(ticket)
            else:
                self.dropped += 1
        self._waiting.extendleft(reversed(left))
        return batch

    def _answer(self, batch: list[Ticket]) -> None:
        self.batches += 1
        try:
            maps = self.infer([ticket.tensor for ticket in batch])
            if len(maps) != len(batch):
                raise ModelFailed("The model gave another number of maps than it was asked for.")
        except Exception as error:
            self._after_failure(batch, error)
            return
        for ticket, scores in zip(batch, maps, strict=True):
            if np.isfinite(scores).all():
                ticket.answer.set_result(scores)
            else:
                ticket.answer.set_exception(ModelFailed("The model's map has NaN or Inf values."))

    def _after_failure(self, batch: list[Ticket], error: Exception) -> None:
        """Run the pictures of a failed batch alone, so that only the poisoned one fails."""
        if len(batch) > 1:
            for ticket in batch:
                self._answer([ticket])
            return
        log.error("the model failed on a picture", exc_info=error)
        known = isinstance(error, CutoutError)
        batch[0].answer.set_exception(
            error if known else ModelFailed("The model failed on this picture.")
        )


class QueueLimit:
    """Lets pictures in by count, by megapixels and by the wait to expect; else Overloaded.

    A picture that would surely be too late is refused at once, with the time to come back,
    rather than after it has waited in vain.
    """

    def __init__(
        self, pictures: int, megapixels: float, max_expected_wait_s: float = float("inf")
    ) -> None:
        """A single picture is always let in. patience: seconds a newcomer may have to wait."""
        self.pictures, self.megapixels, self.max_expected_wait_s = (
            pictures,
            megapixels,
            max_expected_wait_s,
        )
        self.inside, self.inside_megapixels, self.refused = 0, 0.0, 0
        self.seconds_per_image = 0.0
        self._since = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, pixels: int) -> Iterator[None]:
        """Hold a place for a picture of `pixels` while the block runs."""
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
                self._learn(finished)

    def refuse_early(self) -> None:
        """Raise Overloaded if no picture of whatever size would be let in now."""
        with self._lock:
            if self._is_closed():
                self._refuse()

    def _refuse_or_count(self, size: float) -> None:
        if self._is_closed() or (self.inside and self._is_too_much(size)):
            self._refuse()
        if not self.inside:
            self._since = time.monotonic()
        self.inside += 1
        self.inside_megapixels += size

    def _refuse(self) -> None:
        self.refused += 1
        error = Overloaded("The service is full; try again in a moment.")
        # By then most of what is inside has left; later would leave the model idle. Spread, or
        # those refused together would come back together, each with megabytes to read.
        seconds = random.uniform(0.4, 1) * self.inside * self.seconds_per_image
        error.retry_after = max(1, min(30, round(seconds)))
        raise error

    def _is_closed(self) -> bool:
        """Whether the count or the wait is too long for any picture; one alone always goes in."""
        late = self.inside and (self.inside + 1) * self.seconds_per_image > self.max_expected_wait_s
        return self.inside >= self.pictures or bool(late)

    def _is_too_much(self, size: float) -> bool:
        return self.inside_megapixels + size > self.megapixels

    def _learn(self, finished: bool) -> None:
        """Seconds from one finished picture to the next while busy, newer ones counting more.

        Pictures that failed say nothing of the work a good one takes.
        """
        if finished:
            now = time.monotonic()
            spent, self._since = now - self._since, now
            self.seconds_per_image = (
                spent if not self.seconds_per_image else 0.9 * self.seconds_per_image + 0.1 * spent
            )


class ConcurrencyLimit:
    """Bounds the pictures whose pixels are in memory; those outside wait in order of arrival."""

    def __init__(self, places: int, megapixels: float) -> None:
        """A single picture larger than `megapixels` goes in when it is alone."""
        self.places, self.megapixels = places, megapixels
        self._inside, self._inside_megapixels = 0, 0.0
        self._line: deque[object] = deque()
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
            self._line.append(me)
            in_time = self._change.wait_for(
                lambda: self._line[0] is me and self._fits(size), _seconds_until(deadline)
            )
            self._line.remove(me)
            if in_time:
                self._inside += 1
                self._inside_megapixels += size
            self._change.notify_all()
        if not in_time:
            raise DeadlinePassed("The picture waited too long for its turn.")

    def _fits(self, size: float) -> bool:
        small = self._inside_megapixels + size <= self.megapixels
        return self._inside < self.places and (small or not self._inside)
