"""Seconds from the start of the process to the first 200 of /readyz, and their CPU time.

    python -m benchmarks.start
    python -m benchmarks.start --turns 9 --imports

Warm: weights, derived graph and compiled model are in the cache folder; the first start of each
command is not counted. `--imports` adds what `import app` and `import u2net` take, by module.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.memory import cpu_seconds
from benchmarks.servers import ROOT, Server, free_port, ours, running

SLOWEST = 15
IMPORT_LINE = re.compile(r"import time: +(\d+) \| +(\d+) \| +(\S+)")


def main() -> None:
    args = arguments()
    print(machine(), "\n")
    if args.imports:
        print("\n".join(imports()), "\n")
    print("| command | ready s, median | least | most | CPU s, median |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for server in servers(Path(folder)):
            print(row(server, args.turns), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="starts of each command")
    parser.add_argument("--imports", action="store_true", help="the slowest imports too")
    return parser.parse_args()


def servers(folder: Path) -> Iterator[Server]:
    """The two ways to start the service, each on a port of its own."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--chdir", str(ROOT)]
    gunicorn += ["--config", str(ROOT / "gunicorn.conf.py"), "app:serve()"]
    for name, command in (("python app.py", None), ("gunicorn 'app:serve()'", gunicorn)):
        server = ours(free_port(), folder)
        yield replace(server, name=name, command=command or server.command, ready="/readyz")


def row(server: Server, turns: int) -> str:
    seconds, cpu = [], []
    for turn in range(turns + 1):
        with running(server) as started:
            if turn:
                seconds.append(started.start_s)
                cpu.append(cpu_seconds(started.pid))
    return (
        f"| `{server.name}` | {statistics.median(seconds):.2f} | {min(seconds):.2f} "
        f"| {max(seconds):.2f} | {statistics.median(cpu):.2f} |"
    )


def imports() -> list[str]:
    """The modules that take longest with what they import, as `python -X importtime` has it."""
    command = [sys.executable, "-X", "importtime", "-c", "import app, u2net"]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = [(int(whole), name) for _, whole, name in IMPORT_LINE.findall(ended.stderr)]
    lines = ["| import, with its own imports | ms |", "|---|---|"]
    slowest = sorted(found, reverse=True)[:SLOWEST]
    return lines + [f"| `{name}` | {micros / 1000:.0f} |" for micros, name in slowest]


if __name__ == "__main__":
    main()
