"""Every command of the README is run, and every setting of the service stands in it."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from serving import serve
from skimage import data
from training_kit import write_pairs

from cutout.options import Options
from cutout.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
NOT_CHECKED_OUT = (".git", ".venv", ".*_cache", "__pycache__", "uploads", "results", "node_modules")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as a user has it: the checkout, a photograph, its mask, some photographs."""
    folder = tmp_path_factory.mktemp("user") / "checkout"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_CHECKED_OUT))
    photo = data.astronaut()
    Image.fromarray(photo).save(folder / "photo.jpg")
    Image.fromarray(data.cat()).save(folder / "other.jpg")
    stroke = np.zeros((64, 64), np.uint8)
    stroke[30:34, 20:30] = 255
    Image.fromarray(stroke).save(folder / "keep.png")
    Image.fromarray(stroke[::-1, ::-1]).save(folder / "erase.png")
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[20:, 80:400] = 255
    for name in ("photos", "images", "masks"):
        (folder / name).mkdir()
    Image.fromarray(mask).save(folder / "mask.png")
    Image.fromarray(mask).save(folder / "masks" / "a.png")
    Image.fromarray(data.cat()).save(folder / "photos" / "cat.jpg")
    Image.fromarray(photo).save(folder / "images" / "a.jpg")
    return folder


@pytest.fixture(scope="module")
def server(place):
    """`python app.py`, as the README starts it."""
    with serve(place) as address:
        yield address


def run(line: str, folder: Path) -> str:
    # The interpreter that runs this test stands for the user's own environment.
    own = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line.replace(".venv/bin/", f"{own}/")],
        cwd=folder,
        env={**os.environ, "PATH": f"{own}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def check_make(line, place):
    """Recursion is not wanted here: the target must exist and its steps be known to make."""
    assert run(line.replace("make", "make --dry-run", 1), place)


def check_pip(line, place):
    """Already satisfied without a network, by what runs this test."""
    if "requirements-train" in line:
        pytest.importorskip("torch", reason="PyTorch is not installed (make test-train)")
    line = line.replace("/pip install", "/python -m pip install --dry-run --no-index", 1)
    run(line, place)


def check_curl(line, place, server):
    out = run(
        line.replace("http://localhost:5000", server).replace("curl ", "curl -sSf ", 1), place
    )
    if line.endswith(".zip"):
        with zipfile.ZipFile(place / line.split("-o ")[1]) as archive:
            assert set(archive.namelist()) == {"photo.png", "other.png"}
    elif "-o " in line:
        cutout = np.asarray(Image.open(place / line.split("-o ")[1].split()[0]))
        assert cutout.ndim == 3
        assert 0.05 < (cutout[..., -1] > 128).mean() < 0.98
    elif "/metrics" not in line:
        assert json.loads(out)


def check_train(line, place):
    """In short form: small images and few steps, on drawn pairs that the stock model gets wrong."""
    pytest.importorskip("torch", reason="PyTorch is not installed (make test-train)")
    write_pairs(place / "pairs", 24)
    out = run(f"{line} --size 64 --steps 20 --validation 0.4 --threads 1", place)
    assert "Written: mine.onnx" in out
    fields = "-F image=@pairs/image/p00.png -F model=mine"
    with serve(place, models="u2netp,mine.onnx") as address:
        run(f"curl -sSf {fields} {address}/remove-bg -o mine.png", place)
    alpha = np.asarray(Image.open(place / "mine.png"))[..., 3] > 128
    truth = np.asarray(Image.open(place / "pairs" / "mask" / "p00.png")) > 128
    assert (alpha & truth).sum() / (alpha | truth).sum() > 0.8


@pytest.mark.weights
@pytest.mark.parametrize("line", COMMANDS)
def test_command(line, place, server):
    if line.startswith("make "):
        check_make(line, place)
    elif "/pip install" in line:
        check_pip(line, place)
    elif "cutout train " in line:
        check_train(line, place)
    elif line.startswith("curl "):
        check_curl(line, place, server)
    elif line.endswith("-m venv .venv"):
        run(line.replace(".venv", "new-venv --without-pip"), place)
    elif not line.endswith("python app.py"):  # that one is the server
        run(line, place)


@pytest.mark.weights
@pytest.mark.parametrize("code", PYTHON)
def test_python_example(code, place):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_has_commands():
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_readme(name):
    assert f"`CUTOUT_{name.upper()}`" in README


@pytest.mark.parametrize("name, field", Options.model_fields.items())
def test_every_option_and_its_default_stand_in_the_readme(name, field):
    words = {None: ("off", "none", "model's"), True: ("on",), False: ("off",)}
    # 1 == True: by identity, or an iteration would be "on".
    known = [said for value, said in words.items() if field.default is value]
    shown = known[0] if known else (str(field.default),)
    assert any(f"| `{name}` | {word} |" in README for word in shown), shown
