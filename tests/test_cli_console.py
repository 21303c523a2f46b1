"""`python -m cutout` as processes of their own, on a small real model."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import image_bytes
from PIL import Image

from cutout.cli.console import make_console

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "cutout"]


@pytest.fixture
def environment(tmp_path):
    """Quick to start: the smallest model, without a derived graph."""
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "CUTOUT_MODEL": "u2netp",
        "CUTOUT_DEVICE": "cpu",
        "CUTOUT_RUNTIME": "onnxruntime",
        "CUTOUT_PRECISION": "fp32",
        "CUTOUT_CACHE_DIR": str(tmp_path / "cache"),
    }


@pytest.fixture
def elsewhere(tmp_path):
    """A working directory with an `app.py` of its own, which must not be imported."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "app.py").write_text("raise SystemExit('not this one')")
    return folder


def run(*words, environment, cwd, input=None):
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        env=environment,
        cwd=cwd,
        input=input,
        capture_output=True,
        timeout=120,
    )


def test_help_names_the_commands(environment, elsewhere):
    done = run("--help", environment=environment, cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    commands = {line.split()[0] for line in done.stdout.decode().splitlines() if line[:2] == "  "}
    assert commands >= {"compare", "evaluate", "remove", "serve", "weights"}


def test_weights_are_listed_without_the_application(environment, elsewhere):
    wrong = environment | {"CUTOUT_DEVICE": "nonsense"}
    done = run("weights", "list", environment=wrong, cwd=elsewhere)
    assert (done.returncode, b"u2netp" in done.stdout) == (0, True)


def test_a_wrong_setting_ends_with_one_sentence(environment, elsewhere):
    wrong = environment | {"CUTOUT_DEVICE": "nonsense"}
    done = run("remove", "-", "-", environment=wrong, cwd=elsewhere, input=b"")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Error: CUTOUT_DEVICE")
    assert b"Traceback" not in done.stderr


def test_serve_starts_the_server_and_loads_no_application(monkeypatch):
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    started = []
    result = CliRunner().invoke(make_console(serve=lambda: started.append(True)), ["serve"])
    assert (result.exit_code, started) == (0, [True])
    assert "FLASK_RUN_FROM_CLI" not in os.environ


@pytest.mark.weights
def test_a_pipe_carries_nothing_but_the_result(u2netp_path, environment, elsewhere, disc):
    done = run(
        *("remove", "-", "-"),
        environment=environment,
        cwd=elsewhere,
        input=image_bytes(disc, "JPEG"),
    )
    assert done.returncode == 0, done.stderr
    cutout = np.asarray(Image.open(io.BytesIO(done.stdout)))
    assert cutout.shape == (120, 160, 4)
    assert cutout[60, 80, 3] > 200 > 50 > cutout[5, 5, 3]


@pytest.mark.weights
def test_a_watched_folder_is_worked_on_until_ctrl_c(u2netp_path, environment, elsewhere, disc):
    source, target = elsewhere / "in", elsewhere / "out"
    source.mkdir()
    with subprocess.Popen(
        [*COMMAND, "remove", source, target, "--watch", "--background", "white"],
        env=environment,
        cwd=elsewhere,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        # The log of the first start, which derives a graph, comes before it.
        assert any(b"Watching" in line for line in iter(process.stderr.readline, b""))
        for name in ("a", "b"):
            (source / f"{name}.jpg").write_bytes(image_bytes(disc, "JPEG"))
            assert process.stdout.readline() == b"1 done, 0 failed\n"
            result = (target / f"{name}.png").read_bytes()
            assert Image.open(io.BytesIO(result)).mode == "RGB"
        (source / "c.jpg").write_bytes(b"no image")
        assert process.stdout.readline() == b"0 done, 1 failed\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert b"c.jpg" in errors
    assert errors.endswith(b"Stopped.\n")
