"""`cutout keys new NAME`: make an API key."""

import re

import click

from cutout.http.keys import make_key

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@click.group("keys")
def keys() -> None:
    """Make API keys."""


@keys.command("new")
@click.argument("name")
def new(name: str) -> None:
    """Make a key for NAME: the key for its user, and the line for CUTOUT_KEYS_FILE.

    The key itself is shown once and kept nowhere; the service stores its hash alone.
    """
    if not NAME.fullmatch(name):
        raise click.UsageError("NAME has letters, digits, dots, dashes and underscores, up to 64.")
    key, line = make_key()
    click.echo(f"key, for its user: {key}", err=True)
    click.echo(f"{name}:{line}")
