"""Whether other servers use a folder at the same time."""

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)


class FolderLock:
    """A lock that every server holds on a folder it uses: shared, and exclusive while it cleans.

    flock(2) on the folder itself: no file is added, and the kernel releases it however the
    process ends.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, which must exist; nothing is locked yet."""
        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def try_exclusive(self) -> bool:
        """Lock the folder if no other server uses it; False also where nothing can be locked."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            log.warning("a folder cannot be locked (%s): it is not cleaned", error.strerror)
            return False
        return True

    def share(self) -> None:
        """Hold the lock together with other servers; waits while one of them cleans."""
        with suppress(OSError):
            fcntl.flock(self._handle, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give the lock up."""
        os.close(self._handle)
