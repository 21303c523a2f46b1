"""What is imported only when it is called: rembg's alpha matting and the evaluation's packages."""

import subprocess
import sys

import pytest
from click.testing import CliRunner
from serving import ROOT

from cutout import evaluation
from cutout.cli.console import make_console
from cutout.deferred import deferred, import_package, require_package
from cutout.errors import MissingPackage
from u2net import RembgModel


def run_python(script: str) -> str:
    """What a fresh interpreter prints; ours has imported everything already."""
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout


# Of what a start does not need: packages, and our modules that bring them.
HEAVY = {
    *("scipy", "numba", "llvmlite", "pymatting", "skimage", "sklearn", "matplotlib", "pandas"),
    *(
        "requests",
        "urllib3",
        "tqdm",
        "pebble",
        "pooch",
        "jsonschema",
        "attrs",
        "charset_normalizer",
    ),
    *("onnx", "torch", "ray", "pyarrow", "tritonclient", "opentelemetry", "unittest"),
    *("cutout.training", "cutout.bulk", "cutout.evaluation", "cutout.cli.train", "cutout.cli.bulk"),
    *("cutout.matting.solve", "cutout.refine.hints", "cutout.weights.release"),
}


@pytest.mark.weights
def test_a_start_imports_nothing_heavy(tmp_path, u2netp_path):
    """With the model loaded and a first image cut out, which each start does to measure its time.

    Once on a derived graph that was made before: making it needs onnx.
    """
    script = f"""
import sys, app
from pathlib import Path
from cutout.settings import Settings
folder = Path({str(tmp_path)!r})
app.create_app(Settings(model="u2netp", upload_dir=folder / "up", result_dir=folder / "down"))
print(sorted({HEAVY!r} & sys.modules.keys()), "cv2" in sys.modules)
"""
    RembgModel("u2netp").remove_bg(ROOT / "docs/page/compare.jpg", tmp_path / "derived.png")
    assert run_python(script).splitlines()[-1] == "[] True"


def test_rembg_cuts_out_with_our_session_where_pymatting_is_not_installed():
    script = """
import sys
for name in ("pymatting", "numba", "skimage"):
    sys.modules[name] = None
import numpy as np
from PIL import Image
import u2net, rembg
from cutout.errors import MissingPackage

class Brightness:
    def run(self, batch):
        return batch.mean(axis=1)

session = u2net.rembg_session("u2netp", Brightness())
image = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], (64, 1, 3)))
cutout = np.asarray(rembg.remove(image, session=session))
print(cutout.shape, cutout[32, 0, 3] < 5, cutout[32, -1, 3] > 250)
try:
    rembg.remove(image, session=session, alpha_matting=True)
except MissingPackage as error:
    print(error.code, error.detail)
"""
    first, second = run_python(script).splitlines()
    assert first == "(64, 64, 4) True True"
    assert second.startswith("missing_package rembg's alpha matting needs the package pymatting")
    assert second.endswith("pip install pymatting")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `sums` with the function `add` in `sums.parts.plus`; counts its imports."""
    folder = tmp_path / "sums" / "parts"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("imports = []\n")
    (folder / "__init__.py").write_text("")
    (folder / "plus.py").write_text("def add(a, b, c=0):\n    return a + b + c\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "sums.parts.plus"
    for name in [name for name in sys.modules if name.partition(".")[0] == "sums"]:
        del sys.modules[name]


def test_a_deferred_function_is_imported_by_its_first_call(package):
    with deferred({package: ["add"]}, needed_for="adding"):
        from sums.parts.plus import add
    assert "sums" not in sys.modules
    assert add(1, 2, c=3) == 6
    assert "sums.parts.plus" in sys.modules


def test_a_package_that_is_there_already_stays_as_it_is(package):
    import sums.parts.plus as real

    with deferred({package: ["add"]}, needed_for="adding"):
        from sums.parts.plus import add
    assert add is real.add


def test_a_missing_package_is_named_with_what_needs_it(package, monkeypatch):
    monkeypatch.setitem(sys.modules, "sums", None)
    with pytest.raises(MissingPackage, match=r"adding needs the package sums.*pip install sums$"):
        import_package(package, "adding")


def test_a_package_that_is_there_is_not_imported_to_be_found(package):
    require_package("sums", "adding")
    assert "sums" not in sys.modules


@pytest.mark.parametrize("name", ["matplotlib", "py_sod_metrics"])
def test_an_evaluation_names_a_missing_package_before_it_measures(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    out = tmp_path / "out"
    arguments = ["evaluate", str(tmp_path), str(tmp_path), "--out", str(out)]
    result = CliRunner().invoke(make_console(serve=lambda: None), arguments)
    assert result.exit_code == 1
    assert f"the package {name}, which is not installed" in result.output
    assert "pip install -r requirements-evaluate.txt" in result.output
    assert not out.exists()


def test_measures_without_pysodmetrics_do_not_ask_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)
    evaluation.require_packages(("mask", "paper", "boundary", "soft"))
