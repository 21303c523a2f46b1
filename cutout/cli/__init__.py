"""The commands: `flask --app app cutout …`."""

from flask.cli import AppGroup

from .evaluate import register
from .predict import make_predict
from .remove import remove
from .weights import weights

group = AppGroup("cutout", help="Remove backgrounds, measure results, manage weights.")
for command in (remove, weights):
    group.add_command(command)
register(group, make_predict)
