"""How many images are computed at once on a processor, by the number of its cores."""

from cutout.runtimes.hardware import limit_batch

# Up to this many cores one image has them all: a pass on one core would take 7 % (AVX2) to 14 %
# (VNNI) less CPU time than on two, which wait for each other after every layer, but the second
# model takes 260 MB, half of what a service on such a machine has.
SINGLE_STREAM_CORES = 2
# Up to this many each has a stream of its own.
CORES_WITH_A_STREAM = 8
# On more cores other things bound the throughput, and several to an image shorten its time.
CORES_A_STREAM = 4


def streams_for(cores: int, free_bytes: int | None, size: int) -> int:
    """Images of `size` x `size` px to compute at once while many wait, at least one.

    cores: at least 1. free_bytes: memory for their maps; None sets no limit.
    """
    if cores <= SINGLE_STREAM_CORES:
        return 1
    wanted = max(min(cores, CORES_WITH_A_STREAM), cores // CORES_A_STREAM)
    return limit_batch(wanted, free_bytes, size)
