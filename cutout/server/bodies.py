"""Bodies of requests: bounded in chunks, and errors that the app can answer."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from cutout.errors import BodyTimeout, MalformedRequest

# Of one body; beyond that chunks must hold MIN_CHUNK_BYTES on average. Each costs some 40 µs.
FREE_CHUNKS, MIN_CHUNK_BYTES = 70_000, 64

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class BoundedChunks(ChunkedReader):  # type: ignore[misc]  # gunicorn has no types
    """Reads a chunked body; refuses one that is cut into needlessly many chunks."""

    def __init__(self, request: Request, unreader: Any) -> None:
        self._chunks = self._bytes = 0
        super().__init__(request, unreader)

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes]:
        size, rest = super().parse_chunk_size(unreader, data)
        self._chunks += 1
        self._bytes += size
        if self._chunks > FREE_CHUNKS and self._bytes < MIN_CHUNK_BYTES * self._chunks:
            raise InvalidChunkSize(b"too many small chunks")
        return size, rest


class BoundedRequest(Request):  # type: ignore[misc]
    """A request whose body knows it, so that the app can end the connection."""

    body: Body

    def set_body_reader(self) -> None:
        super().set_body_reader()
        if isinstance(self.body.reader, ChunkedReader):
            self.body = Body(BoundedChunks(self, self.unreader))
        self.body.end_connection = self.force_close


class BoundedParser(RequestParser):  # type: ignore[misc]
    mesg_class = BoundedRequest


class CheckedBody:
    """`wsgi.input` that raises what the app answers: BodyTimeout, MalformedRequest.

    Either ends the connection: where the next request begins is not known any more.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        # Called by the app when it answers before the body has been read to its end.
        self.end_connection: Callable[[], None] = body.end_connection

    def read(self, size: int | None = None) -> bytes:
        return self._checked(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return self._checked(self._body.readline, size)

    def readlines(self, _hint: int | None = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _checked(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        try:
            return read(size)
        except TimeoutError as error:
            self.end_connection()
            raise BodyTimeout("The body arrived too slowly; send it again.") from error
        except NoMoreData as error:
            self.end_connection()
            raise MalformedRequest("The body ended too early.") from error
        except ParseException as error:
            self.end_connection()
            raise MalformedRequest(f"The body is not understood: {error}.") from error


def with_checked_body(app: Application) -> Application:
    """The same WSGI application, with `CheckedBody` as its input."""

    def checked(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = CheckedBody(environ["wsgi.input"])
        return app(environ, start_response)

    return checked
