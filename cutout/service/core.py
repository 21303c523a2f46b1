"""The use cases behind the endpoints: remove a background, evaluate, report the state.

Owns the parts that live as long as the process; knows nothing of HTTP.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from cutout import __version__, images, pipeline
from cutout.admission import ConcurrencyLimit, QueueLimit
from cutout.batching import Batcher
from cutout.cache import Cache
from cutout.errors import DeadlinePassed, NotReady, SizeMismatch
from cutout.options import Options
from cutout.pipeline import Extras, Frame, Job, Result, ScoreMap
from cutout.pixels import to_level
from cutout.service.requests import (
    Charge,
    EvaluationResult,
    MeasureOptions,
    Record,
    RemovalRequest,
    RemovalResult,
    free,
)
from cutout.storage import Storage
from cutout.telemetry import Stages, Telemetry


class Model(pipeline.Model, Protocol):
    """What the service asks of a model beside what the pipeline does."""

    def describe(self) -> dict[str, str | None]:
        """Name and hashes of the weights."""

    def device(self) -> dict[str, Any]:
        """Device asked for and active, runtime, precision, versions, degraded or not."""

    def open_sizes(self, sides: set[int], timeout: float | None = None) -> None:
        """Compile the model for these input sizes (px) where that has not been done."""


@dataclass
class Service:
    """Everything that outlives a request. Built by `app.create_app`, closed at exit."""

    model: Model
    batcher: Batcher
    queue_limit: QueueLimit
    concurrency_limit: ConcurrencyLimit
    storage: Storage
    telemetry: Telemetry
    cache: Cache
    limits: images.Limits
    deadline_s: float
    draining: bool = False

    def __post_init__(self) -> None:
        """Export the live figures."""
        watch, limit = self.telemetry.watch, self.queue_limit
        watch("cutout_inside", "Images admitted and not yet answered", lambda: limit.inside)
        watch("cutout_waiting", "Tensors waiting for the model", lambda: self.batcher.waiting)
        watch("cutout_refused", "Images refused because the queue was full", lambda: limit.refused)
        watch("cutout_cache_hits", "Images whose scores were known", lambda: self.cache.hits)
        watch("cutout_cache_bytes", "Bytes of cached scores", lambda: self.cache.bytes)
        watch(
            "cutout_degraded",
            "1: a GPU is present but unusable",
            lambda: int(self.model.device()["degraded"]),
        )
        watch(
            "cutout_last_sweep_timestamp_seconds",
            "When expired files were last deleted, Unix time",
            lambda: self.storage.last_sweep.ended_s,
        )
        watch(
            "cutout_last_sweep_removed_files",
            "Files that the last sweep deleted",
            lambda: self.storage.last_sweep.removed,
        )

    @property
    def failed(self) -> str | None:
        """Why this process can finish no image any more, in words; None while it can."""
        return self.batcher.failure()

    def remove(self, request: RemovalRequest) -> RemovalResult:
        """Cut the subject out of an uploaded image file; store upload, result and record.

        Raises the errors of `images`, `pipeline`, `batching` and `storage`; a failed image
        leaves nothing behind.
        """
        request.check()
        stages = Stages()
        self._open_sizes(request, stages)
        with self._admitted(request.data, stages, request.charge) as (file, deadline):
            request.check_result(file.header.size)
            job = self._job(request, stages, deadline)
            with stages("decode"):
                frame = pipeline.begin(images.decode(file))
            frame = pipeline.run(pipeline.REGION, frame, job)
            with self._upload(request, file.header) as name:
                frame, cache = self._with_scores(frame, request, job)
                # The frame that comes back holds the pixels alone: encoding takes longest.
                frame = pipeline.run([*pipeline.MATTE, *request.render], frame, job)
                result = pipeline.result_of(pipeline.run(request.encode, frame, job), job)
                record = self._record(name, result, stages) | {"hints": request.hints}
                if request.store:
                    self.storage.save_result(name, result.data, record)
        self.telemetry.finished(stages, result.signals)
        return RemovalResult(name, result.data, record, stages, cache, result)

    def evaluate(
        self, request: RemovalRequest, mask: bytes, measure: MeasureOptions
    ) -> EvaluationResult:
        """Matte an image and measure it against its true mask.

        Raises SizeMismatch naming both sizes.
        """
        request.check()
        stages = Stages()
        self._open_sizes(request, stages)
        with self._admitted(request.data, stages, request.charge) as (file, deadline):
            job = self._job(request, stages, deadline)
            with stages("decode"):
                truth = images.decode_mask(mask, self.limits)
                frame = pipeline.begin(images.decode(file))
            rgb = frame.rgb
            check_sizes(frame.size, truth.shape)
            frame, _ = self._with_scores(frame, request, job)
            frame = pipeline.run(pipeline.MATTE + pipeline.TRANSPARENCY, frame, job)
            with stages("measure"):
                pred = to_level(frame.matte)
                row = measure.row(pred, truth)
        signals = frame.signals
        self.telemetry.finished(stages, signals)
        about = self._about(signals, frame.warnings, stages) | {"hints": request.hints}
        return EvaluationResult(rgb, pred, truth, row | about)

    def score(self, prediction: bytes, mask: bytes, measure: MeasureOptions) -> EvaluationResult:
        """Measure a map made elsewhere against the true mask; grey stands for the image."""
        with self._admitted(mask, Stages()) as (file, _):
            truth = images.decode_mask(file)
            pred = images.decode_mask(prediction, self.limits)
            check_sizes(pred.shape, truth.shape)
            grey = np.full((*pred.shape, 3), 128, np.uint8)
            return EvaluationResult(grey, pred, truth, measure.row(pred, truth))

    def health(self) -> Record:
        """State for monitoring: ready or not, model, device, load, version."""
        failed, device = self.failed, self.model.device()
        # A model on a server elsewhere, which may come back.
        missing = device.get("unavailable")
        status = "failed" if failed else "draining" if self.draining else "ok"
        status = "unavailable" if missing and status == "ok" else status
        return {
            "status": status,
            "ready": status == "ok",
            **({"reason": failed or missing} if failed or missing else {}),
            "model": self.model.describe(),
            "device": device,
            "load": {
                "inside": self.queue_limit.inside,
                "limit": self.queue_limit.images,
                "waiting_for_model": self.batcher.waiting,
            },
            "version": __version__,
        }

    def close(self) -> None:
        """Refuse new images, finish those inside, stop the threads."""
        self.draining = True
        self.batcher.close(timeout=self.deadline_s)
        self.storage.close()

    def _upload(
        self, request: RemovalRequest, header: images.Header
    ) -> AbstractContextManager[str]:
        """Keep the upload while its image is made, where it is to be kept at all."""
        if not request.store:
            return nullcontext("")
        return self.storage.upload(request.data, header.format.lower())

    def _with_scores(self, frame: Frame, request: RemovalRequest, job: Job) -> tuple[Frame, str]:
        """The frame with the model's map, from the cache where it is known; hit, miss or off."""
        if not request.options.remove:
            return frame, "off"
        if not self.cache.max_bytes:
            return pipeline.run(pipeline.PREPARE + pipeline.INFER, frame, job), "off"
        options = request.options
        content = hashlib.sha256(request.data).digest()
        key = content, options.quality, options.input_size, options.fit, request.region
        known: ScoreMap | None = self.cache.get(key)
        if known is not None:
            return replace(frame, scores=known), "hit"
        frame = pipeline.run(pipeline.PREPARE + pipeline.INFER, frame, job)
        self.cache.put(key, frame.scores, frame.score_map.map.nbytes + 1000)
        return frame, "miss"

    def _open_sizes(self, request: RemovalRequest, stages: Stages) -> None:
        """Compile input sizes that are new to the model: in time of its own, before admission."""
        if self.draining:
            raise NotReady("The service is stopping.")
        sides = pipeline.input_sides(request.options, self.model)
        with stages("compile"):
            self.model.open_sizes(sides, self.deadline_s)

    def _job(self, request: RemovalRequest, stages: Stages, deadline: float) -> Job:
        """Decode the images beside the request's own and fix the order of work."""
        trimap, keep, erase = (
            images.decode_mask(data, self.limits) if data else None
            for data in (request.trimap, request.keep, request.erase)
        )
        back = images.decode(request.background, self.limits) if request.background else None
        extras = Extras(trimap, back, request.region, keep, erase)
        plan = pipeline.make_plan(request.options, extras)
        infer = partial(self.batcher.run, deadline=deadline, wanted=request.wanted)

        def check_deadline() -> None:
            if time.monotonic() >= deadline:
                raise DeadlinePassed("The image was not finished in time; send a smaller one.")

        return Job(plan, self.model, infer, stages, check_deadline)

    @contextmanager
    def _admitted(
        self, data: bytes, stages: Stages, charge: Charge = free
    ) -> Iterator[tuple[images.InspectedFile, float]]:
        """Check the header, wait for a place: nothing is decoded before that."""
        if self.draining:
            raise NotReady("The service is stopping.")
        if reason := self.failed:
            raise NotReady(reason)
        deadline = time.monotonic() + self.deadline_s
        file = images.inspect(data, self.limits)
        pixels = file.header.size[0] * file.header.size[1]
        with (
            _charged(charge, pixels),
            self.queue_limit.admit(pixels),
            self.concurrency_limit.enter(pixels, deadline) as waited,
        ):
            stages.add("wait", waited)
            yield file, deadline

    def _record(self, name: str, result: Result, stages: Stages) -> Record:
        height, width = result.size
        return {
            "id": name,
            "file": f"{name}.{images.SUFFIX[result.options.format]}",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "options": result.options.model_dump(mode="json"),
            "recipe": self._recipe(result.options),
            "width": width,
            "height": height,
            **self._about(result.signals, result.warnings, stages),
        }

    def _about(
        self, signals: dict[str, object], warnings: tuple[str, ...], stages: Stages
    ) -> Record:
        return {
            "model": self.model.describe(),
            "device": self.model.device(),
            "timings_ms": dict(stages.ms),
            "quality": signals,
            "warnings": list(warnings),
        }

    def _recipe(self, options: Options) -> str:
        """Names what a result depends on beside its image: model, precision, options, version.

        The same recipe and image give the same result, also years later.
        """
        model, device = self.model.describe(), self.model.device()
        parts = {
            "version": __version__,
            "model": model.get("sha256") or model.get("md5") or model.get("name"),
            "runtime": device.get("runtime"),
            "precision": device.get("precision"),
            "options": options.model_dump(mode="json", exclude_defaults=True),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _charged(charge: Charge, pixels: int) -> Iterator[None]:
    """Charge the client for an image, and give it back where the block fails."""
    undo, finished = charge(pixels), False
    try:
        yield
        finished = True
    finally:
        if not finished:
            undo()


def check_sizes(size: tuple[int, int], mask: tuple[int, ...]) -> None:
    """Raise SizeMismatch, naming both, unless a mask has the upright image's size."""
    if tuple(size) != tuple(mask):
        (height, width), (mask_height, mask_width) = size, mask
        raise SizeMismatch(
            f"The image is {width} x {height} pixels (upright) and the mask "
            f"{mask_width} x {mask_height}; send a mask of the image's size."
        )
