"""The model on a Triton server: images are sent as bytes, several at once; no weights here.

The server puts the requests of all front ends together into batches.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np

from cutout.deadlines import seconds_left
from cutout.errors import DeadlinePassed, ModelFailed, NotReady
from cutout.models.table import spec_of
from cutout.runtimes.base import Runtime, RuntimeConfig
from cutout.runtimes.remote_tensors import pack, unpack_scores
from cutout.runtimes.triton_client import LATE, Connection, Unreachable, connector

log = logging.getLogger(__name__)
# Requests on their way at once, of one front end.
IN_FLIGHT = 8
# The most seconds that an image without a deadline may take.
MOST_S = 120.0
# A lost connection is made again for so long; then the server counts as down for DOWN_S.
RETRY_S, FIRST_PAUSE_S, DOWN_S = 5.0, 0.1, 1.0
# The state of the server, as `/health` tells it, is at most so old.
PROBE_EVERY_S, PROBE_S = 2.0, 1.0
NO_ANSWER = "The model server does not answer; try again shortly."


class Triton(Runtime):
    """A model of the table on a server that `cutout triton-repository` wrote the files for."""

    def __init__(self, config: RuntimeConfig) -> None:
        """Check the address; the server need not be there yet. Raises ConfigurationError."""
        super().__init__(config, preferred_batch=IN_FLIGHT, free_bytes=None)
        self.set_reason("triton was asked for")
        # The server orders what it is sent; here nothing computes.
        self._turn = nullcontext()
        self._spec, self._connect = spec_of(config.model_name), connector(config.url)
        self._threads = ThreadPoolExecutor(2 * IN_FLIGHT, thread_name_prefix="triton")
        self._own = threading.local()
        self._down_until = 0.0
        self._probing = threading.Lock()
        self._ready, self._known_at = True, -PROBE_EVERY_S

    def _run(self, batch: np.ndarray) -> np.ndarray:
        """Send every image by itself; one that is late does not hold the others' threads."""
        if time.monotonic() < self._down_until:
            raise NotReady(NO_ANSWER)
        ends = [time.monotonic() + seconds for seconds in seconds_left(len(batch), MOST_S)]
        answers = [
            self._threads.submit(self._infer, tensor, end)
            for tensor, end in zip(batch, ends, strict=True)
        ]
        try:
            return np.stack([_wait(answer, end) for answer, end in zip(answers, ends, strict=True)])
        finally:
            for answer in answers:
                answer.cancel()

    def _infer(self, tensor: np.ndarray, end: float) -> np.ndarray:
        """Scores (S, S) of one tensor (3, S, S); connects again where the connection was lost."""
        packed = pack(tensor, self._spec.mean, self._spec.std)
        if packed is None:
            raise ModelFailed("The model server takes inputs that are made from 8-bit images only.")
        give_up, pause = min(end, time.monotonic() + RETRY_S), FIRST_PAUSE_S
        while True:
            try:
                answer = self._connection().infer(packed, end - time.monotonic())
            except Unreachable as error:
                self._drop_connection()
                if time.monotonic() + pause >= give_up:
                    self._note(ready=False)
                    raise NotReady(NO_ANSWER) from error
                log.warning("the connection to the model server was lost, connecting again")
                time.sleep(pause)
                pause *= 2
            else:
                self._note(ready=True)
                return unpack_scores(answer)

    def _connection(self) -> Connection:
        """The connection of the calling thread."""
        if not hasattr(self._own, "connection"):
            self._own.connection = self._connect(self.config.model_name, MOST_S)
        connection: Connection = self._own.connection
        return connection

    def _drop_connection(self) -> None:
        self._own.connection.close()
        del self._own.connection

    def _note(self, ready: bool) -> None:
        now = time.monotonic()
        self._ready, self._known_at = ready, now
        self._down_until = 0.0 if ready else now + DOWN_S

    def is_ready(self) -> bool:
        """Whether the server can run the model; asked at most every PROBE_EVERY_S seconds."""
        fresh = time.monotonic() - self._known_at < PROBE_EVERY_S
        if fresh or not self._probing.acquire(blocking=False):
            return self._ready
        try:
            connection = self._connect(self.config.model_name, PROBE_S)
            self._ready = connection.is_ready()
            self._known_at = time.monotonic()
            connection.close()
        finally:
            self._probing.release()
        return self._ready

    def _engine_info(self) -> dict[str, object]:
        ready = self.is_ready()
        return {
            "device": "remote",
            "runtime": "triton",
            "precision": "server",
            "threads": 2 * IN_FLIGHT,
            "streams": IN_FLIGHT,
            "versions": {},
            "server_ready": ready,
            **({} if ready else {"unavailable": NO_ANSWER}),
        }

    def close(self) -> None:
        """Let requests on their way end."""
        self._threads.shutdown()


def _wait(answer: "Future[np.ndarray]", end: float) -> np.ndarray:
    try:
        return answer.result(max(0.0, end - time.monotonic()))
    except TimeoutError:
        raise DeadlinePassed(LATE) from None
