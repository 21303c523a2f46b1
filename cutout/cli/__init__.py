"""The commands: `python -m cutout …`, or `flask --app app cutout …`."""

import pkgutil

import click
from flask.cli import AppGroup

COMMANDS = {
    "bulk": "cutout.cli.bulk:bulk_command",
    "compare": "cutout.cli.evaluate:compare",
    "evaluate": "cutout.cli.predict:evaluate",
    "keys": "cutout.cli.keys:keys",
    "remove": "cutout.cli.remove:remove",
    "train": "cutout.cli.train:train",
    "triton-repository": "cutout.cli.triton:triton_repository",
    "weights": "cutout.cli.weights:weights",
}


class LazyGroup(AppGroup):
    """A group that imports a command when it is asked for: the server knows all and runs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of COMMANDS and of commands that were added, sorted."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None for an unknown one."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = pkgutil.resolve_name(COMMANDS[cmd_name])
        return command


group = LazyGroup("cutout", help="Remove backgrounds, measure results, manage weights and keys.")
