"""From `python app.py` to the server: weights first, then gunicorn in this process's place.

Written so that an older Python can read this file and say in one sentence why it cannot run it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Those the pinned libraries are published for.
OLDEST, NEWEST = (3, 11), (3, 13)
# glibc's: threads that decode and encode would leave freed memory behind in an arena each, and
# masks of whole images in the holes between. Blocks above 16 MB go back at once: with 64 clients
# of 12 MP the peak is 1.2 to 1.4 GB instead of 1.52; from 2 MB on 1.13, but a tenth slower.
MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "16000000",
    "MALLOC_TRIM_THRESHOLD_": "64000000",
}
# Settings that name folders: relative ones are meant from where the command was typed.
FOLDERS = ("models_dir", "cache_dir", "upload_dir", "result_dir")


def main() -> None:
    """Fetch the weights where they are missing, then become the server.

    The environment is replaced with the process: malloc reads its settings only then.
    """
    _require_python()
    environment = {**MALLOC, **os.environ, **_prepare()}
    os.chdir(str(ROOT))
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "app:serve()"], environment)


def _require_python() -> None:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"cutout: Python 3.11, 3.12 or 3.13 is needed, and this is Python {found}. "
            "Make the virtual environment with one of them."
        )


def _prepare() -> dict[str, str]:
    """Check settings, fetch weights; gives the folders as absolute paths, for the environment."""
    # Imported only now: an older Python cannot read these modules.
    from cutout import logs
    from cutout.errors import ConfigurationError
    from cutout.settings import load
    from cutout.weights import ensure

    try:
        settings = load()
        logs.configure(settings.log)
        ensure(settings.model, models_dir=settings.models_dir)
    except ConfigurationError as error:
        sys.exit(f"cutout: {error.detail}")
    folders = {name: getattr(settings, name) for name in FOLDERS}
    return {
        f"CUTOUT_{name.upper()}": str(path.absolute()) for name, path in folders.items() if path
    }
