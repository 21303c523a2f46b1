"""How many images are computed at once on a processor, by the number of its cores."""

from cutout.runtimes.hardware import limit_batch

# More cores on one image bring ever less: what is not spread over them takes as long as before.
CORES_A_STREAM = 4


def streams_for(cores: int, free_bytes: int | None, size: int) -> int:
    """Images of `size` x `size` px to compute at once: one for every four cores, at least one.

    cores: at least 1. free_bytes: memory for their maps; None sets no limit.
    """
    wanted = max(1, (cores + CORES_A_STREAM // 2) // CORES_A_STREAM)
    return limit_batch(wanted, free_bytes, size)
