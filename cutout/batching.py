"""Single inputs from many threads become batches for one model.

The batcher's threads are the only callers of the model. Each takes what waits when it is free and
never delays an image to fill a batch: on a busy server batches fill by themselves. A model that
computes several images side by side has a thread for each of them, so that none waits for the
slowest of a batch.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from cutout import deadlines
from cutout.errors import CutoutError, DeadlinePassed, ModelFailed, NotReady

Infer = Callable[[list[np.ndarray]], list[np.ndarray]]


def always() -> bool:
    """The default of `wanted`: somebody waits for the answer."""
    return True


@dataclass
class Ticket:
    """One tensor that waits; `deadline` is on the monotonic clock."""

    tensor: np.ndarray
    deadline: float
    wanted: Callable[[], bool]
    answer: "Future[np.ndarray]" = field(default_factory=Future)

    def claim(self) -> bool:
        """Claim the ticket for the model, unless nobody waits for it any more.

        Claimed first: after that the waiting side can no longer cancel, so every answer below
        is set once and the model's thread cannot fail on one that was set already.
        """
        if not self.answer.set_running_or_notify_cancel():
            return False
        if time.monotonic() >= self.deadline:
            self.answer.set_exception(DeadlinePassed("The image waited too long for the model."))
            return False
        if not self.wanted():
            self.answer.set_exception(DeadlinePassed("The client left before its turn."))
            return False
        return True


class Batcher:
    """Runs `infer` on what waits, up to `max_batch` tensors of one shape at a time."""

    def __init__(
        self,
        infer: Infer,
        max_batch: int = 1,
        max_pass_s: float = float("inf"),
        threads: int = 1,
    ) -> None:
        """`infer`: list of (3, S, S) float32 -> list of (S, S) float32, in the same order.

        max_pass_s: seconds after which one call of `infer` counts as hung, see `failure`. threads:
        calls of `infer` at once.
        """
        self.infer, self.max_batch, self.max_pass_s = infer, max_batch, max_pass_s
        self.batches = self.dropped = 0
        self._waiting: deque[Ticket] = deque()
        # Of all that are not answered yet, by the identity of their tickets.
        self._unanswered: dict[int, Ticket] = {}
        self._change = threading.Condition()
        self._closing = False
        # Of each thread's own call that has not ended.
        self._passes_began: dict[threading.Thread, float] = {}
        self._threads = [
            threading.Thread(target=self._work, name="model", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def most_at_once(self) -> int:
        """Tensors that the model may be given at the same time."""
        return self.max_batch * len(self._threads)

    @property
    def waiting(self) -> int:
        """Tensors not yet given to the model."""
        return len(self._waiting)

    def failure(self) -> str | None:
        """Why no image will be finished any more, in words; None while all is well."""
        if not self._closing and not all(thread.is_alive() for thread in self._threads):
            return "The model's thread has ended."
        began = min(list(self._passes_began.values()), default=None)
        if began is not None and time.monotonic() - began > self.max_pass_s:
            return f"The model has not answered for more than {self.max_pass_s:g} s."
        return None

    def run(
        self, tensor: np.ndarray, deadline: float, wanted: Callable[[], bool] = always
    ) -> np.ndarray:
        """Wait for the scores (S, S) of one tensor (3, S, S).

        deadline: monotonic seconds. `wanted` is asked just before the model would run.
        Raises DeadlinePassed, NotReady when closing or when the model has failed for good,
        ModelFailed for NaN, Inf, a wrong shape or a failed run.
        """
        ticket = Ticket(tensor, deadline, wanted)
        with self._change:
            if self._closing:
                raise NotReady("The service is stopping.")
            if reason := self.failure():
                raise NotReady(reason)
            self._waiting.append(ticket)
            self._unanswered[id(ticket)] = ticket
            self._change.notify()
        timeout = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        try:
            return ticket.answer.result(timeout=timeout)
        except TimeoutError:
            ticket.answer.cancel()
            raise DeadlinePassed("The model did not finish this image in time.") from None
        finally:
            with self._change:
                del self._unanswered[id(ticket)]

    def give_up(self) -> None:
        """After a `failure`: answer all who wait with it, before the process ends.

        A model that is only late finds its tickets answered; its thread ends with that.
        """
        reason = self.failure()
        with self._change:
            for ticket in self._unanswered.values() if reason else ():
                with suppress(InvalidStateError):
                    ticket.answer.set_exception(NotReady(reason or ""))

    def close(self, timeout: float | None = None) -> None:
        """Refuse new tensors, finish those that wait, stop the threads within `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        with self._change:
            self._closing = True
            self._change.notify_all()
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while batch := self._next():
            self._answer(batch)

    def _next(self) -> list[Ticket]:
        """Block until a tensor waits that is wanted; an empty list means closed and drained."""
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
        own = threading.current_thread()
        with self._change:
            self.batches += 1
        self._passes_began[own] = time.monotonic()
        try:
            with deadlines.pass_on([ticket.deadline for ticket in batch]):
                maps = self.infer([ticket.tensor for ticket in batch])
            if len(maps) != len(batch):
                raise ModelFailed("The model gave another number of maps than it was asked for.")
        except Exception as error:
            self._after_failure(batch, error)
            return
        finally:
            self._passes_began.pop(own, None)
        for ticket, scores in zip(batch, maps, strict=True):
            if reason := _fault(scores, ticket.tensor):
                ticket.answer.set_exception(ModelFailed(reason))
            else:
                # A map of its own: a view would keep the maps of the whole batch in memory.
                ticket.answer.set_result(scores if scores.base is None else scores.copy())

    def _after_failure(self, batch: list[Ticket], error: Exception) -> None:
        """Run the images of a failed batch alone, so that only the one at fault fails."""
        if len(batch) > 1:
            for ticket in batch:
                self._answer([ticket])
            return
        failed = error if isinstance(error, CutoutError) else _failed(error)
        batch[0].answer.set_exception(failed)


def _failed(cause: Exception) -> ModelFailed:
    """What the caller is told; the cause goes with it into the log of the request."""
    failed = ModelFailed("The model failed on this image.")
    failed.__cause__ = cause
    return failed


def _fault(scores: np.ndarray, tensor: np.ndarray) -> str | None:
    """What is wrong with a map (S, S) made from a tensor (3, S, S), or None."""
    if scores.shape != tensor.shape[1:]:
        return "The model's map has a wrong shape."
    return None if np.isfinite(scores).all() else "The model's map has NaN or Inf values."
