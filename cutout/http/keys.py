"""API keys: hashed at rest, compared in constant time, named in the log.

Only the SHA-256 of a key is kept. A slow password hash would bring nothing: a key is 256 random
bits, which nobody can search, and a slow hash on each request would be a load that anybody could
cause. For the same reason there is no salt.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from pathlib import Path

from flask import Flask, Response, g, request

from cutout.errors import ConfigurationError, KeyInvalid, KeyRequired
from cutout.http import request_log
from cutout.http.client import discard_body

log = logging.getLogger(__name__)

PREFIX = "cutout_"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
HASH = re.compile(r"[0-9a-f]{64}")
# A plain key may come from another service, but short ones can be guessed from their hash.
PLAIN_KEY = re.compile(r"[!-~]{16,200}")
CHALLENGE = 'Bearer realm="cutout"'


class Keys:
    """The known keys by hash. One name may have several keys, so that a key can be replaced."""

    def __init__(self, named: Iterable[tuple[str, str]] = ()) -> None:
        """named: (name, SHA-256 in hex) pairs. Raises ConfigurationError where two names meet."""
        self._names: dict[bytes, str] = {}
        for name, key_hash in named:
            if self._names.setdefault(bytes.fromhex(key_hash), name) != name:
                raise ConfigurationError(f"The key of {name!r} is also another name's key.")

    def __bool__(self) -> bool:
        return bool(self._names)

    def __add__(self, other: "Keys") -> "Keys":
        pairs = [*self._names.items(), *other._names.items()]
        return Keys((name, digest.hex()) for digest, name in pairs)

    def name_of(self, key: str) -> str | None:
        """Name of a key that a client sent, or None. The time taken tells nothing of the keys."""
        sent = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for digest, name in self._names.items():
            if hmac.compare_digest(digest, sent):
                found = name
        return found


def make_key() -> tuple[str, str]:
    """A new key and its hash: the key goes to the client, the hash into the file of keys."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, hash_key(key)


def hash_key(key: str) -> str:
    """SHA-256 in hex, as it stands in the file of keys."""
    return hashlib.sha256(key.encode()).hexdigest()


def from_file(path: Path) -> Keys:
    """Keys of a file with one `name:hash` a line; # begins a comment. Raises ConfigurationError.

    `name:key` is accepted too, with a warning.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise ConfigurationError(f"The file of API keys cannot be read: {reason}.") from None
    pairs = []
    for number, line in enumerate(lines, 1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            pair, was_plain = _parse(entry, ":", f"line {number} of the file of API keys")
            pairs.append(pair)
            if was_plain:
                log.warning(
                    "the API key of %s stands in the file in plain text; replace it by its hash: "
                    "printf %%s KEY | sha256sum",
                    pair[0],
                )
    return Keys(pairs)


def from_text(text: str) -> Keys:
    """Keys of `name=key,name2=key2`, as in an environment variable; hashes are accepted too."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    return Keys(
        _parse(entry, "=", f"entry {number} of the API keys")[0]
        for number, entry in enumerate(entries, 1)
    )


def _parse(entry: str, separator: str, place: str) -> tuple[tuple[str, str], bool]:
    """((name, hash), whether it was a plain key). Messages name the place, never the key."""
    name, found, value = (part.strip() for part in entry.partition(separator))
    if not found or not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{place.capitalize()} is not a name (letters, digits, . _ -), {separator!r} and a key."
        )
    if HASH.fullmatch(value.lower()):
        return (name, value.lower()), False
    if not PLAIN_KEY.fullmatch(value):
        raise ConfigurationError(
            f"The key of {name!r} needs 16 to 200 printable characters without spaces; "
            "`cutout keys new` makes one."
        )
    return (name, hash_key(value)), True


def check_exposure(host: str, has_keys: bool, open_without_key: bool) -> None:
    """Refuse to listen beyond this machine without a key, unless the operator says so.

    host: address to listen on, a name, or `unix:…`. Raises ConfigurationError.
    """
    if has_keys or open_without_key or _is_local(host):
        return
    raise ConfigurationError(
        f"Listening on {host or 'all addresses'} without an API key would serve everybody who "
        "reaches this machine. Set a key (CUTOUT_KEYS or CUTOUT_KEYS_FILE), listen on 127.0.0.1, "
        "or set CUTOUT_OPEN_WITHOUT_KEY=true where something in front decides who may ask."
    )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.startswith("unix:"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def register(app: Flask, keys: Keys, open_paths: Collection[str]) -> None:
    """Ask for a key on every path of `app` but `open_paths`; without `keys` ask for none.

    open_paths: exact paths, or `/docs/*` for everything below. Sets `g.key_name`. Preflight
    requests (OPTIONS) carry no key by the rules of CORS and are open. Register `hooks` before.
    Errors: KeyRequired, KeyInvalid.
    """
    exact = frozenset(path for path in open_paths if not path.endswith("/*"))
    below = tuple(path[:-1] for path in open_paths if path.endswith("/*"))

    @app.before_request
    def check_key() -> None:
        g.key_name = None
        if not keys or request.method == "OPTIONS":
            return
        if request.path in exact or request.path.startswith(below):
            return
        sent = _sent_key()
        g.key_name = keys.name_of(sent) if sent else None
        if g.key_name is None:
            discard_body()
            raise _refusal(sent)
        request_log.add(key=g.key_name)

    @app.after_request
    def challenge(response: Response) -> Response:
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = CHALLENGE
        return response


def register_for(app: Flask, path: str, key: str) -> None:
    """Ask for this one key on this one path, such as that of the metrics; "" asks for none.

    Leave the path open in `register`. Errors: KeyRequired, KeyInvalid.
    """

    @app.before_request
    def check_key_of_path() -> None:
        if not key or request.path != path:
            return
        sent = _sent_key()
        if not hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), key.encode()):
            raise _refusal(sent)


def _sent_key() -> str:
    """The key of this request, from X-API-Key or `Authorization: Bearer`; empty without."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get("X-API-Key", "").strip() or bearer


def _refusal(sent: str) -> KeyRequired | KeyInvalid:
    if sent:
        return KeyInvalid("This API key is not known here.")
    return KeyRequired("Send your API key in the header X-API-Key, or as Authorization: Bearer.")
