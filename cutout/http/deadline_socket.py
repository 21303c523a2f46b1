"""A connection whose reads and writes all end at one moment, however slowly the peer sends."""

import io
import socket
import time
from typing import Any


class DeadlineReader(io.RawIOBase):
    """Reads from a socket; each read may only take what is left of the total time.

    A socket's own timeout begins anew with every byte, so that a slow peer could go on for ever.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        """deadline: of the monotonic clock, in seconds."""
        super().__init__()
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(remaining_s(self._deadline))
        return self._sock.recv_into(buffer)


class DeadlineSocket:
    """What `http.client` needs of a socket: makefile, sendall, close.

    Whoever opened the socket closes it: `http.client` would while the answer is still read.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        """deadline: of the monotonic clock, in seconds."""
        self._sock, self._deadline = sock, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(DeadlineReader(self._sock, self._deadline))

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(remaining_s(self._deadline))
        self._sock.sendall(data)

    def close(self) -> None:
        """Nothing: see the class."""


def remaining_s(deadline: float) -> float:
    """Seconds left, more than zero. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left
