"""`make bench`: one script after the other, each in a process of its own.

    python -m benchmarks                  # all that this machine can run
    python -m benchmarks --quick          # a few minutes
    python -m benchmarks --only serve     # or --skip model codecs

`quality`, `model` and `gpu` need photographs with masks; CUTOUT_DATA names their folder.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPTS = ("quality", "model", "codecs", "stages", "serve", "soak", "gpu")
SHORT_SOAK = ["--minutes", "3"]


def main() -> int:
    args = arguments()
    failed = []
    for name in args.only or [one for one in SCRIPTS if one not in args.skip]:
        command = command_for(name, args.quick)
        if isinstance(command, str):
            print(f"\n## {name}: skipped, {command}", flush=True)
            continue
        print(f"\n## {name}\n", flush=True)
        if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer images and loads")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=[])
    parser.add_argument("--skip", nargs="+", choices=SCRIPTS, default=[])
    return parser.parse_args()


def environment() -> dict[str, str]:
    """The scripts find the package and each other, whatever the working directory."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def command_for(name: str, quick: bool) -> list[str] | str:
    """The command that runs one script, or the reason why it cannot run here."""
    script = [sys.executable, "-m", f"benchmarks.{name}"]
    if name == "gpu" and shutil.which("nvidia-smi") is None:
        return "there is no NVIDIA driver"
    if name in ("quality", "model", "gpu"):
        photographs = data_folder() / "ecssd300"
        if not photographs.is_dir():
            return "CUTOUT_DATA names no folder with ecssd300"
        if name == "quality":
            return quality_gate(photographs)
        count = ["--count", "10"] if quick else []
        given = ["--models", str(models_folder()), "--data", str(photographs)]
        return [*script, *given, *count, "u2net"]
    short = {
        "codecs": ["--quick"],
        "stages": ["--turns", "2"],
        "serve": ["--quick"],
        "soak": SHORT_SOAK,
    }
    return [*script, *(short.get(name, []) if quick else [])]


def quality_gate(photographs: Path) -> list[str]:
    """The command that fails when a measure has fallen since the baseline (default settings)."""
    evaluate = [sys.executable, "-m", "cutout", "evaluate"]
    folders = [str(photographs / "image"), str(photographs / "mask")]
    out = ["--out", str(ROOT / "models" / "quality"), "--restart"]
    baseline = ["--baseline", "benchmarks/baseline-ecssd300.json", "--max-drop", "0.005"]
    return [*evaluate, *folders, *out, *baseline]


def data_folder() -> Path:
    return Path(os.environ.get("CUTOUT_DATA", ROOT.parent / "shared" / "data"))


def models_folder() -> Path:
    """The folder of the verified weights, downloaded where they are missing."""
    code = (
        "from cutout import settings, weights;"
        "print(weights.ensure('u2net', models_dir=settings.load().models_dir).parent)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment(), check=True, stdout=subprocess.PIPE
    )
    return Path(found.stdout.decode().strip())


if __name__ == "__main__":
    sys.exit(main())
