"""The commands: `python -m cutout …`, or `flask --app app cutout …`."""

from flask.cli import AppGroup

from cutout.cli.bulk import bulk_command
from cutout.cli.evaluate import register
from cutout.cli.keys import keys
from cutout.cli.predict import make_predict
from cutout.cli.remove import remove
from cutout.cli.train import train
from cutout.cli.triton import triton_repository
from cutout.cli.weights import weights

group = AppGroup("cutout", help="Remove backgrounds, measure results, manage weights and keys.")
for command in (remove, bulk_command, triton_repository, weights, keys, train):
    group.add_command(command)
register(group, make_predict)
