"""How much memory this process may take: the machine's, its container's, or its service's."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
# What one image that is worked on may need.
WORKER_BYTES = 700_000_000
# Where versions 2 and 1 of control groups keep a limit: folder of the hierarchy, and file in it.
LIMITS = {"": ("", "memory.max"), "memory": ("memory", "memory.limit_in_bytes")}


def total_bytes(proc: Path = PROC, cgroup: Path = CGROUP) -> int | None:
    """Bytes of the machine, less where a control group's limit is smaller; None if unknown.

    A container sees its own group as the root; systemd's MemoryMax stands in a group below it.
    """
    if not (proc / "meminfo").is_file():
        return None
    fields = dict(line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines())
    total = int(fields["MemTotal"].split()[0]) * 1024
    for file in _limit_files(proc, cgroup):
        if file.is_file() and (text := file.read_text().strip()).isdigit():
            total = min(total, int(text))
    return total


def for_requests(workers: int) -> int:
    """Bytes for the images that so many workers have in hand: at most half of the machine's."""
    wanted = WORKER_BYTES * max(2, workers)
    total = total_bytes()
    return min(wanted, total // 2) if total else wanted


def _limit_files(proc: Path, cgroup: Path) -> Iterator[Path]:
    """The files of the root, and of the groups from there down to that of this process."""
    groups = dict.fromkeys(LIMITS, PurePosixPath("/"))
    own = proc / "self" / "cgroup"
    for line in own.read_text().splitlines() if own.is_file() else ():
        _, controllers, path = line.split(":", 2)
        groups |= {one: PurePosixPath(path) for one in controllers.split(",") if one in LIMITS}
    for controller, (folder, name) in LIMITS.items():
        for group in (groups[controller], *groups[controller].parents):
            yield cgroup / folder / group.relative_to("/") / name
