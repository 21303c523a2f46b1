"""The state of a run on disk: whole or not at all, and only for the run that wrote it."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from cutout.errors import ConfigurationError, StorageFull
from cutout.files import write_atomically


def save(path: Path, state: dict[str, Any], run: str) -> None:
    """Write tensors and plain values; run: a text that is equal for equal data and settings."""
    buffer = io.BytesIO()
    torch.save(state | {"run": run}, buffer)
    try:
        write_atomically(path, buffer.getvalue(), fsync=True)
    except OSError as error:
        raise StorageFull(
            f"The checkpoint could not be written ({error.strerror}); the last one is kept. Free "
            "some room and run the same command again: it goes on from there."
        ) from error


def load(path: Path, run: str) -> dict[str, Any] | None:
    """The state of this run; None where there is none.

    ConfigurationError where the file belongs to another run, or is no checkpoint.
    """
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ConfigurationError(
            f"{path.name} is no checkpoint; delete it, or add --restart."
        ) from error
    if state.get("run") != run:
        raise ConfigurationError(
            f"{path.name} belongs to a run with other images or settings; use the same ones, or "
            "add --restart to start over."
        )
    return state
