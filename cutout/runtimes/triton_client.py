"""One connection to a Triton server, by HTTP or gRPC; its failures as ours.

A connection is used by one thread at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from cutout.errors import ConfigurationError, DeadlinePassed, ModelFailed, NotReady, Overloaded
from cutout.runtimes.remote_graph import ANSWER, BOX, LEVELS
from cutout.runtimes.remote_tensors import PackedTensor

# What Triton says, in every protocol, when a queue is full or a request waited for too long.
QUEUE_FULL, WAITED_TOO_LONG, NO_MODEL = "maximum queue size", "timeout expired", "unknown model"
LATE = "The model server did not finish this image in time."


class Unreachable(Exception):
    """No connection, or it ended before the answer: the same request may be sent again."""


class Connection(Protocol):
    """A connection to the server of one model."""

    def infer(self, tensor: PackedTensor, seconds: float) -> np.ndarray:
        """The answer (S, S) for one image; the server is told how long it may wait.

        Raises Unreachable, Overloaded, DeadlinePassed, NotReady, ModelFailed.
        """

    def is_ready(self) -> bool:
        """Whether the server can run the model now."""

    def close(self) -> None:
        """Close it."""


# From the model's name and the most seconds that an answer may take.
Connect = Callable[[str, float], Connection]


def connector(url: str) -> Connect:
    """How to connect to a server. Raises ConfigurationError."""
    parts = urlsplit(url)
    kinds = {"http": _open_http, "https": _open_http, "grpc": _open_grpc, "grpcs": _open_grpc}
    if parts.scheme not in kinds or not parts.netloc:
        raise ConfigurationError(
            f"{url!r} is no address of a Triton server; set CUTOUT_TRITON_URL to "
            "http://host:8000 or grpc://host:8001"
        )
    secure, address = parts.scheme in ("https", "grpcs"), f"{parts.netloc}{parts.path}".rstrip("/")
    open_one = kinds[parts.scheme]
    _require("http" if parts.scheme in ("http", "https") else "grpc")
    return lambda model, most_s: open_one(address, secure, model, most_s)


def _require(protocol: str) -> None:
    try:
        __import__(f"tritonclient.{protocol}")
    except (ImportError, RuntimeError):
        raise ConfigurationError(
            "tritonclient is not installed; install requirements-triton.txt"
        ) from None


def _open_http(address: str, secure: bool, model: str, most_s: float) -> Connection:
    return HttpConnection(address, secure, model, most_s)


def _open_grpc(address: str, secure: bool, model: str, most_s: float) -> Connection:
    return GrpcConnection(address, secure, model, most_s)


class _Base:
    """What both protocols share; `library` is tritonclient's module of the protocol."""

    def __init__(self, library: Any, client: Any, model: str) -> None:
        self._library, self._client, self._model = library, client, model

    def infer(self, tensor: PackedTensor, seconds: float) -> np.ndarray:
        """See `Connection`."""
        levels, box = tensor.levels[None], tensor.box[None]
        inputs = [
            self._library.InferInput(LEVELS, levels.shape, "UINT8"),
            self._library.InferInput(BOX, box.shape, "INT32"),
        ]
        inputs[0].set_data_from_numpy(levels)
        inputs[1].set_data_from_numpy(box)
        with self._translated():
            result = self._send(inputs, max(1, round(seconds * 1e6)), seconds)
            answer: np.ndarray = result.as_numpy(ANSWER)[0]
        return answer

    def is_ready(self) -> bool:
        """See `Connection`."""
        try:
            with self._translated():
                return bool(self._client.is_model_ready(self._model))
        except (Unreachable, NotReady, DeadlinePassed, Overloaded, ModelFailed):
            return False

    def close(self) -> None:
        """See `Connection`."""
        self._client.close()

    def _send(self, inputs: list[Any], wait_us: int, seconds: float) -> Any:
        raise NotImplementedError

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from tritonclient.utils import InferenceServerException

        try:
            yield
        except InferenceServerException as error:
            raise _known(str(error.message()), str(error.status())) from error


class HttpConnection(_Base):
    """HTTP, with the tensors as bytes behind the JSON."""

    def __init__(self, address: str, secure: bool, model: str, most_s: float) -> None:
        """Connect at the first request."""
        import tritonclient.http as library

        client = library.InferenceServerClient(
            address, connection_timeout=min(5.0, most_s), network_timeout=most_s, ssl=secure
        )
        super().__init__(library, client, model)

    def _send(self, inputs: list[Any], wait_us: int, seconds: float) -> Any:
        outputs = [self._library.InferRequestedOutput(ANSWER, binary_data=True)]
        return self._client.infer(self._model, inputs, outputs=outputs, timeout=wait_us)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from geventhttpclient.response import HTTPParseError

        try:
            with super()._translated():
                yield
        except TimeoutError as error:
            raise DeadlinePassed(LATE) from error
        except (OSError, HTTPParseError) as error:
            raise Unreachable(str(error)) from error


class GrpcConnection(_Base):
    """gRPC, whose deadline ends the call on both sides."""

    def __init__(self, address: str, secure: bool, model: str, most_s: float) -> None:
        """Connect at the first request."""
        import tritonclient.grpc as library

        self._most_s = most_s
        super().__init__(library, library.InferenceServerClient(address, ssl=secure), model)

    def _send(self, inputs: list[Any], wait_us: int, seconds: float) -> Any:
        return self._client.infer(
            self._model, inputs, timeout=wait_us, client_timeout=max(0.001, seconds)
        )

    def is_ready(self) -> bool:
        """See `Connection`."""
        try:
            with self._translated():
                ready = self._client.is_model_ready(self._model, client_timeout=self._most_s)
                return bool(ready)
        except (Unreachable, NotReady, DeadlinePassed, Overloaded, ModelFailed):
            return False


def _known(message: str, status: str) -> Exception:
    """Our error for one of the server's; status: an HTTP status or gRPC's name of one."""
    if QUEUE_FULL in message:
        return Overloaded("The model server is full; try again in a moment.")
    if WAITED_TOO_LONG in message or "DEADLINE_EXCEEDED" in status:
        return DeadlinePassed(LATE)
    if NO_MODEL in message or "not ready" in message:
        return NotReady("The model server does not have this model ready.")
    if "UNAVAILABLE" in status or status in ("502", "503", "504"):
        return Unreachable(message)
    return ModelFailed("The model server failed on this image.")
