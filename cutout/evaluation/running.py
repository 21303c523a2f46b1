"""A run over a data set: the model in the calling thread, the measures in a pool, resumable."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any

from cutout.errors import CutoutError
from cutout.evaluation.pairs import ImagePair
from cutout.evaluation.records import Journal, Record
from cutout.evaluation.worker import (
    THUMBNAILS,
    EvaluationSettings,
    Prediction,
    Task,
    measure,
    reason,
)

Predict = Callable[[Path], Prediction]


def process_pool(jobs: int) -> ProcessPoolExecutor:
    """Processes for the measures; the model stays in the caller.

    They are spawned, for a fork of a process with a loaded model (threads, CUDA) may hang.
    """
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_init_worker)


def _init_worker() -> None:
    """In a worker: leave Ctrl-C to the parent process, and end when it ends, even if killed.

    Without this a worker waits for ever on a queue that it holds open itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    parent = parent_process()
    if parent is None:
        return

    def exit_with(parent: BaseProcess) -> None:
        parent.join()
        os._exit(1)

    Thread(target=exit_with, args=(parent,), daemon=True).start()


class Evaluation:
    """A run over pairs into one output folder, resumed if the folder holds a part of it."""

    def __init__(
        self, out: Path, settings: EvaluationSettings, source: dict[str, Any], restart: bool = False
    ) -> None:
        """Open the folder. source: what makes the predictions (model, device, options)."""
        self.out, self.settings = out, settings
        described = asdict(settings) | {"groups": list(settings.groups), "source": source}
        self.journal = Journal(out, described, restart)
        (out / THUMBNAILS).mkdir(exist_ok=True)
        self.done = self.journal.done()

    def remaining(self, pairs: list[ImagePair]) -> list[ImagePair]:
        """The pairs without measures."""
        return [pair for pair in pairs if pair.stem not in self.done]

    def run(
        self, pairs: list[ImagePair], predict: Predict | None, pool: Executor, max_pending: int = 8
    ) -> Iterator[Record]:
        """Measure the pairs and yield each record when it is in the journal.

        predict: gives the map of an image file; called from this thread only. None reads the
        pairs' own predictions. max_pending: predictions held in memory at once.
        """
        tasks = (self._task(pair, predict) for pair in pairs)
        for record in _finished(pool, tasks, max_pending):
            self.journal.append(record)
            yield record

    def _task(self, pair: ImagePair, predict: Predict | None) -> Task | Record:
        try:
            prediction = Prediction(*predict(pair.image)) if predict else None
        except (CutoutError, OSError) as error:
            return Record(pair.stem, error=reason(error))
        return Task(pair, prediction, self.settings, self.out)


def _finished(pool: Executor, tasks: Iterator[Task | Record], max_pending: int) -> Iterator[Record]:
    """Records as they finish, with at most `max_pending` tasks in the pool."""
    pending: set[Future[Record]] = set()
    for task in tasks:
        if isinstance(task, Record):
            yield task
            continue
        pending.add(pool.submit(measure, task))
        # It blocks only when the pool is full; a finished record is passed on without delay.
        timeout = None if len(pending) >= max_pending else 0
        done, pending = wait(pending, timeout, FIRST_COMPLETED)
        yield from (future.result() for future in done)
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)
