"""The direct peer, `rembg s`, in a virtual environment of its own, on the same weights.

    python -m benchmarks.peer

The environment is made once under `models/`. The weights are given to it as a verified file
through U2NET_HOME, so that it downloads nothing.
"""

import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.servers import Server

ROOT = Path(__file__).parent.parent
HOME = ROOT / "models" / "peer"
PINNED = "rembg[cpu,cli]==2.0.69"
LIBRARIES = ("rembg", "onnxruntime", "numpy", "pillow", "uvicorn")


def install(home: Path = HOME) -> Path:
    """Python of the peer's environment, made now where it is missing or incomplete."""
    python, done = home / "bin" / "python", home / "complete"
    if not done.exists() or done.read_text() != PINNED:
        print(f"installing {PINNED} in an environment of its own", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, PINNED], check=True, stdout=sys.stderr)
        done.write_text(PINNED)
    return python


def server(weights: Path, port: int, home: Path = HOME) -> Server:
    """How to start `rembg s`; `weights` is the verified file."""
    return Server(
        name="rembg s",
        command=[
            *(str(install(home).with_name("rembg")), "s", "--host", "127.0.0.1"),
            *("--port", str(port), "--log_level", "warning"),
        ],
        port=port,
        path="/api/remove?model=u2net",
        field="file",
        ready="/openapi.json",
        env={
            "U2NET_HOME": str(weights.parent),
            # No browser, no news from the internet: neither is part of serving.
            "BROWSER": "true",
            "GRADIO_ANALYTICS_ENABLED": "False",
        },
    )


def versions(home: Path = HOME) -> str:
    """What the environment holds."""
    listing = subprocess.run(
        [install(home), "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return ", ".join(
        line.replace("==", " ") for line in listing if line.split("==")[0] in LIBRARIES
    )


if __name__ == "__main__":
    print(install(), versions(), sep="\n")
