"""How fast work leaves the service, learned from what has left."""

# What an image costs beside its pixels, in megapixels: the model's pass, the same for every size.
FIXED_MEGAPIXELS = 4.0
# Share of the past that still counts after each finished image.
MEMORY = 0.9


class Throughput:
    """Seconds that a megapixel of work takes while the service is busy, newer ones counting more.

    Work, not images: one large image says nothing of how long the next small one takes.
    """

    def __init__(self, seconds_per_megapixel: float = 0.0) -> None:
        """Begin with an estimate, or 0 for unknown: then nobody is refused for being too late."""
        self._seconds, self._work = seconds_per_megapixel, float(seconds_per_megapixel > 0)

    @property
    def seconds_per_megapixel(self) -> float:
        """The estimate; 0 before anything has finished."""
        return self._seconds / self._work if self._work else 0.0

    def learn(self, seconds: float, work: float) -> None:
        """Take in that `work` megapixels left the service `seconds` after the ones before."""
        self._seconds = MEMORY * self._seconds + seconds
        self._work = MEMORY * self._work + work
