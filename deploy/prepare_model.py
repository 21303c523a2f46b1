"""Fetch a model's weights and make its derived graphs, while an image is built.

    python deploy/prepare_model.py FOLDER MODEL FLAVOUR      # FLAVOUR: cpu, cuda13, cuda12

At run time the folder is read-only, and making a graph takes up to two minutes.
"""

import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cutout import weights  # noqa: E402
from cutout.runtimes.base import RuntimeConfig  # noqa: E402
from cutout.runtimes.derived import derived_graph  # noqa: E402
from cutout.runtimes.graphs import Kind  # noqa: E402


def kinds_of(flavour: str) -> tuple[Kind, ...]:
    """Kinds of graph that may be wanted: 8 bits on CPUs that have them, fp32 on GPUs and others."""
    return ("int8",) if flavour == "cpu" and platform.machine() == "x86_64" else ("int8", "fp32")


def main(folder: Path, name: str, flavour: str) -> None:
    """Fill `folder` with the weights and, in `derived`, the graphs for this flavour."""
    path = weights.ensure(name, models_dir=folder)
    spec = weights.spec_of(name)
    config = RuntimeConfig(
        weights=path,
        sha256=spec.sha256 or spec.md5 or "",
        model_name=name,
        input_size=spec.input_size,
        cache_dir=folder / "derived",
        device="cpu",
        precision="auto",
        runtime="auto",
        threads=None,
    )
    for kind in kinds_of(flavour):
        print(derived_graph(config, kind).name, flush=True)
    for left in folder.glob(".*.lock"):
        left.unlink()
    # For the user of the service, who is not the one that builds.
    for made in folder.rglob("*"):
        made.chmod(0o755 if made.is_dir() else 0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
