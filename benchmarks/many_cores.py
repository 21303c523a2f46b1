"""What more cores than this machine has would give: measured stages, simulated cores, real queues.

    python -m benchmarks.many_cores --measure stages.json      # alone on the machine, a minute
    python -m benchmarks.many_cores --stages stages.json --cores 8 32 64

The first command times one request here: CPU time of each stage, how long it holds the
interpreter's lock (GIL), and the model's pass on one and on two threads. The second lets many
clients send such requests through the service's own admission, batcher and `parallel_map`; a stage
sleeps, holding simulated cores and a simulated GIL, for as long as it was measured to compute.
`batches` is how the model was fed before: one thread that waits for all images of a batch.
`streams` is how it is fed now. All times are stretched, so that the queues' own time is small
beside them, as it is on a machine with that many cores.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.simulated_cores import Gil, SimulatedCores
from cutout import parallel
from cutout.admission import ConcurrencyLimit, QueueLimit, Throughput
from cutout.batching import Batcher
from cutout.runtimes.streams import streams_for

TENSOR = np.zeros((3, 1, 1), np.float32)
# Of one request of this size, in pixels and bytes; what its rows are divided into.
PIXELS, BYTES, PARTS = 1_100_000, 50_000_000, 4
# Stages before the model, and those whose rows are spread over the cores.
BEFORE = ("decode", "prepare")
SPREAD = ("finish", "edges", "colours", "compose", "encode")
# Of OpenVINO's batches before: at most this many images.
MAX_BATCH = 12
PROBE_S = 0.0003


@dataclass(frozen=True)
class Stage:
    """cpu_s: CPU time in all, of which gil_s with the interpreter's lock held."""

    name: str
    cpu_s: float
    gil_s: float


@dataclass(frozen=True)
class Measured:
    """stages: without the model's. pass_s: of the model's pass, by the number of its threads."""

    stages: list[Stage]
    pass_s: dict[str, float]

    def pass_cpu_s(self, threads: int) -> float:
        """CPU time of a pass on so many threads: what is not spread over them keeps all waiting.

        Amdahl, "Validity of the single processor approach", 1967; from one and two threads.
        """
        one, two = self.pass_s["1"], self.pass_s["2"]
        alone = max(0.0, 2 * two / one - 1)
        return one * (alone * threads + 1 - alone)


def main() -> None:
    args = arguments()
    print(machine())
    if args.measure:
        args.measure.write_text(json.dumps(asdict(measure(args.turns)), indent=1))
        print(args.measure.read_text())
        return
    raw = json.loads(args.stages.read_text())
    measured = Measured([Stage(**stage) for stage in raw["stages"]], raw["pass_s"])
    print("| cores | clients | model fed by | images/s | p50 s | p95 s | cores busy | GIL held |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for cores in args.cores:
        for way in args.ways:
            print(simulate(measured, cores, way, args), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", type=Path, help="write the times of this machine")
    parser.add_argument("--turns", type=int, default=12, help="requests to measure")
    parser.add_argument("--stages", type=Path, help="times to simulate with")
    parser.add_argument("--cores", type=int, nargs="+", default=[8, 32, 64])
    parser.add_argument("--clients", type=int, help="default: twice the cores")
    parser.add_argument("--ways", nargs="+", default=["batches", "streams"])
    parser.add_argument("--images", type=int, default=6, help="of each client")
    parser.add_argument("--stretch", type=float, default=8)
    args = parser.parse_args()
    if not (args.measure or args.stages):
        parser.error("give --measure or --stages")
    return args


def measure(turns: int) -> Measured:
    """Medians of requests of 1.1 MP, with a model on one thread, so that a core is free."""
    from benchmarks.sample_images import SIZES, jpegs
    from benchmarks.stages import request
    from cutout.settings import load
    from u2net import RembgModel

    files = jpegs(SIZES["1"], None)
    model = RembgModel("u2net", load().model_copy(update={"threads": 1}))
    request(files[0], model)
    runs = []
    for turn in range(turns):
        with GilProbe() as probe:
            stages = request(files[turn % len(files)], model, probe.mark)
        runs.append((stages, probe.shares))
    names = [name for name in runs[0][0].ms if name not in ("model", "rest")]
    # The model's pass holds no lock: what is found there comes from other work on the machine.
    noise = statistics.median(held["model"] for _, held in runs)
    stages = []
    for name in names:
        cpu_s = statistics.median(stages.cpu_ms[name] for stages, _ in runs) / 1e3
        share = statistics.median(held.get(name, 0.0) for _, held in runs)
        stages.append(Stage(name, cpu_s, cpu_s * max(0.0, share - noise) / (1 - noise)))
    passes = {str(threads): pass_seconds(threads, turns) for threads in (1, 2)}
    return Measured(stages, passes)


def pass_seconds(threads: int, turns: int) -> float:
    """Time of the model's pass: its CPU time over its threads, which wait for each other."""
    from cutout.settings import load
    from u2net import RembgModel

    model = RembgModel("u2net", load().model_copy(update={"threads": threads}))
    tensor, seconds = np.zeros((3, 320, 320), np.float32), []
    for _ in range(turns + 1):
        start = time.process_time()
        model.infer_one(tensor)
        seconds.append((time.process_time() - start) / threads)
    return statistics.median(seconds[1:])


class GilProbe:
    """Samples, from another thread, whether the interpreter's lock is held when it wants it."""

    def __init__(self) -> None:
        self.shares: dict[str, float] = {}
        self._counts = [0, 0]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "GilProbe":
        # A thread that computes in Python would be interrupted after 5 ms, and the wait end.
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(1)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        sys.setswitchinterval(self._interval)

    def mark(self, stage: str) -> None:
        """A stage has ended: the share of samples that found the lock held."""
        held, free = self._counts
        self.shares[stage] = held / max(1, held + free)
        self._counts = [0, 0]

    def _sample(self) -> None:
        while not self._stop.is_set():
            counts, start = self._counts, time.perf_counter()
            time.sleep(PROBE_S)
            late = time.perf_counter() - start - PROBE_S
            counts[0 if late > PROBE_S / 2 else 1] += 1


@dataclass
class Machine:
    """The simulated machine, and the service's own queues on it."""

    cores: SimulatedCores
    gil: Gil
    queue_limit: QueueLimit
    concurrency_limit: ConcurrencyLimit
    batcher: Batcher


def simulate(measured: Measured, cores: int, way: str, args: argparse.Namespace) -> str:
    """One row: closed-loop clients for a number of images each."""
    clients, stretch = args.clients or 2 * cores, args.stretch
    with pretended(cores):
        simulated = build(measured, cores, way, stretch, clients)
        seconds: list[float] = []

        def client(number: int) -> None:
            for _ in range(args.images):
                start = time.perf_counter()
                one_request(measured, simulated, stretch, str(number))
                seconds.append((time.perf_counter() - start) / stretch)

        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(client, range(clients)))
        wall = (time.perf_counter() - start) / stretch
        simulated.batcher.close()
    p50, p95 = np.percentile(seconds, (50, 95))
    busy = simulated.cores.busy_s / stretch / wall / cores
    held = simulated.gil.busy_s / stretch / wall
    return (
        f"| {cores} | {clients} | {way} | {len(seconds) / wall:.1f} | {p50:.2f} | {p95:.2f} "
        f"| {busy:.0%} | {held:.0%} |"
    )


@contextmanager
def pretended(cores: int):
    """Let `parallel_map` believe in so many cores."""
    real = parallel.usable_cores
    parallel.usable_cores = lambda: cores
    parallel._pool.cache_clear()
    try:
        yield
    finally:
        parallel.usable_cores = real
        parallel._pool.cache_clear()


def build(measured: Measured, cores: int, way: str, stretch: float, clients: int) -> Machine:
    simulated, streams = SimulatedCores(cores), streams_for(cores, None, 320)
    threads = -(-cores // streams)
    cpu_s = measured.pass_cpu_s(threads) * stretch
    several = ThreadPoolExecutor(streams)

    def one_pass(tensor: np.ndarray) -> np.ndarray:
        simulated.work(cpu_s, threads)
        return np.zeros((1, 1), np.float32)

    batch = min(streams, MAX_BATCH)
    infer: Callable[[list[np.ndarray]], list[np.ndarray]] = lambda tensors: list(  # noqa: E731
        several.map(one_pass, tensors)
    )
    batcher = Batcher(infer, batch) if way == "batches" else Batcher(infer, 1, threads=streams)
    return Machine(
        simulated,
        Gil(simulated),
        QueueLimit(clients, 1e9, throughput=Throughput()),
        ConcurrencyLimit(max(cores, 2 * batcher.max_batch), BYTES * clients),
        batcher,
    )


def one_request(measured: Measured, simulated: Machine, stretch: float, client: str) -> None:
    """A request's way through the queues, as in `Service.remove`."""
    with (
        simulated.queue_limit.admit(PIXELS, client),
        simulated.concurrency_limit.enter(BYTES, float("inf"), client),
    ):
        for stage in measured.stages:
            if stage.name in BEFORE:
                compute(stage, simulated, stretch)
        simulated.batcher.run(TENSOR, float("inf"))
        for stage in measured.stages:
            if stage.name not in BEFORE:
                compute(stage, simulated, stretch)


def compute(stage: Stage, simulated: Machine, stretch: float) -> None:
    """First what holds the GIL, then the rest, spread as the service does it."""
    simulated.gil.work(stage.gil_s * stretch)
    left = max(0.0, stage.cpu_s - stage.gil_s) * stretch
    parts = PARTS if stage.name in SPREAD else 1
    parallel.parallel_map(lambda share: simulated.cores.work(share), [left / parts] * parts)


if __name__ == "__main__":
    main()
