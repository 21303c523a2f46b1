"""Every benchmark starts: its imports hold, and its options can be shown."""

import importlib
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted(
    path.stem
    for path in (Path(__file__).parent.parent / "benchmarks").glob("*.py")
    if path.stem != "__init__"
)
WITH_OPTIONS = [
    *("__main__", "calibrate", "codecs", "contact_sheet", "fit_quality", "gpu", "imitate"),
    *("layers", "load", "many_cores", "model"),
    *("refine", "serve", "service_quality", "stages"),
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_can_be_imported(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_a_benchmark_shows_its_options(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main()
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out
