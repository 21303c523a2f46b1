"""Our own HTTP endpoints, described by the models that validate them."""

from .common import bound_reading
from .evaluate import bp as evaluate
from .health import bp as health
from .remove import bp as remove
from .results import bp as results

BLUEPRINTS = (remove, evaluate, results, health)

__all__ = ["BLUEPRINTS", "bound_reading"]
