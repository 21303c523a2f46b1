"""An older processor is imitated for every library, in children too, or the command is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# NumPy and OpenVINO ask the processor itself, each in its own way.
ASK = """
import subprocess, sys
if sys.argv[1:] == ["child"]:
    sys.exit(subprocess.run([sys.executable, sys.argv[0]]).returncode)
import numpy._core._multiarray_umath as umath
import openvino
capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
print(umath.__cpu_features__["AVX2"], umath.__cpu_features__["AVX512F"], "BF16" in capabilities)
"""


@pytest.fixture
def ask(tmp_path):
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    script = tmp_path / "ask.py"
    script.write_text(ASK)

    def run(level, *words):
        command = [sys.executable, "-m", "benchmarks.imitate", level, sys.executable, str(script)]
        done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True)
        if "cannot hide instruction sets" in done.stderr:
            assert done.returncode == 3
            pytest.skip("this processor cannot intercept CPUID")
        return done

    return run


@pytest.mark.parametrize("words", [(), ("child",)], ids=["itself", "child"])
def test_libraries_see_avx2_and_nothing_newer(ask, words):
    done = ask("avx2", *words)
    assert done.stdout.split() == ["True", "False", "False"], done.stderr


def test_a_command_that_fails_keeps_its_status(ask):
    assert ask("avx2-vnni", "child").returncode == 0
    command = [sys.executable, "-m", "benchmarks.imitate", "avx2", "sh", "-c", "exit 7"]
    assert subprocess.run(command, cwd=ROOT).returncode == 7
