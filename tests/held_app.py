"""The real service on a model that waits: run by gunicorn in the tests of the server.

While somebody holds the lock on the file `hold`, the model stands still; every tensor it gets
adds a byte to the file `seen`; `worker` holds the process id. What the file `fault` names, the
model does wrong: `nan`, `raise`, `leak`, `slow` or `die`. `loading` is locked while the app is to
go on loading; `max_pass_s` says when the model counts as hung. Copied as `app.py` into a folder.
"""

import fcntl
import importlib.util
import os
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = Path((HERE / "root").read_text())


LEAKED = []


def held_model():
    from standin import StandIn  # found through PYTHONPATH, see below

    class Held(StandIn):
        def infer(self, tensors):
            with (HERE / "seen").open("ab") as seen:
                seen.write(b"." * len(tensors))
            with (HERE / "hold").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
            return faulty(super().infer(tensors))

    return Held()


def load_while_locked():
    """As a real start does, this comes back to the interpreter, which then sees signals."""
    with (HERE / "loading").open("a") as lock:
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)


def faulty(maps):
    fault = (HERE / "fault").read_text() if (HERE / "fault").exists() else ""
    if fault == "raise":
        raise RuntimeError("out of memory on the device")
    if fault == "die":
        (HERE / "fault").unlink()
        # Not an Exception: nothing in the model's thread may catch it.
        raise SystemExit
    if fault == "slow":
        time.sleep(0.2)
    if fault == "leak":
        LEAKED.append(np.ones(125_000))
    return [np.full_like(one, np.nan) for one in maps] if fault == "nan" else maps


def serve():
    # Readers see the old number or the new one, never an empty file.
    (HERE / "worker.part").write_text(str(os.getpid()))
    (HERE / "worker.part").rename(HERE / "worker")
    load_while_locked()
    spec = importlib.util.spec_from_file_location("real_app", ROOT / "app.py")
    real = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(real)
    app = real.create_app(model=held_model())
    if (HERE / "max_pass_s").exists():
        batcher = app.extensions["cutout"].service.batcher
        batcher.max_pass_s = float((HERE / "max_pass_s").read_text())
    return app


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if os.environ.get("CUTOUT_SERVER") == "waitress":
        from cutout.server import waitress_server
        from cutout.settings import load

        waitress_server.serve(serve, load())
    from cutout.server.launch import MALLOC

    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")]
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    os.execve(
        sys.executable,
        [*command, *sys.argv[1:], "app:serve()"],
        {**MALLOC, **os.environ, "PYTHONPATH": paths},
    )
