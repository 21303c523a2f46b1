"""The parts of the app that answers the current request."""

from flask import current_app

from cutout.service import Service


def service() -> Service:
    """The service built by `app.create_app`; the model is loaded on first use."""
    running: Service = current_app.extensions["cutout"].service
    return running
