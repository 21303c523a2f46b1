"""From `python app.py` to the server: weights first, then gunicorn in this process.

Under Windows, where gunicorn does not work, waitress.

Written so that an older Python can read this file and say in one sentence why it cannot run it.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
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
CONFIG = "python:cutout.server.gunicorn_conf"
APPLICATION = "app:serve()"
# Settings that name folders: relative ones are meant from where the command was typed.
FOLDERS = ("models_dir", "cache_dir", "upload_dir", "result_dir")


def main() -> None:
    """Fetch the weights where they are missing, then serve."""
    _require_python()
    if sys.platform != "win32" and not MALLOC.keys() <= os.environ.keys():
        # The same command once more, before anything is imported: malloc reads its settings only
        # when a process begins.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**MALLOC, **os.environ})
    os.environ.update(_prepare())
    os.chdir(str(ROOT))
    # The folder of app.py is that of the script, or site-packages; a copy elsewhere is not meant.
    sys.path.insert(0, str(ROOT))
    if os.environ["CUTOUT_SERVER"] == "waitress":
        _serve_by_waitress()
    else:
        # In this process, which has imported the settings and more already.
        sys.argv = ["gunicorn", "--config", CONFIG, APPLICATION]
        runpy.run_module("gunicorn", run_name="__main__", alter_sys=True)


def _serve_by_waitress() -> None:
    from cutout.server import waitress_server
    from cutout.settings import load

    waitress_server.serve(pkgutil.resolve_name("app:serve"), load())


def _require_python() -> None:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"cutout: Python 3.11, 3.12 or 3.13 is needed, and this is Python {found}. "
            "Make the virtual environment with one of them."
        )


def _prepare() -> dict[str, str]:
    """Check settings, fetch weights; gives the server and the folders as absolute paths.

    As variables of the environment, for the process that serves.
    """
    # Imported only now: an older Python cannot read these modules.
    from cutout import logs
    from cutout.errors import ConfigurationError
    from cutout.models import own
    from cutout.settings import load
    from cutout.weights import ensure_spec, files_present

    try:
        settings = load()
        logs.configure(settings.log)
        # A server elsewhere has its own.
        for name in settings.model_names if settings.runtime != "triton" else ():
            spec = own.find_spec(name)
            # What is there already is verified where it is loaded.
            if spec.path or not files_present(spec, settings.models_dir):
                ensure_spec(spec, models_dir=settings.models_dir)
    except ConfigurationError as error:
        sys.exit(f"cutout: {error.detail}")
    folders = {name: getattr(settings, name) for name in FOLDERS}
    names = [own.absolute(name) for name in settings.model_names]
    return {"CUTOUT_SERVER": _server(settings.server), "CUTOUT_MODELS": ",".join(names)} | {
        f"CUTOUT_{name.upper()}": str(path.absolute()) for name, path in folders.items() if path
    }


def _server(asked: str) -> str:
    """The server to run; gunicorn needs signals and forks that Windows does not have."""
    if sys.platform != "win32":
        return "gunicorn" if asked == "auto" else asked
    if asked == "gunicorn":
        sys.exit("cutout: gunicorn does not run under Windows; set CUTOUT_SERVER to waitress.")
    return "waitress"
