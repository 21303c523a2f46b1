"""Values as clients send them: text, numbers, booleans and null, in any case, empty when unset."""

import base64
import binascii
import re

from cutout.removebg.errors import DialectError, invalid

TRUE = ("true", "1", "yes", "on")
FALSE = ("false", "0", "no", "off")
DATA_URL = re.compile(r"\s*data:[^,]{0,200},", re.IGNORECASE)
URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(px|%)?")

# Amount and unit, `px` or `%`.
Length = tuple[float, str]


def text(value: object) -> str:
    """The value as trimmed text; `""` is "not given": null, missing, or blank.

    Numbers and booleans of JSON read as they do in a form: `1`, `true`.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def boolean(name: str, value: object, default: bool) -> bool:
    """Read true, 1, yes, on or false, 0, no, off. Raises DialectError `invalid_<name>`."""
    word = text(value).lower()
    if not word:
        return default
    if word not in TRUE + FALSE:
        raise invalid(name, "true or false")
    return word in TRUE


def choice(name: str, value: object, words: dict[str, str], default: str) -> str:
    """Read a word in any case: the value of `words` under it. Raises `invalid_<name>`."""
    word = text(value).lower()
    if not word:
        return default
    if word not in words:
        raise invalid(name, ", ".join(words))
    return words[word]


def url(name: str, value: object) -> str | None:
    """An http or https address, None when not given. Raises `invalid_<name>`."""
    address = text(value)
    if not address:
        return None
    if not URL.fullmatch(address):
        raise DialectError(f"invalid_{name}", f"{name} must begin with http:// or https://.")
    return address


def length(word: str) -> Length | None:
    """`30px`, `30` (px) or `5%`; None for anything else, negative ones included."""
    match = LENGTH.fullmatch(word.lower())
    return (float(match[1]), match[2] or "px") if match else None


def image_bytes(value: str) -> bytes:
    """The bytes of base64 text as clients send it.

    A `data:` prefix, line breaks, missing padding, the URL-safe alphabet, and spaces where an
    unescaped form lost its `+` are all read. Raises DialectError `failed_to_read_image`.
    """
    prefix = DATA_URL.match(value)
    body = value[prefix.end() :].strip() if prefix else value.strip()
    # A space inside a line was a plus; line breaks only fold the text.
    packed = body.replace("\r", "").replace("\n", "").replace("\t", "").replace(" ", "+")
    packed = packed.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise DialectError(
            "failed_to_read_image", "The base64 text cannot be decoded; send it unshortened."
        ) from None
