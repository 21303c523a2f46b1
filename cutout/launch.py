"""From `python app.py` to the server: weights first, then gunicorn in this process's place."""

import os
import sys
from pathlib import Path

from .errors import ConfigurationError
from .settings import load
from .weights import ensure

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Fetch the weights where they are missing, then become the server.

    The environment is replaced with the process: malloc reads its settings only then. Threads
    that decode and encode would leave freed memory behind in an arena each.
    """
    try:
        knobs = load()
        ensure(knobs.model, models_dir=knobs.models_dir)
    except ConfigurationError as error:
        sys.exit(f"cutout: {error.detail}")
    os.chdir(ROOT)
    environment = {"MALLOC_ARENA_MAX": "2"} | os.environ
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "app:serve()"], environment)
