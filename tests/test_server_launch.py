"""`python app.py`: which Python, which folders, what it tells at the first start."""

import subprocess
import sys

import pytest
from serving import ROOT, environment, free_port, start


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14), (4, 0)])
def test_another_python_is_refused_in_one_sentence(version):
    script = (
        f"import sys; sys.version_info = {(*version, 0, 'final', 0)}\n"
        "from cutout.server.launch import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("cutout: Python 3.11, 3.12 or 3.13 is needed")
    assert f"this is Python {version[0]}.{version[1]}." in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.weights
def test_relative_folders_are_meant_from_where_the_command_was_typed(tmp_path, u2netp_path):
    """And the first start says what takes so long, then that it is ready."""
    settings = {"model": "u2netp", "runtime": "onnxruntime", "precision": "fp32"}
    folders = {"upload_dir": "up", "result_dir": "down/results", "cache_dir": "cache"}
    with start(tmp_path, **settings, **folders) as running:
        running.wait_until_ready()
        log = running.log
    assert (tmp_path / "up").is_dir()
    assert (tmp_path / "down" / "results").is_dir()
    assert list((tmp_path / "cache").rglob("*.onnx"))
    assert not (ROOT / "up").exists()
    told = [line for line in log.splitlines() if " request " not in line]
    assert "INFO processor: " in told[0]
    assert "INFO making the 32-bit graph of u2netp, once" in told[1]
    assert f"INFO ready: {running.address}, cpu, fp32, " in told[-1]


def test_a_wrong_setting_stops_the_start_with_one_sentence(tmp_path):
    env = environment(tmp_path, port=free_port(), device="tpu")
    run = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.startswith("cutout: CUTOUT_DEVICE='tpu'")
    assert len(run.stderr.splitlines()) == 1
