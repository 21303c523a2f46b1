"""rembg without pymatting: importing it, and what its own alpha matting then says."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# As in an environment where the packages are not installed.
HIDE = """
import importlib.util, sys
real = importlib.util.find_spec
def find_spec(name, *rest):
    return None if name == "pymatting" else real(name, *rest)
importlib.util.find_spec = find_spec
"""


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_without_pymatting_rembg_is_imported_and_numba_is_not():
    done = python(
        f"{HIDE}\nimport u2net\nassert 'rembg' in sys.modules\nprint('numba' in sys.modules)"
    )
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


def test_without_pymatting_rembgs_alpha_matting_says_what_is_missing():
    done = python(f"{HIDE}\nimport u2net, rembg.bg\nrembg.bg.estimate_alpha_cf(1, 2)")
    assert "ImportError: alpha_matting of rembg needs pymatting" in done.stderr


def test_an_installed_pymatting_is_the_one_that_rembg_gets():
    pytest.importorskip("pymatting")
    done = python("import u2net, rembg.bg\nprint(rembg.bg.stack_images.__code__.co_filename)")
    assert "pymatting" in Path(done.stdout.strip()).parts
