"""A client's connection, with limits on how slowly it may send a body and take an answer."""

import errno
import fcntl
import math
import select
import socket
import struct
import sys
import termios
import time
from dataclasses import dataclass
from typing import Any

# How often (s) the kernel is asked whether a client that takes no more data took some after all.
SEND_CHECK_S = 1.0


@dataclass(frozen=True)
class TransferLimits:
    """How slow a client may be.

    window_s: of each such span of waiting for a body, `min_rate` bytes a second must arrive.
    total_s: of waiting for one body. send_pause_s: without a byte taken from an answer.
    """

    window_s: float = 20
    min_rate: int = 1000
    total_s: float = 600
    send_pause_s: float = 20


class BodyPace:
    """Adds up how long a body was waited for, and how much came in each window.

    Only waiting counts, so that no client is blamed for a server that is busy.
    """

    def __init__(self, limits: TransferLimits) -> None:
        self._limits = limits
        self._total_s = self._window_s = 0.0
        self._window_bytes = 0

    def left_s(self) -> float:
        """Seconds until the next check, more than zero."""
        limits = self._limits
        left = min(limits.window_s - self._window_s, limits.total_s - self._total_s)
        return max(left, 0.001)

    def add_wait(self, seconds: float) -> None:
        self._total_s += seconds
        self._window_s += seconds

    def add_bytes(self, count: int) -> None:
        """Take in what came after the wait, if only 0. Raises TimeoutError for a slow client."""
        self._window_bytes += count
        if self._total_s >= self._limits.total_s:
            raise TimeoutError("the body took too long in all")
        if self._window_s >= self._limits.window_s:
            if self._window_bytes < self._limits.min_rate * self._window_s:
                raise TimeoutError("the body arrived too slowly")
            self._window_s, self._window_bytes = 0.0, 0


class ClientSocket(socket.socket):
    """An accepted connection that never blocks in the kernel: this class waits, within limits."""

    def __init__(self, accepted: socket.socket, limits: TransferLimits) -> None:
        """Take over an accepted connection; the given object must not be used any more."""
        kind = accepted.family, accepted.type, accepted.proto
        super().__init__(*kind, fileno=accepted.detach())
        super().setblocking(False)
        self.request_line = b""
        # The client stopped reading: closing resets, for nothing more can be said to it.
        self.given_up = False
        self._limits, self._pace = limits, BodyPace(limits)
        self._max_wait_s = math.inf

    def setblocking(self, _flag: bool) -> None:
        """Nothing: gunicorn calls it, and waiting is done here."""

    def settimeout(self, seconds: float | None) -> None:
        """Wait for data `seconds` at most at a time, beside the limits; None: only those."""
        self._max_wait_s = math.inf if seconds is None else seconds

    def gettimeout(self) -> float | None:
        return None if self._max_wait_s == math.inf else self._max_wait_s

    def begin_request(self, line: bytes) -> None:
        """Count anew: the next body belongs to the request with this first line."""
        self.request_line = line
        self._pace = BodyPace(self._limits)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Wait for data of a body. Raises TimeoutError when the client is too slow.

        With flags, as `socket.recv`, which does not wait.
        """
        if flags:
            return super().recv(size, flags)
        while True:
            try:
                data = super().recv(size)
            except BlockingIOError:
                self._wait_for_data()
                continue
            self._pace.add_bytes(len(data))
            return data

    def _wait_for_data(self) -> None:
        start = time.monotonic()
        ready = self._poll(select.POLLIN, min(self._pace.left_s(), self._max_wait_s))
        waited = time.monotonic() - start
        self._pace.add_wait(waited)
        if not ready:
            self._pace.add_bytes(0)
            if waited >= self._max_wait_s:
                raise TimeoutError("no data came")

    def sendall(self, data: Any, _flags: int = 0) -> None:
        """Send all, however long it takes, as long as the client goes on taking bytes.

        Raises BrokenPipeError when it has stopped.
        """
        left = memoryview(data)
        while left:
            try:
                left = left[self.send(left) :]
            except BlockingIOError:
                self._wait_for_room()

    def _wait_for_room(self) -> None:
        """Until more can be sent. The kernel says so only when a third of its buffer is free.

        A client that is slow but alive empties that buffer bit by bit before.
        """
        since, unsent = time.monotonic(), self._unsent_bytes()
        while not self._poll(select.POLLOUT, min(SEND_CHECK_S, self._limits.send_pause_s)):
            now = self._unsent_bytes()
            if now < unsent:
                since, unsent = time.monotonic(), now
            elif time.monotonic() - since >= self._limits.send_pause_s:
                # What is still in the kernel's buffer is given up too.
                self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.given_up = True
                raise BrokenPipeError(errno.EPIPE, "the client stopped reading")

    def _unsent_bytes(self) -> int:
        """Bytes in the kernel's buffer that the client has not taken; 0 where it cannot say."""
        if not sys.platform.startswith("linux"):
            return 0
        answer = fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
        count: int = struct.unpack("i", answer)[0]
        return count

    def _poll(self, event: int, seconds: float) -> bool:
        # Not select: it cannot watch descriptors above 1023, and a busy server has them.
        watch = select.poll()
        watch.register(self, event)
        return bool(watch.poll(math.ceil(max(0.0, seconds) * 1000)))
