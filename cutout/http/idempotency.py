"""Idempotency-Key: a request sent twice is computed once (draft-ietf-httpapi-idempotency-key).

Answers are kept in memory, for one process; a request's body only as its hash. Answers over the
size of one entry, streamed ones, and those that say "try again" are not kept: there a repetition
is computed anew.
"""

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import IO

from flask import Flask, Response, g, request

from cutout.errors import IdempotencyInProgress, IdempotencyMismatch, InvalidValue
from cutout.http.client import client_name

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY = re.compile(r"[!-~]{1,255}")
# Answers about the moment or the caller, not about the request; and every 5xx.
NOT_FINAL = frozenset((401, 403, 408, 409, 425, 429))
# What is counted for an entry beside its body: headers, keys and the bookkeeping.
ENTRY_BYTES = 2_000
CHUNK_BYTES = 1_000_000

Name = tuple[str, str]


@dataclass(frozen=True)
class StoredAnswer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Entry:
    """One key's request; `answer` is None while it is being computed."""

    fingerprint: bytes
    expires: float
    answer: StoredAnswer | None = None

    @property
    def size_bytes(self) -> int:
        return ENTRY_BYTES + (len(self.answer.body) if self.answer else 0)


class AnswerStore:
    """Answers by client and key, bounded in bytes, count and age; the least used ones go first."""

    def __init__(
        self,
        max_bytes: int,
        *,
        max_answer_bytes: int | None = None,
        max_entries: int = 10_000,
        keep_s: float = 86_400,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """max_answer_bytes: of one answer, `max_bytes` / 8 if not given. keep_s: seconds.

        With 0 for `max_bytes` nothing is kept, but requests under way are still recognised.
        """
        wanted = max_bytes // 8 if max_answer_bytes is None else max_answer_bytes
        self.max_answer_bytes = min(wanted, max_bytes - ENTRY_BYTES)
        self._max_bytes, self._max_entries = max_bytes, max_entries
        self._keep_s, self._clock = keep_s, clock
        self._entries: OrderedDict[Name, Entry] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def begin(self, name: Name, fingerprint: bytes) -> StoredAnswer | None:
        """The kept answer, or None: then compute it and call `finish` or `abandon`.

        Raises IdempotencyMismatch, IdempotencyInProgress.
        """
        with self._lock:
            self._drop_expired()
            entry = self._entries.get(name)
            if entry is None:
                self._put(name, Entry(fingerprint, self._clock() + self._keep_s))
                return None
            if entry.fingerprint != fingerprint:
                raise IdempotencyMismatch(
                    "This Idempotency-Key came with another request before; use a new key for it."
                )
            if entry.answer is None:
                raise IdempotencyInProgress(
                    "The first request with this Idempotency-Key is still being worked on."
                )
            self._entries.move_to_end(name)
            return entry.answer

    def finish(self, name: Name, fingerprint: bytes, answer: StoredAnswer) -> None:
        """Keep the answer of a request that `begin` let through."""
        with self._lock:
            self._put(name, Entry(fingerprint, self._clock() + self._keep_s, answer))

    def abandon(self, name: Name) -> None:
        """Let the next request with this key compute."""
        with self._lock:
            self._drop(name)

    def forget(self, header: str, value: str) -> None:
        """Drop the answers with this header, such as those of a result that is deleted."""
        with self._lock:
            for name, entry in list(self._entries.items()):
                if entry.answer and (header, value) in entry.answer.headers:
                    self._drop(name)

    def _put(self, name: Name, entry: Entry) -> None:
        self._drop(name)
        self._entries[name] = entry
        self._bytes += entry.size_bytes
        # Requests under way are never dropped: the server's threads bound how many there are.
        kept = [other for other, it in self._entries.items() if it.answer and other != name]
        while kept and (self._bytes > self._max_bytes or len(self._entries) > self._max_entries):
            self._drop(kept.pop(0))

    def _drop(self, name: Name) -> None:
        entry = self._entries.pop(name, None)
        self._bytes -= entry.size_bytes if entry else 0

    def _drop_expired(self) -> None:
        now = self._clock()
        for name, entry in list(self._entries.items()):
            if entry.answer and entry.expires <= now:
                self._drop(name)


def register(app: Flask, store: AnswerStore, paths: Collection[str]) -> None:
    """Honour Idempotency-Key on POST to `paths`.

    Register it after keys, limits and origins: their headers belong to each answer, not to the
    kept one, and a repetition is answered before it is counted.
    """

    @app.before_request
    def replay() -> Response | None:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or request.path not in paths:
            return None
        if not KEY.fullmatch(key):
            raise InvalidValue(
                f"{HEADER} takes 1 to 255 printable characters without spaces.", field=HEADER
            )
        name, fingerprint = (client_name(), key), _fingerprint()
        if answer := store.begin(name, fingerprint):
            replayed = Response(answer.body, answer.status, list(answer.headers))
            replayed.headers[REPLAYED] = "true"
            return replayed
        g.idempotent_request = (name, fingerprint)
        return None

    @app.after_request
    def keep(response: Response) -> Response:
        pending: tuple[Name, bytes] | None = g.pop("idempotent_request", None)
        if pending is None:
            return response
        name, fingerprint = pending
        if response.is_streamed:
            response.call_on_close(lambda: store.abandon(name))
        elif _is_final(response.status_code) and _size(response) <= store.max_answer_bytes:
            headers = tuple(response.headers)
            answer = StoredAnswer(response.status_code, headers, response.get_data())
            store.finish(name, fingerprint, answer)
        else:
            store.abandon(name)
        return response

    @app.teardown_request
    def give_up(_error: BaseException | None) -> None:
        if pending := g.pop("idempotent_request", None):
            store.abandon(pending[0])


def _is_final(status: int) -> bool:
    return 200 <= status < 500 and status not in NOT_FINAL


def _size(response: Response) -> int:
    return response.calculate_content_length() or 0


def _fingerprint() -> bytes:
    """Hash of what decides the answer: address, wanted type, and body.

    The fields of a form count, not the boundary between them, which a client draws anew when it
    repeats the form. Files are read in parts from where they arrived.
    """
    parts = (request.full_path, request.headers.get("Accept", ""), request.mimetype)
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape"))
    for name, text in request.form.items(multi=True):
        _add(digest, name, text)
    for name, file in request.files.items(multi=True):
        _add(digest, name, file.filename or "")
        _add_content(digest, file.stream)
        file.stream.seek(0)
    # What is no form; nothing is left of one here.
    _add_content(digest, request.stream)
    return digest.digest()


def _add(digest: "hashlib._Hash", *texts: str) -> None:
    """Each with its length, so that no other texts give the same bytes."""
    for text in texts:
        data = text.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(data) + data)


def _add_content(digest: "hashlib._Hash", stream: IO[bytes]) -> None:
    content, count = hashlib.sha256(), 0
    while piece := stream.read(CHUNK_BYTES):
        content.update(piece)
        count += len(piece)
    digest.update(b"%d:" % count + content.digest())
