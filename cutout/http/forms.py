"""Checks of a form as a whole, before its fields are validated one by one."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from flask import request

from cutout.errors import InvalidRequest, InvalidValue, UnknownField

# What people look for first in a form.
IMAGES = ("image", "mask", "prediction")
# The longest value of an option, and of an address; longer text would only cost time to parse.
MAX_TEXT, MAX_URL = 200, 2000


def check_fields(known: Iterable[str], several: Iterable[str] = ()) -> Callable[[], None]:
    """A `before_request` function for endpoints that take a form with these fields.

    known: names of all fields; several: those that may come more than once. It raises
    UnknownField with the nearest known name, InvalidRequest for a field that is repeated, and
    InvalidValue for text that is too long for any option.
    """
    names, repeatable = tuple(known), frozenset(several)

    def check() -> None:
        for parts in (request.form, request.files):
            for field, values in parts.lists():
                _check_field(field, len(values), names, repeatable)
        for field, text in request.form.items():
            longest = MAX_URL if field.endswith("_url") else MAX_TEXT
            if len(text) > longest:
                raise InvalidValue(
                    f"Field {field!r} is longer than {longest} characters.", field=field
                )

    return check


def _check_field(field: str, count: int, names: tuple[str, ...], several: frozenset[str]) -> None:
    if field not in names:
        near = difflib.get_close_matches(field, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see /docs."
        raise UnknownField(f"There is no field {field[:60]!r}; {hint}", field=field[:60])
    if count > 1 and field not in several:
        raise InvalidRequest(f"Send one {field!r}, not {count}.", field=field)


def describe_form(schema: dict[str, Any]) -> None:
    """Adapt the JSON schema of a form to what a form is: text, required fields first.

    Optional numbers become text that may be empty: an empty field means "not given", and a page
    made from the description then begins with values that work.
    """
    required = [
        *schema.get("required", []),
        *(name for name in IMAGES if name in schema["properties"]),
    ]
    fields = schema["properties"]
    for field in fields.values():
        if field.get("default", "") is None:
            del field["default"]
            _optional_text(field)
    schema["properties"] = {name: fields[name] for name in [*required, *fields]}


def _optional_text(field: dict[str, Any]) -> None:
    kinds = field.pop("anyOf", [])
    if any(kind.get("format") == "binary" for kind in kinds):
        field.update(type="string", format="binary")
    elif any("off" in kind.get("enum", []) for kind in kinds):
        field.update(type="string", default="off", pattern=r"^(on|off|[0-9]*\.?[0-9]+)?$")
    else:
        choices = next((kind["enum"] for kind in kinds if "enum" in kind), None)
        pattern = "|".join(map(str, choices)) if choices else r"[0-9]+(\.[0-9]+)?"
        field.update(type="string", default="", pattern=f"^({pattern})?$")
