"""Our own HTTP endpoints, described by the models that validate them."""

from cutout.api.evaluate import bp as evaluate
from cutout.api.health import bp as health
from cutout.api.remove import bp as remove
from cutout.api.results import bp as results

BLUEPRINTS = (remove, evaluate, results, health)

__all__ = ["BLUEPRINTS"]
