"""The package that `pip install .` makes: its content, its command, its notices."""

import hashlib
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from test_platforms import UNREACHABLE

from cutout import __version__
from cutout.models.table import MODELS

ROOT = Path(__file__).parent.parent
THIRD_PARTY = (ROOT / "THIRD_PARTY.md").read_text()
VENDORED = re.compile(r"^\| `(cutout/\S+)` \|.*SHA-256 `([0-9a-f]{64})`", re.MULTILINE)


def tracked(folder: str) -> list[str]:
    """Files of the repository in a folder; without git those on disk."""
    listed = subprocess.run(
        ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        return listed.stdout.splitlines()
    paths = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = [str(path.relative_to(ROOT)) for path in paths]
    return [name for name in names if "__pycache__" not in name]


@pytest.mark.parametrize("name", MODELS)
def test_third_party_names_every_weight_file_with_licence_and_hashes(name):
    model = MODELS[name]
    row = next(line for line in THIRD_PARTY.splitlines() if line.startswith(f"| `{name}` |"))
    assert f"| {model.licence} | {model.commercial_use} |" in row
    assert all(known in row for known in (model.md5, model.sha256) if known)


def test_third_party_names_every_vendored_file_with_its_hash():
    named = dict(VENDORED.findall(THIRD_PARTY))
    ours = {name for name in tracked("cutout/web/static/vendor") if name.endswith(".js")}
    ours |= {name for name in tracked("cutout/web/static/examples") if not name.endswith(".txt")}
    assert named.keys() == ours
    for name, expected in named.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == expected


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "cutout.__version__"}
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, built from a copy: setuptools leaves folders behind."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    names = [*tracked("cutout"), *tracked("*.py"), *tracked("*.txt"), *tracked("*.md")]
    for name in dict.fromkeys([*names, "pyproject.toml"]):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    command = [*(sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder))]
    run = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    if run.returncode and UNREACHABLE.search(run.stderr):
        pytest.skip("the package registry, which has setuptools, is not reached from here")
    assert run.returncode == 0, run.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_the_three_modules(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        metadata = archive.read(f"cutout-{__version__}.dist-info/METADATA").decode()
    assert {*tracked("cutout"), "app.py", "u2net.py", "metrics.py"} <= inside
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/"))]
    assert f"cutout-{__version__}.dist-info/licenses/THIRD_PARTY.md" in inside
    required = {
        Requirement(line.partition(": ")[2]).name
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist") and "extra ==" not in line
    }
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert required == {Requirement(line).name for line in lines if line and line[0] != "#"}


@pytest.mark.weights
def test_the_installed_command_removes_a_background(
    wheel, tmp_path, disc_png, u2netp_path, monkeypatch
):
    """In a new environment that sees this one's libraries, so that only ours is installed."""
    monkeypatch.setenv("CUTOUT_MODEL", "u2netp")
    venv.create(tmp_path / "venv", with_pip=True)
    folder = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python, command = folder / "python", folder / "cutout"
    install = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "libraries.pth").write_text(ours)

    def cutout(*arguments: str) -> str:
        run = subprocess.run(
            [command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    assert cutout("--version").strip().endswith(__version__)
    assert {"serve", "remove", "evaluate", "compare", "weights"} <= set(cutout("--help").split())
    listed = cutout("weights", "list")
    assert all(name in listed for name in MODELS)
    (tmp_path / "disc.png").write_bytes(disc_png)
    cutout("remove", "disc.png", "result.png")
    assert (tmp_path / "result.png").read_bytes().startswith(b"\x89PNG")
    where = "import app, cutout.settings as s; print(app.__file__, s.Settings().upload_dir)"
    shown = subprocess.run(
        [python, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    app_file, uploads = shown.stdout.split()
    assert Path(app_file).parent == site
    assert Path(uploads).parts[-2:] == ("cutout", "uploads")
