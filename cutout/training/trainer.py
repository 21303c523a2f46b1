"""The optimisation: two phases, a running mean of the weights, validation, checkpoints."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cutout.training import checkpoints
from cutout.training.losses import total_loss
from cutout.training.network import U2Net
from cutout.training.samples import Batches, prefetch
from cutout.training.schedule import Clock
from cutout.training.settings import TrainSettings
from cutout.training.validation import Validation, validate

WARM_UP_STEPS = 5
# Between two validations of a large model lie minutes; so much may be lost.
SAVE_EVERY_S = 120.0
# Share of the learning rate that is left at the end.
FINAL_RATE = 0.1
State = dict[str, Tensor]


@dataclass(frozen=True)
class Progress:
    """One validation: what the command prints. iou: None where this step was not validated."""

    step: int
    steps: int
    phase: str
    loss: float
    iou: float | None
    images_per_second: float
    seconds_left: float


class Trainer:
    """One run over `batches`; `run` may be called again after a stop and goes on."""

    def __init__(
        self,
        network: U2Net,
        batches: Batches,
        validation: Validation,
        settings: TrainSettings,
        checkpoint: tuple[Path, str] | None = None,
    ) -> None:
        """checkpoint: its file, and the text that names this run; None keeps none."""
        # `plan` as asked for; `settings` may have fewer steps, to keep to the minutes.
        self.plan = self.settings = settings
        self.batches, self.validation = batches, validation
        self.device = torch.device(settings.device)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.scaler = torch.amp.GradScaler(enabled=self.device.type == "cuda")
        self.checkpoint = checkpoint
        self.step, self.clock, self.stopped = 0, Clock(), ""
        self.best: tuple[float, State] | None = None
        self.stale = 0
        self.losses: list[float] = []
        self.saved_at = 0.0
        self._resume()

    def run(self, until: int | None = None) -> Iterator[Progress]:
        """Train and yield the progress of each step. until: stop there, as an interruption would.

        Ends after all steps, when `minutes` are over, or when validation no longer gains.
        """
        # The plan's steps: minutes may take some away and give them back later.
        steps = range(self.step, until or self.plan.steps)
        started = time.monotonic()
        for tensors, targets in prefetch(self.batches.at, steps, self._workers()):
            if self.step >= self.settings.steps:
                break
            loss = self._update(tensors, targets)
            self.losses.append(loss)
            full, took = not self.inner(self.step), time.monotonic() - started
            self.step += 1
            self.clock.add_step(took, full)
            self.settings = self.clock.fitted(self.plan, self.settings, self.step)
            started = time.monotonic()
            iou = self._validate_if_due()
            if self.clock.spent - self.saved_at > SAVE_EVERY_S:
                self.save()
            self.clock.spent += time.monotonic() - started
            yield self._progress(loss, iou, took)
            if self._should_stop():
                break
            started = time.monotonic()

    def inner(self, step: int) -> bool:
        """Whether a step trains the inner stages alone."""
        return step < self.settings.inner_steps

    def best_state(self) -> State:
        """Averaged weights of the best validation; those at the end where none was made."""
        return self.best[1] if self.best else copy.deepcopy(self.average.state_dict())

    def _workers(self) -> int:
        return 1 if self.device.type == "cpu" else 6

    def _update(self, tensors: np.ndarray, targets: np.ndarray) -> float:
        """One step of Adam, its gradient summed over micro-batches; the mean loss."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * self._rate(self.step)
        try:
            loss = self._accumulate(tensors, targets)
        except torch.OutOfMemoryError:
            if self.settings.micro_batch == 1:
                raise
            torch.cuda.empty_cache()
            half = self.settings.micro_batch // 2
            self.settings = replace(self.settings, micro_batch=half)
            return self._update(tensors, targets)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._update_average()
        return loss

    def _accumulate(self, tensors: np.ndarray, targets: np.ndarray) -> float:
        """Gradients of the whole batch, a micro-batch at a time; its mean loss."""
        self.optimiser.zero_grad(set_to_none=True)
        count, loss = len(tensors), 0.0
        for first in range(0, count, self.settings.micro_batch):
            part = slice(first, first + self.settings.micro_batch)
            value = self._loss(tensors[part], targets[part]) * (len(tensors[part]) / count)
            self.scaler.scale(value).backward()
            loss += float(value.detach())
        return loss

    def _loss(self, tensors: np.ndarray, targets: np.ndarray) -> Tensor:
        x, target = self._on_device(tensors), self._on_device(targets)
        with self._autocast():
            if self.inner(self.step):
                outputs = self.network.forward_inner(x)
                target = torch.nn.functional.avg_pool2d(target, 2)
            else:
                outputs = self.network(x)
        return total_loss(outputs, target, self.settings.iou_weight)

    def _on_device(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array).to(self.device, non_blocking=True)
        return tensor.contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, enabled=self.device.type == "cuda")

    def _rate(self, step: int) -> float:
        """Share of the learning rate: a short rise, then a cosine."""
        rise = min(1.0, (step + 1) / WARM_UP_STEPS)
        turn = 0.5 + 0.5 * math.cos(math.pi * step / max(self.settings.steps, 1))
        return rise * (FINAL_RATE + (1 - FINAL_RATE) * turn)

    def _update_average(self) -> None:
        # Early on the mean would be mostly the starting weights.
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(
                self.average.state_dict().values(),
                self.network.state_dict().values(),
                strict=True,
            ):
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)

    def _validate_if_due(self) -> float | None:
        last = self.step >= self.settings.steps
        if not last and self.step % self.settings.validate_every:
            return None
        inner = self.inner(self.step - 1)
        forward = self.average.forward_inner if inner else self.average
        found = float(validate(forward, self.validation, self.device.type).mean())
        # The first output of the inner phase is not the one that is served.
        if not inner:
            self.stale += 1
            if self.best is None or found > self.best[0]:
                self.best, self.stale = (found, copy.deepcopy(self.average.state_dict())), 0
        self.save()
        return found

    def _should_stop(self) -> bool:
        minutes = self.settings.minutes
        if minutes is not None and self.clock.spent >= 60 * minutes:
            self.stopped = f"the {minutes:g} minutes are over"
        elif self.stale >= self.settings.patience:
            self.stopped = f"no gain in {self.stale} validations"
        return bool(self.stopped)

    def _progress(self, loss: float, iou: float | None, took: float) -> Progress:
        return Progress(
            self.step,
            self.settings.steps,
            "inner" if self.inner(self.step - 1) else "full",
            loss,
            iou,
            self.settings.batch / took,
            self.clock.seconds_left(self.settings, self.step),
        )

    def save(self) -> None:
        """Write the checkpoint, where one is kept."""
        self.saved_at = self.clock.spent
        if self.checkpoint is None:
            return
        path, run = self.checkpoint
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "best": self.best,
            "steps": [self.settings.inner_steps, self.settings.full_steps],
            "counters": [self.step, self.clock.spent, self.clock.unit, self.stale],
            "losses": self.losses,
        }
        checkpoints.save(path, state, run)

    def _resume(self) -> None:
        state = checkpoints.load(*self.checkpoint) if self.checkpoint else None
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.best, self.losses = state["best"], state["losses"]
        self.step, self.clock.spent, self.clock.unit, self.stale = state["counters"]
        self.saved_at = self.clock.spent
        inner, full = state["steps"]
        self.settings = replace(self.settings, inner_steps=inner, full_steps=full)
