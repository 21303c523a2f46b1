"""The command line without `flask --app`: `python -m cutout remove photo.jpg cutout.png`."""

import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

import click
from flask import Flask
from flask.cli import ScriptInfo

from cutout import __version__, logs
from cutout.cli import LazyGroup, group
from cutout.errors import ConfigurationError
from cutout.settings import load as load_settings

# Named, not imported: the package does not depend on the application that is built from it.
APPLICATION = "app:create_app"
ROOT = Path(__file__).resolve().parents[2]


def make_console(serve: Callable[[], None]) -> click.Group:
    """The command `cutout` with its subcommands. serve: becomes the server."""
    console = LazyGroup("cutout", help=group.help)
    console.add_command(click.Command("serve", callback=serve, help="Serve the HTTP endpoints."))
    console.context_settings["obj"] = ScriptInfo(create_app=create_app)
    return click.version_option(__version__, prog_name="cutout")(console)


def create_app() -> Flask:
    """The application, its model not loaded yet. A wrong configuration ends with one sentence."""
    # As under `flask`: the application then builds its parts when they are first used.
    os.environ["FLASK_RUN_FROM_CLI"] = "true"
    # First, since the working directory may hold another file of that name.
    sys.path.insert(0, str(ROOT))
    try:
        # A first start derives a graph, which takes a minute: the log says so, on stderr.
        logs.configure(load_settings().log)
        app: Flask = pkgutil.resolve_name(APPLICATION)()
    except ConfigurationError as error:
        raise click.ClickException(error.detail) from error
    return app
