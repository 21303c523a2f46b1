"""Writing into the cache folder."""

import os
import tempfile
from pathlib import Path

from cutout.errors import ConfigurationError


def write_atomically(target: Path, data: bytes) -> None:
    """Never a half file under the final name; of two processes building at once the last wins."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    except OSError as error:
        raise ConfigurationError(
            f"the cache folder cannot be written ({error.strerror}); set another one"
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise ConfigurationError(
            f"a derived model could not be stored ({error.strerror}); free some disk space"
        ) from error
