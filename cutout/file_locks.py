"""Locks on files that end with the process, however it ends."""

import sys
import time

# Windows gives up after ten seconds by itself; a download takes longer.
RETRY_S = 0.5

if sys.platform == "win32":
    import msvcrt

    def try_lock(handle: int) -> bool:
        """Lock an open file for this process alone; False where another one has locked it."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def lock(handle: int) -> None:
        """`try_lock`, again and again until it succeeds."""
        while not try_lock(handle):
            time.sleep(RETRY_S)

else:
    import fcntl

    def try_lock(handle: int) -> bool:
        """Lock an open file for this process alone; False where another one has locked it."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def lock(handle: int) -> None:
        """Lock an open file for this process alone; waits while another one has locked it."""
        fcntl.flock(handle, fcntl.LOCK_EX)


def share(handle: int) -> None:
    """Turn a lock into one held together with others; under Windows nothing is shared."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_SH)
