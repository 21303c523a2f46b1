"""The use cases behind the doors: remove a background, evaluate, fetch, forget, tell the state.

Owns the parts that live as long as the process; knows nothing of HTTP.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from . import __version__, images, measures
from .batching import Batcher, Gate, Turnstile, always
from .errors import CutoutError, NotReady, SizeMismatch
from .options import Options
from .pipeline import Model, Result, cut_out
from .storage import Storage
from .telemetry import Stages, Telemetry

log = logging.getLogger(__name__)
Wanted = Callable[[], bool]


def cut_bytes(
    data: bytes, options: Options, model: Model, batcher: Batcher, limits: images.Limits
) -> bytes:
    """Image file in, PNG out, nothing stored and no deadline: for commands."""
    picture = images.decode(data, limits)
    infer = partial(batcher.run, deadline=float("inf"))
    return cut_out(picture, options, model, infer, Stages()).encode()


@dataclass(frozen=True)
class Answer:
    """A stored result: its id, the bytes to send, the side record, the time of each stage."""

    name: str
    data: bytes
    record: dict
    stages: Stages


@dataclass
class Service:
    """Everything that outlives a request. Built by `app.create_app`, closed at exit."""

    model: Model
    batcher: Batcher
    gate: Gate
    turnstile: Turnstile
    storage: Storage
    telemetry: Telemetry
    limits: images.Limits
    deadline_s: float
    draining: bool = False

    def __post_init__(self) -> None:
        """Export the live figures."""
        watch = self.telemetry.watch
        watch("cutout_inside", "Pictures admitted and not yet answered", lambda: self.gate.inside)
        watch("cutout_waiting", "Tensors waiting for the model", lambda: self.batcher.waiting)
        watch("cutout_refused", "Pictures refused by the full house", lambda: self.gate.refused)

    def remove(self, data: bytes, options: Options, wanted: Wanted = always) -> Answer:
        """Cut the subject out of an uploaded image file and store upload, result and record.

        `wanted` tells whether the client still waits. Raises the errors of `images`, `batching`
        and `storage`; a failed picture leaves nothing behind.
        """
        stages = Stages()
        with self._admitted(data, stages) as (header, deadline):
            with stages("decode"):
                picture = images.decode(data, self.limits)
            with stages("store"):
                name = self.storage.save_upload(data, header.format.lower())
            try:
                result = cut_out(
                    picture, options, self.model, self._infer(deadline, wanted), stages
                )
                del picture
                answer = self._keep(name, result, options, stages)
            except CutoutError:
                self.storage.discard(name)
                raise
        self.telemetry.finished(stages, result.signals)
        return answer

    def evaluate(
        self, data: bytes, mask: bytes, options: Options, wanted: Wanted = always
    ) -> tuple[dict, Stages]:
        """Cut out `data` and measure its alpha against the true `mask` of the same size.

        Returns the measures with the counts behind them. Raises SizeMismatch naming both sizes.
        """
        stages = Stages()
        with self._admitted(data, stages) as (header, deadline):
            images.inspect(mask, self.limits)
            with stages("decode"):
                truth = images.decode_mask(mask, self.limits)
                if truth.shape != tuple(header.size):
                    raise SizeMismatch(_sizes(header.size, truth.shape))
                picture = images.decode(data, self.limits)
            result = cut_out(picture, options, self.model, self._infer(deadline, wanted), stages)
            with stages("measure"):
                pair = measures.pair(result.cutout[..., 3], truth)
                row = measures.score(pair, groups=("mask",)).values
        self.telemetry.finished(stages, result.signals)
        row |= {"threshold": measures.THRESHOLD}
        return {**row, **self._about(stages, result)}, stages

    def health(self) -> dict:
        """State for monitoring: ready or not, model, device, load, versions."""
        return {
            "status": "draining" if self.draining else "ok",
            "ready": not self.draining,
            "model": self.model.describe(),
            "device": self.model.device(),
            "load": {
                "inside": self.gate.inside,
                "limit": self.gate.pictures,
                "waiting_for_model": self.batcher.waiting,
            },
            "version": __version__,
        }

    def close(self) -> None:
        """Refuse new pictures, finish those inside, stop the threads."""
        self.draining = True
        self.batcher.close(timeout=self.deadline_s)
        self.storage.close()

    def _infer(self, deadline: float, wanted: Wanted):
        return partial(self.batcher.run, deadline=deadline, wanted=wanted)

    @contextmanager
    def _admitted(self, data: bytes, stages: Stages) -> Iterator[tuple[images.Header, float]]:
        """Check the header, pass the gate, wait for a turn: nothing is decoded before that."""
        if self.draining:
            raise NotReady("The service is stopping.")
        deadline = time.monotonic() + self.deadline_s
        header = images.inspect(data, self.limits)
        pixels = header.size[0] * header.size[1]
        with self.gate.admit(pixels), self.turnstile.enter(pixels, deadline) as waited:
            stages.add("wait", waited)
            yield header, deadline

    def _keep(self, name: str, result: Result, options: Options, stages: Stages) -> Answer:
        with stages("encode"):
            encoded = result.encode()
        record = {
            "id": name,
            "file": f"{name}.png",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "options": options.model_dump(mode="json"),
            **self._about(stages, result),
        }
        self.storage.save_result(name, encoded, record)
        return Answer(name, encoded, record, stages)

    def _about(self, stages: Stages, result: Result) -> dict:
        height, width = result.cutout.shape[:2]
        return {
            "model": self.model.describe(),
            "device": self.model.device(),
            "width": width,
            "height": height,
            "timings_ms": dict(stages.ms),
            "quality": result.signals,
        }


def _sizes(size: tuple[int, int], mask: tuple[int, int]) -> str:
    (h, w), (mh, mw) = size, mask
    return (
        f"The image is {w} x {h} pixels (upright) and the mask {mw} x {mh}; "
        "send a mask of the image's size."
    )
