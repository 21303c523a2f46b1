"""Options as command flags: the same names and the same checks as the HTTP fields."""

from collections.abc import Callable

import click
from pydantic import ValidationError

from cutout.errors import InvalidValue
from cutout.options import Options


def parse_options(texts: dict[str, str]) -> Options:
    """Options from texts by name; raises InvalidValue naming the first wrong one."""
    try:
        return Options.model_validate(texts)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        name = ".".join(map(str, item["loc"]))
        raise InvalidValue(f"Option {name!r}: {item['msg']}.", field=name) from None


def option_flags(command: Callable) -> Callable:
    """Add a flag for every field of `Options`; those not given keep their default."""
    for name, field in reversed(Options.model_fields.items()):
        flag = f"--{name.replace('_', '-')}"
        help_text = f"{field.description} [default: {field.default}]"
        command = click.option(flag, name, metavar="VALUE", help=help_text)(command)
    return command
