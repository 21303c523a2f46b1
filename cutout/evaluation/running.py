"""A whole data set: the model in one caller, the measures on every core, done pictures kept."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from cutout.errors import CutoutError
from cutout.evaluation.pairs import ImagePair
from cutout.evaluation.records import Journal, Record
from cutout.evaluation.worker import THUMBS, Prediction, Settings, Task, measure, reason

Predict = Callable[[Path], Prediction]


def process_pool(jobs: int) -> ProcessPoolExecutor:
    """Processes for the measures; the model stays in the caller.

    They are spawned, for a fork of a process with a loaded model (threads, CUDA) may hang.
    """
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_serve_one_caller)


def _serve_one_caller() -> None:
    """In a worker: leave Ctrl-C to the caller, and end when it dies, even if it is killed.

    The pool's own workers would wait for ever on a queue that they hold open themselves.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait_for_the_end() -> None:
        parent_process().join()
        os._exit(1)

    Thread(target=wait_for_the_end, daemon=True).start()


class Evaluation:
    """A run over pairs into one output folder, resumed if the folder holds a part of it."""

    def __init__(self, out: Path, settings: Settings, about: dict, restart: bool = False) -> None:
        """Open the folder. about: what makes the predictions (model, device, options), as text."""
        self.out, self.settings = out, settings
        described = asdict(settings) | {"groups": list(settings.groups), "source": about}
        self.journal = Journal(out, described, restart)
        (out / THUMBS).mkdir(exist_ok=True)
        self.done = self.journal.done()

    def remaining(self, pairs: list[ImagePair]) -> list[ImagePair]:
        """The pairs without measures so far."""
        return [pair for pair in pairs if pair.stem not in self.done]

    def run(
        self, pairs: list[ImagePair], predict: Predict | None, pool: Executor, ahead: int = 8
    ) -> Iterator[Record]:
        """Measure the pairs and yield each record when it is in the journal.

        predict: gives a map for a photograph; it is called from this thread only. None reads
        the pairs' own predictions. ahead: pictures held in memory at once.
        """
        tasks = (self._task(pair, predict) for pair in pairs)
        for record in _finished(pool, tasks, ahead):
            self.journal.append(record)
            yield record

    def _task(self, pair: ImagePair, predict: Predict | None) -> Task | Record:
        try:
            prediction = Prediction(*predict(pair.image)) if predict else None
        except (CutoutError, OSError) as error:
            return Record(pair.stem, error=reason(error))
        return Task(pair, prediction, self.settings, self.out)


def _finished(pool: Executor, tasks: Iterator[Task | Record], ahead: int) -> Iterator[Record]:
    """Records as they come, with at most `ahead` tasks under way: memory stays flat."""
    waiting = set()
    for task in tasks:
        if isinstance(task, Record):
            yield task
            continue
        waiting.add(pool.submit(measure, task))
        if len(waiting) >= ahead:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)
