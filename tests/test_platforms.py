"""Wheels of every requirement for every platform we name, resolved by pip without installing.

pip judges environment markers by the machine it runs on, whatever `--platform` says; those of our
own lines are therefore judged here, for the platform in question. Markers inside other packages'
requirements stay those of this machine.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
RESOLVE_S = 300
UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Temporary failure in name resolution"
    r"|Could not fetch URL|Connection (refused|reset)|ProxyError"
)


@dataclass(frozen=True)
class Platform:
    """A system as environment markers name it, and the wheel tags it accepts."""

    sys_platform: str
    platform_machine: str
    tags: tuple[str, ...]


def glibc(machine: str) -> tuple[str, ...]:
    """Tags of wheels for glibc 2.28 and older, the newest first."""
    versions = [f"manylinux_2_{minor}_{machine}" for minor in (28, 27, 26, 24, 17)]
    return (*versions, f"manylinux2014_{machine}")


PLATFORMS = {
    "linux-x86_64": Platform("linux", "x86_64", glibc("x86_64")),
    "linux-aarch64": Platform("linux", "aarch64", glibc("aarch64")),
    "macos-arm64": Platform("darwin", "arm64", ("macosx_14_0_arm64",)),
    "windows-x64": Platform("win32", "AMD64", ("win_amd64",)),
}


def lines(name: str) -> list[str]:
    texts = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return [text for text in texts if text and not text.startswith("-")]


def requirements_of(name: str, platform: Platform, python: str) -> list[Requirement]:
    """The lines that hold on a platform."""
    environment = {
        "sys_platform": platform.sys_platform,
        "platform_machine": platform.platform_machine,
        "python_version": python,
    }
    found = [Requirement(line) for line in lines(name)]
    return [one for one in found if one.marker is None or one.marker.evaluate(environment)]


def names_of(name: str, platform: Platform, python: str = "3.11") -> set[str]:
    return {one.name for one in requirements_of(name, platform, python)}


def resolve(name: str, platform: Platform, python: str, *options: str) -> str:
    """Let pip choose wheels for every line and what it needs; returns what pip says."""
    wanted = requirements_of(name, platform, python)
    command = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
        *("--only-binary", ":all:", "--target", "unused", "--disable-pip-version-check"),
        *("--python-version", python, *options),
        *(part for tag in platform.tags for part in ("--platform", tag)),
        *(f"{one.name}{one.specifier}" for one in wanted),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RESOLVE_S)
    if run.returncode and UNREACHABLE.search(run.stderr):
        pytest.skip("the package registry is not reached from here")
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@cache
def registry_is_reached() -> bool:
    """Whether pip finds a small package where it looks; asked once."""
    command = [sys.executable, "-m", "pip", "index", "versions", "idna", "--timeout", "5"]
    return subprocess.run(command, capture_output=True, timeout=120).returncode == 0


@pytest.fixture
def registry():
    if not registry_is_reached():
        pytest.skip("the package registry is not reached from here")


# One in `make test`, some ten seconds; every platform and Python with `make test-platforms`.
QUICK = [("linux-aarch64", "3.11")]
REST = [(name, python) for name in PLATFORMS for python in PYTHONS if (name, python) not in QUICK]
ALL = [
    *QUICK,
    *(pytest.param(*combination, marks=pytest.mark.platforms) for combination in REST),
]


@pytest.mark.parametrize("name, python", ALL)
def test_every_requirement_has_a_wheel(name, python, registry):
    chosen = resolve("requirements.txt", PLATFORMS[name], python).splitlines()[-1]
    assert chosen.startswith("Would install ")
    has_gpu = name in ("linux-x86_64", "windows-x64")
    assert ("onnxruntime-gpu-" in chosen) == has_gpu
    assert (" onnxruntime-1" in chosen) != has_gpu
    assert ("openvino-20" in chosen) == (name != "linux-aarch64")


@pytest.mark.platforms
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", PLATFORMS)
def test_the_small_installation_has_wheels_too(name, python, registry):
    chosen = resolve("requirements-cpu.txt", PLATFORMS[name], python, "-c", "requirements.txt")
    assert " onnxruntime-1" in chosen
    assert "numba" not in chosen


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_server_is_installed_that_runs_there(name):
    servers = names_of("requirements.txt", PLATFORMS[name]) & {"gunicorn", "waitress"}
    assert servers == ({"waitress"} if name == "windows-x64" else {"gunicorn"})


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_small_installation_differs_in_what_it_says_only(name):
    full = names_of("requirements.txt", PLATFORMS[name])
    small = names_of("requirements-cpu.txt", PLATFORMS[name])
    assert small - full == {"pooch", "jsonschema"} | ({"onnxruntime"} - full)
    # rembg is installed without its dependencies, and pytest is for tests.
    assert full - small == {"rembg", "pytest"} | ({"onnxruntime-gpu"} & full)


def test_the_service_asks_for_nothing_that_only_evaluation_needs():
    full = {Requirement(line).name for line in lines("requirements.txt")}
    assert not full & {Requirement(line).name for line in lines("requirements-evaluate.txt")}
