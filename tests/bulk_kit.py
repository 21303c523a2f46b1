"""What the tests of bulk jobs share: folders of drawn images, a stand-in for the model."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from standin import StandIn

from cutout import bulk, images, pipeline
from cutout.bulk.images import FileLimits
from cutout.bulk.local_engine import LocalEngine
from cutout.models.table import spec_of
from cutout.options import Options
from cutout.pipeline.divided import DividedPipeline

ROOT = Path(__file__).parent.parent


def draw_images(folder: Path, count: int, side: int = 40) -> list[str]:
    """Discs of different colours as PNG files; their keys."""
    y, x = np.mgrid[:side, :side]
    inside = (y - side / 2) ** 2 + (x - side / 2) ** 2 < (side / 3) ** 2
    keys = [f"{'abc'[number % 3]}/{number:04d}.png" for number in range(count)]
    for number, key in enumerate(keys):
        colour = np.uint8([200, 255 - number % 200, number % 256])
        rgb = np.where(inside[..., None], colour, np.uint8(20))
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(image_bytes(rgb))
    return keys


def divided(**options) -> DividedPipeline:
    plan = pipeline.make_plan(Options(**options))
    return DividedPipeline(plan, spec_of("u2net"), images.Limits())


class Brightness(StandIn):
    """Brightness is the subject, for tensors of any normalisation."""

    def infer(self, tensors: list[np.ndarray]) -> list[np.ndarray]:
        return [(tensor.mean(axis=0) > 0).astype(np.float32) for tensor in tensors]

    def infer_one(self, tensor: np.ndarray) -> np.ndarray:
        return self.infer([tensor])[0]


def open_job(source, target, restart: bool = False, **settings) -> bulk.Job:
    folders = bulk.open_folder(str(source)), bulk.open_folder(str(target))
    return bulk.Job(*folders, "png", settings, restart)


def local_engine(job: bulk.Job, **options) -> LocalEngine:
    model = Brightness()
    return LocalEngine(
        *(job.source, job.target, divided(**options), model.infer_one),
        *(FileLimits(100_000, "png"), "stand-in", 2),
    )


def run_job(job: bulk.Job, engine=None) -> tuple[list[dict], bulk.Summary]:
    rows = list(job.run(job.pending(), engine or local_engine(job)))
    return rows, job.finish()


def manifest(target: Path) -> dict[str, dict]:
    """The rows of the manifest by key; each key once."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO((target / "manifest.parquet").read_bytes()))
    rows = {row["key"]: row for row in table.to_pylist()}
    assert len(rows) == len(table), "an image has two rows"
    return rows


def start(source: Path, target: Path, *words: str) -> subprocess.Popen:
    """`cutout bulk` as a process of its own, on the small real model."""
    return subprocess.Popen(
        [sys.executable, "-m", "cutout", "bulk", source, target, *words],
        cwd=ROOT,
        env=os.environ | {"CUTOUT_MODEL": "u2netp", "CUTOUT_DEVICE": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> str:
    """What the command wrote; it must have succeeded."""
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output
    return output


def wait_for_results(process: subprocess.Popen, target: Path, count: int) -> None:
    deadline = time.monotonic() + 300
    while len(results(target)) < count:
        if process.poll() is not None:
            pytest.fail(f"the command has ended: {process.communicate()[0]}")
        assert time.monotonic() < deadline
        time.sleep(0.02)


def results(target: Path) -> dict[str, bytes]:
    """Every file beside the job's own, so that a second result of an image would be seen."""
    return {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
        and path.name[:8] != "manifest"
        and "_cutout" not in path.parts
        and not path.name.endswith(".part")
    }
