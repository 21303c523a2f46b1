"""From `python app.py` to the server: weights first, then gunicorn in this process's place."""

import os
import sys
from pathlib import Path

from cutout.errors import ConfigurationError
from cutout.settings import load
from cutout.weights import ensure

ROOT = Path(__file__).resolve().parent.parent
# glibc's: threads that decode and encode would leave freed memory behind in an arena each, and
# masks of whole pictures in the holes between. Blocks above 16 MB go back at once: with 64 clients
# of 12 MP the peak is 1.2 to 1.4 GB instead of 1.52; from 2 MB on 1.13, but a tenth slower.
MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "16000000",
    "MALLOC_TRIM_THRESHOLD_": "64000000",
}


def main() -> None:
    """Fetch the weights where they are missing, then become the server.

    The environment is replaced with the process: malloc reads its settings only then.
    """
    try:
        settings = load()
        ensure(settings.model, models_dir=settings.models_dir)
    except ConfigurationError as error:
        sys.exit(f"cutout: {error.detail}")
    os.chdir(ROOT)
    environment = MALLOC | os.environ
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "app:serve()"], environment)
