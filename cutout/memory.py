"""How much memory this process may take: the machine's, or its container's."""

from pathlib import Path

PROC = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
# Where versions 2 and 1 of control groups keep a container's limit.
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")


def total_bytes(proc: Path = PROC, group: Path = CGROUP) -> int | None:
    """Bytes of the machine, less where a container's limit is smaller; None if unknown."""
    if not proc.is_file():
        return None
    fields = dict(line.split(":", 1) for line in proc.read_text().splitlines())
    total = int(fields["MemTotal"].split()[0]) * 1024
    for name in LIMITS:
        if (group / name).is_file() and (text := (group / name).read_text().strip()).isdigit():
            total = min(total, int(text))
    return total
