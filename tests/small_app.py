"""A Flask application with errors as problems and the hooks of every request, and nothing else."""

from flask import Flask

from cutout.http import hooks, problems
from cutout.telemetry import Telemetry


def small_app() -> Flask:
    app = Flask("small_app")
    problems.register(app)
    hooks.register(app, Telemetry())
    return app
