"""The real service on a model that waits: run by gunicorn in the tests of the server.

While somebody holds the lock on the file `hold`, the model stands still; every tensor it gets
adds a byte to the file `seen`; `worker` holds the process id. Copied as `app.py` into a folder.
"""

import fcntl
import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = Path((HERE / "root").read_text())


def held_model():
    from standin import StandIn  # found through PYTHONPATH, see below

    class Held(StandIn):
        def infer(self, tensors):
            wait_for_the_lock(tensors)
            return super().infer(tensors)

    return Held()


def wait_for_the_lock(tensors):
    with (HERE / "hold").open("a") as lock, (HERE / "seen").open("ab") as seen:
        seen.write(b"." * len(tensors))
        seen.flush()
        fcntl.flock(lock, fcntl.LOCK_SH)


def serve():
    (HERE / "worker").write_text(str(os.getpid()))
    spec = importlib.util.spec_from_file_location("real_app", ROOT / "app.py")
    real = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(real)
    return real.create_app(model=held_model())


if __name__ == "__main__":
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")]
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    os.execve(sys.executable, [*command, "app:serve()"], {**os.environ, "PYTHONPATH": paths})
