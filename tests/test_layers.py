"""The layers of the package: a module imports only from lower ones, never sideways."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {
        "deadlines",
        "errors",
        "fair_queue",
        "file_locks",
        "files",
        "logs",
        "memory",
        "no_telemetry",
        "parallel",
        "pixels",
    },
    {"deferred", "guided_filter", "resampling"},
    {"models", "archives"},
    {
        "settings",
        "options",
        "images",
        "refine",
        "matting",
        "compose",
        "measures",
        "quality",
    },
    {"weights", "runtimes", "batching", "admission", "storage", "telemetry", "cache"},
    {"pipeline", "evaluation", "bulk", "training"},
    {"service"},
    {"http"},
    {"api", "removebg", "web", "cli", "server"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
TOP = {"app", "u2net", "metrics"}
SOURCES = sorted((ROOT / "cutout").rglob("*.py"))
ONLY_IN = {
    "rembg": {"u2net"},
    "pyarrow": {"bulk"},
    "ray": {"bulk"},
    "tritonclient": {"runtimes"},
    "flask": {"app", "http", "api", "removebg", "web", "cli"},
}


def unit(path: Path) -> str:
    """The design's module a file belongs to: `cutout/images/png.py` is part of `images`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "cutout" and len(parts) > 1 else parts[0]


def imported(path: Path) -> set[str]:
    """Absolute dotted names that a file imports, relative imports resolved."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join([*package, *base.split(".")]).rstrip(".")
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def units_of(names: set[str]) -> set[str]:
    return {parts[1] for name in names if (parts := name.split("."))[0] == "cutout" and parts[1:]}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_lower_layers(path):
    own = unit(path)
    if own == "__init__":
        return
    assert own in LEVEL, f"{own} has no layer: add it to the table"
    for name in (units_of(imported(path)) & LEVEL.keys()) - {own}:
        assert LEVEL[name] < LEVEL[own], f"{own} (layer {LEVEL[own]}) imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_package_never_imports_the_top_level(path):
    assert not {name.split(".")[0] for name in imported(path)} & TOP


@pytest.mark.parametrize("library, allowed", ONLY_IN.items())
def test_a_library_is_imported_in_its_place_only(library, allowed):
    users = {
        unit(path)
        for path in [*SOURCES, *ROOT.glob("*.py")]
        if library in {name.split(".")[0] for name in imported(path)}
    }
    assert users <= allowed


def test_settings_are_read_at_the_top_only():
    """Below, everything is an ordinary argument; `u2net` stands beside `app`, for scripts."""
    readers = {
        unit(path)
        for path in [*SOURCES, *ROOT.glob("*.py")]
        if any(name.startswith("cutout.settings") for name in imported(path))
    }
    assert readers - {"settings"} <= {"app", "u2net", "gunicorn.conf", "cli", "server", "__main__"}


def test_the_layer_test_sees_a_sideways_import(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "cutout").mkdir()
    bad = tmp_path / "cutout" / "refine.py"
    bad.write_text("from .matting import solve\n")
    with pytest.raises(AssertionError, match="imports matting"):
        test_a_module_imports_only_from_lower_layers(bad)
