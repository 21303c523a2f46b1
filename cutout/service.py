"""The use cases behind the doors: remove a background, evaluate, tell the state.

Owns the parts that live as long as the process; knows nothing of HTTP.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from cutout import __version__, images, measures, pipeline
from cutout.batching import Batcher, ConcurrencyLimit, QueueLimit, always
from cutout.cache import Cache
from cutout.errors import NotReady, SizeMismatch
from cutout.options import Options
from cutout.pipeline import Extras, Model, Plan, Result, Scores, Tools
from cutout.pixels import to_level
from cutout.storage import Storage
from cutout.telemetry import Stages, Telemetry

Wanted = Callable[[], bool]


@dataclass(frozen=True)
class RemovalRequest:
    """One request: the uploaded file, the wishes, the pictures beside it, whether it is wanted."""

    data: bytes
    options: Options = field(default_factory=Options)
    trimap: bytes | None = None
    background: bytes | None = None
    wanted: Wanted = always


@dataclass(frozen=True)
class RemovalResult:
    """A stored result: its id, the bytes to send, the side record, the time of each stage."""

    name: str
    data: bytes
    record: dict
    stages: Stages
    cache: str


@dataclass(frozen=True)
class MeasureOptions:
    """Which groups of measures, and the level above which a pixel is subject, in both maps."""

    groups: tuple[str, ...] = ("mask",)
    threshold: int = measures.THRESHOLD

    def row(self, pred: np.ndarray, truth: np.ndarray) -> dict:
        """Measures of a map against the true mask, both (H, W) uint8."""
        pair = measures.make_pair(pred, truth, self.threshold)
        scores = measures.score(pair, groups=self.groups)
        return scores.values | {"threshold": self.threshold}


@dataclass(frozen=True)
class EvaluationResult:
    """The picture (H, W, 3), the map and the true mask (H, W), all uint8, and the measures."""

    rgb: np.ndarray
    pred: np.ndarray
    truth: np.ndarray
    row: dict


@dataclass
class Memory:
    """Remembers the scores of one picture under everything they depend on; says hit or miss."""

    cache: Cache
    key: tuple
    state: str = "miss"

    def __call__(self, make: Callable[[], Scores]) -> Scores:
        """Return the remembered scores, else make and remember them."""
        if self.cache.max_bytes == 0:
            self.state = "off"
            return make()
        if (known := self.cache.get(self.key)) is not None:
            self.state = "hit"
            return known
        scores = make()
        self.cache.put(self.key, scores, scores.map.nbytes + 1000)
        return scores


@dataclass
class Work:
    """One picture inside the service: its plan, tools and model."""

    made: Plan
    tools: Tools
    infer: Callable[[np.ndarray], np.ndarray]


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
        watch = self.telemetry.watch
        watch(
            "cutout_inside",
            "Pictures admitted and not yet answered",
            lambda: self.queue_limit.inside,
        )
        watch("cutout_waiting", "Tensors waiting for the model", lambda: self.batcher.waiting)
        watch(
            "cutout_refused", "Pictures refused by the full house", lambda: self.queue_limit.refused
        )
        watch("cutout_cache_hits", "Pictures whose scores were known", lambda: self.cache.hits)
        watch("cutout_degraded", "1: a GPU is present but unusable", self._degraded)
        watch("cutout_cache_bytes", "Bytes of remembered scores", lambda: self.cache.bytes)

    def remove(self, call: RemovalRequest) -> RemovalResult:
        """Cut the subject out of an uploaded image file and store upload, result and record.

        Raises the errors of `images`, `pipeline`, `batching` and `storage`; a failed picture
        leaves nothing behind.
        """
        pipeline.check(call.options, call.trimap is not None, call.background is not None)
        stages, memory = Stages(), self._memory(call)
        with self._admitted(call.data, stages) as (header, deadline):
            work = self._prepare(call, Tools(stages, memory), deadline)
            with stages("decode"):
                picture = images.decode(call.data, self.limits)
            with self.storage.upload(call.data, header.format.lower()) as name:
                result = pipeline.cut_out(picture, work.made, self.model, work.infer, work.tools)
                del picture
                with stages("encode"):
                    encoded = result.encode()
                record = self._record(name, result, stages)
                self.storage.save_result(name, encoded, record)
        self.telemetry.finished(stages, result.signals)
        return RemovalResult(name, encoded, record, stages, memory.state)

    def evaluate(self, call: RemovalRequest, mask: bytes, how: MeasureOptions) -> EvaluationResult:
        """Matte a picture and measure it against its true mask.

        Raises SizeMismatch naming both sizes.
        """
        pipeline.check(call.options, call.trimap is not None, call.background is not None)
        stages = Stages()
        with self._admitted(call.data, stages) as (_, deadline):
            work = self._prepare(call, Tools(stages, self._memory(call)), deadline)
            with stages("decode"):
                truth = images.decode_mask(mask, self.limits)
                picture = images.decode(call.data, self.limits)
            check_sizes(picture.size, truth.shape)
            matte = pipeline.matte_of(picture, work.made, self.model, work.infer, work.tools)
            with stages("measure"):
                pred = to_level(pipeline.shown_alpha(matte, picture))
                row = how.row(pred, truth)
        self.telemetry.finished(stages, matte.signals)
        return EvaluationResult(picture.rgb, pred, truth, row | self._about(matte, stages))

    def score(self, prediction: bytes, mask: bytes, how: MeasureOptions) -> EvaluationResult:
        """Measure a map made elsewhere against the true mask, on a grey ground for want of one."""
        with self._admitted(mask, Stages()):
            truth = images.decode_mask(mask, self.limits)
            pred = images.decode_mask(prediction, self.limits)
            check_sizes(pred.shape, truth.shape)
            ground = np.full((*pred.shape, 3), 128, np.uint8)
            return EvaluationResult(ground, pred, truth, how.row(pred, truth))

    def health(self) -> dict:
        """State for monitoring: ready or not, model, device, load, version."""
        return {
            "status": "draining" if self.draining else "ok",
            "ready": not self.draining,
            "model": self.model.describe(),
            "device": self.model.device(),
            "load": {
                "inside": self.queue_limit.inside,
                "limit": self.queue_limit.pictures,
                "waiting_for_model": self.batcher.waiting,
            },
            "version": __version__,
        }

    def close(self) -> None:
        """Refuse new pictures, finish those inside, stop the threads."""
        self.draining = True
        self.batcher.close(timeout=self.deadline_s)
        self.storage.close()

    def _degraded(self) -> int:
        return int(self.model.device()["degraded"])

    def _memory(self, call: RemovalRequest) -> Memory:
        wishes = call.options
        content = hashlib.sha256(call.data).digest()
        return Memory(self.cache, (content, wishes.quality, wishes.input_size, wishes.fit))

    def _prepare(self, call: RemovalRequest, tools: Tools, deadline: float) -> Work:
        """Decode the small pictures of the request and fix the order of work."""
        trimap = images.decode_mask(call.trimap, self.limits) if call.trimap else None
        back = images.decode(call.background, self.limits).rgb if call.background else None
        made = pipeline.plan(call.options, Extras(trimap, back))
        infer = partial(self.batcher.run, deadline=deadline, wanted=call.wanted)
        return Work(made, tools, infer)

    @contextmanager
    def _admitted(self, data: bytes, stages: Stages) -> Iterator[tuple[images.Header, float]]:
        """Check the header, pass the gate, wait for a turn: nothing is decoded before that."""
        if self.draining:
            raise NotReady("The service is stopping.")
        deadline = time.monotonic() + self.deadline_s
        header = images.inspect(data, self.limits).header
        pixels = header.size[0] * header.size[1]
        with (
            self.queue_limit.admit(pixels),
            self.concurrency_limit.enter(pixels, deadline) as waited,
        ):
            stages.add("wait", waited)
            yield header, deadline

    def _record(self, name: str, result: Result, stages: Stages) -> dict:
        height, width = result.pixels.shape[:2]
        return {
            "id": name,
            "file": f"{name}.{images.SUFFIX[result.options.format]}",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "options": result.options.model_dump(mode="json"),
            "width": width,
            "height": height,
            **self._about(result, stages),
        }

    def _about(self, made: Result | pipeline.Matte, stages: Stages) -> dict:
        return {
            "model": self.model.describe(),
            "device": self.model.device(),
            "timings_ms": dict(stages.ms),
            "quality": made.signals,
            "warnings": list(made.warnings),
        }


def check_sizes(size: tuple[int, int], mask: tuple[int, int]) -> None:
    """Raise SizeMismatch, naming both, unless a mask has the upright picture's size."""
    if tuple(size) != tuple(mask):
        (height, width), (mask_height, mask_width) = size, mask
        raise SizeMismatch(
            f"The image is {width} x {height} pixels (upright) and the mask "
            f"{mask_width} x {mask_height}; send a mask of the image's size."
        )
