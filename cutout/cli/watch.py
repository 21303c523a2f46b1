"""New files of a folder, by polling: the same on local disks, network shares and in containers."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cutout.cli.jobs import Job

INTERVAL_S = 1.0
FileState = tuple[int, int]


def watch(
    find: Callable[[], list[Job]], pause: Callable[[float], object] = time.sleep
) -> Iterator[list[Job]]:
    """Yield, after every poll and without end, the jobs whose image is complete and new or changed.

    find: lists the jobs at present. An image is complete when size and modification time are the
    same in two polls, INTERVAL_S apart: until then it may still be written.
    """
    before: dict[Path, FileState] = {}
    yielded: dict[Path, FileState] = {}
    while True:
        jobs = _jobs(find)
        now = {job.image: state for job in jobs if (state := _state(job.image))}
        complete = {path: state for path, state in now.items() if before.get(path) == state}
        yield [
            job
            for job in jobs
            if job.image in complete and yielded.get(job.image) != complete[job.image]
        ]
        # Removed files are forgotten, so that memory does not grow without end.
        yielded = {path: yielded[path] for path in now if path in yielded} | complete
        before = now
        pause(INTERVAL_S)


def _jobs(find: Callable[[], list[Job]]) -> list[Job]:
    try:
        return find()
    except FileNotFoundError:  # a folder was removed while it was read; the next poll tells
        return []


def _state(path: Path) -> FileState | None:
    """Size and modification time; None when the file has gone in the meantime."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns
