"""Whether other servers use a folder at the same time."""

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from cutout import file_locks

log = logging.getLogger(__name__)


class FolderLock:
    """A lock that every server holds on a folder it uses: shared, and exclusive while it cleans.

    flock(2) on the folder itself: no file is added, and the kernel releases it however the
    process ends. Under Windows, where folders cannot be opened, a file in it is locked, and the
    first server keeps it for itself: others leave the cleaning to it.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, which must exist; nothing is locked yet."""
        if sys.platform == "win32":
            self._handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
        else:
            self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def try_exclusive(self) -> bool:
        """Lock the folder if no other server uses it; False also where nothing can be locked."""
        try:
            return file_locks.try_lock(self._handle)
        except OSError as error:
            log.warning("a folder cannot be locked (%s): it is not cleaned", error.strerror)
            return False

    def share(self) -> None:
        """Hold the lock together with other servers; waits while one of them cleans."""
        with suppress(OSError):
            file_locks.share(self._handle)

    def release(self) -> None:
        """Give the lock up."""
        os.close(self._handle)
