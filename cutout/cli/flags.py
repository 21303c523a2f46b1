"""Options as command flags: the same names and the same checks as the HTTP fields."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import click
from pydantic import ValidationError

from cutout.errors import InvalidValue, UnknownField
from cutout.options import Options

Command = Callable[..., Any]


def parse_pairs(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` texts by name, a name with dashes as with underscores; the last value counts."""
    pairs = [text.partition("=") for text in texts]
    if not all(separator for _, separator, _ in pairs):
        raise click.UsageError("--option takes NAME=VALUE.")
    return {name.strip().replace("-", "_"): value for name, _, value in pairs}


def parse_options(texts: dict[str, str]) -> Options:
    """Options from texts by name.

    Raises UnknownField with the nearest known name, or InvalidValue, for the first wrong one.
    """
    for name in texts:
        if name not in Options.model_fields:
            raise UnknownField(_unknown(name), field=name, allowed=list(Options.model_fields))
    try:
        return Options.model_validate(texts)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        name = ".".join(map(str, item["loc"]))
        raise InvalidValue(f"Option {name!r}: {item['msg']}.", field=name) from None


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, Options.model_fields, n=1)
    advice = (
        f"did you mean {nearest[0]!r}?" if nearest else f"choose {', '.join(Options.model_fields)}."
    )
    return f"Option {name!r} is not known; {advice}"


def option_flags(command: Command) -> Command:
    """Add a flag for every field of `Options`; those not given keep their default."""
    for name, field in reversed(Options.model_fields.items()):
        flag = f"--{name.replace('_', '-')}"
        help_text = f"{field.description} [default: {field.default}]"
        command = click.option(flag, name, metavar="VALUE", help=help_text)(command)
    return command
