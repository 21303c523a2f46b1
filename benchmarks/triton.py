"""Images a second of several front ends on one Triton server that is already running.

    CUTOUT_MODEL=u2netp CUTOUT_TRITON_URL=grpc://127.0.0.1:8001 python -m benchmarks.triton IMAGE

A front end is a process with its own batcher and 8 threads: decode, ask the server, finish, encode.
"""

import argparse
import multiprocessing
import threading
import time
from functools import partial
from pathlib import Path

from benchmarks.machine import machine
from cutout import images, pipeline
from cutout.batching import Batcher
from cutout.options import Options
from cutout.settings import load
from u2net import RembgModel

THREADS = 8
START_S = 120


def front_end(path: Path, seconds: float, begin, counts) -> None:
    """Cut the image out again and again; put how often it was finished in time."""
    settings = load().model_copy(update={"runtime": "triton"})
    model = RembgModel(settings.model, settings)
    batcher = Batcher(model.infer, model.preferred_batch)
    infer = partial(batcher.run, deadline=float("inf"))
    data, plan = path.read_bytes(), pipeline.make_plan(Options())
    done, lock = 0, threading.Lock()
    pipeline.cut_out(images.decode(data), plan, model, infer)
    begin.wait(START_S)
    end = time.monotonic() + seconds

    def work() -> None:
        nonlocal done
        while time.monotonic() < end:
            pipeline.cut_out(images.decode(data), plan, model, infer)
            with lock:
                done += time.monotonic() < end

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batcher.close()
    counts.put(done)


def measure(path: Path, front_ends: int, seconds: float) -> float:
    """Images a second of all front ends together."""
    context = multiprocessing.get_context("spawn")
    begin, counts = context.Barrier(front_ends), context.Queue()
    processes = [
        context.Process(target=front_end, args=(path, seconds, begin, counts))
        for _ in range(front_ends)
    ]
    for process in processes:
        process.start()
    total = sum(counts.get(timeout=START_S + 2 * seconds) for _ in processes)
    for process in processes:
        process.join()
    return total / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--front-ends", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=15)
    arguments = parser.parse_args()
    print(machine(), f"model: {load().model}", sep="\n", flush=True)
    for count in arguments.front_ends:
        rate = measure(arguments.image, count, arguments.seconds)
        print(f"{count} front ends: {rate:.2f} images/s", flush=True)


if __name__ == "__main__":
    main()
