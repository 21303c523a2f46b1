"""Folders that may hold weights, and those that downloads are written to."""

import getpass
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cutout.errors import ConfigurationError
from cutout.models.table import ModelSpec


@dataclass(frozen=True)
class Folder:
    """A folder that we may write weights to.

    name: for error texts, which never show a path. ours: only this program writes there, so a
    wrong file is replaced; in the user's own folder it is reported and not touched. shared_parent:
    other users may create folders beside it.
    """

    path: Path
    name: str
    ours: bool
    shared_parent: bool = False

    def is_trusted(self) -> bool:
        """Whether the folder belongs to this user alone: no link, no access for others."""
        if not self.shared_parent:
            return True
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        if sys.platform == "win32":
            # The temporary folder is the user's own there.
            return stat.S_ISDIR(found.st_mode)
        is_private = found.st_uid == os.getuid() and not found.st_mode & 0o077
        return stat.S_ISDIR(found.st_mode) and is_private

    def make(self) -> None:
        """Create the folder where it is missing; OSError when that cannot be done safely."""
        self.path.mkdir(mode=0o700 if self.shared_parent else 0o777, parents=True, exist_ok=True)
        if not self.is_trusted():
            raise PermissionError(13, "the folder is not private to this user")


def _expanded(text: str) -> list[Path]:
    """The folder, or none where `~` cannot be expanded."""
    path = Path(os.path.expanduser(text))
    return [path] if path.is_absolute() else []


def rembg_files(spec: ModelSpec, environ: Mapping[str, str]) -> list[Path]:
    """Files that rembg uses: in a folder for each model (from 2.0.80 on), then in its flat folder.

    U2NET_HOME precedes REMBG_HOME, as in rembg itself.
    """
    data = environ.get("XDG_DATA_HOME")
    flat = environ.get("U2NET_HOME") or os.path.join(data or "~", ".u2net")
    newer = os.path.join(data, "rembg") if data else "~/.rembg"
    home = environ.get("U2NET_HOME") or environ.get("REMBG_HOME") or newer
    nested = [root / "models" / spec.name for root in _expanded(home)]
    return [folder / spec.file_name for folder in [*nested, *_expanded(flat)]]


def write_folders(models_dir: Path | None, environ: Mapping[str, str]) -> list[Folder]:
    """Folders for a download, in order: CUTOUT_MODELS_DIR, our cache, a private temporary one.

    Each is used only where those before it cannot be written to (a read-only home).
    """
    configured = (
        [Folder(models_dir, "the folder of CUTOUT_MODELS_DIR", ours=False)] if models_dir else []
    )
    cache = _expanded(environ.get("XDG_CACHE_HOME") or "~/.cache")
    private = Path(tempfile.gettempdir()) / f"cutout-models-{_user()}"
    return [
        *configured,
        *(Folder(root / "cutout" / "models", "the cache folder", ours=True) for root in cache),
        Folder(private, "the temporary folder", ours=True, shared_parent=True),
    ]


def _user() -> str:
    """What tells the users of one machine apart."""
    if sys.platform == "win32":
        return getpass.getuser()
    return str(os.getuid())


def derived_folder(weights: Path, environ: Mapping[str, str]) -> Path:
    """Folder for the graphs derived from a weights file: beside it, else in our cache.

    Raises ConfigurationError when no folder can be written to.
    """
    beside = [Folder(weights.parent, "the folder of the weights", ours=False)]
    for folder in [*beside, *write_folders(None, environ)]:
        path = folder.path / "derived"
        try:
            folder.make()
            path.mkdir(exist_ok=True)
        except OSError:
            continue
        if os.access(path, os.W_OK):
            return path
    raise ConfigurationError(
        "No folder for derived graphs can be written to; set CUTOUT_CACHE_DIR to one."
    )
