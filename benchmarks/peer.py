"""The server to compare with, `rembg s`, in its own virtual environment, on the same weights.

    python -m benchmarks.peer

The environment is created once under `models/`. U2NET_HOME names the verified weights, so that it
downloads nothing.
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
    """Python of the environment, which is created where it is missing or incomplete."""
    python, marker = home / "bin" / "python", home / "complete"
    if not marker.exists() or marker.read_text() != PINNED:
        print(f"installing {PINNED} in its own environment", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, PINNED], check=True, stdout=sys.stderr)
        marker.write_text(PINNED)
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
            # Neither opening a browser nor analytics is part of serving.
            "BROWSER": "true",
            "GRADIO_ANALYTICS_ENABLED": "False",
        },
    )


def versions(home: Path = HOME) -> str:
    """Versions of the libraries in the environment."""
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
