"""The use cases behind the endpoints: remove a background, evaluate, report the state.

Owns the parts that live as long as the process; knows nothing of HTTP.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from cutout import __version__, images, pipeline
from cutout.admission import AnswerSpool, ByteLimit, ConcurrencyLimit, QueueLimit
from cutout.batching import Batcher
from cutout.cache import Cache
from cutout.errors import NotReady
from cutout.models.registry import Registry
from cutout.pipeline import Extras, Frame, Job, ScoreMap
from cutout.pixels import to_level
from cutout.runtimes import hardware
from cutout.service import costs, records
from cutout.service.checks import (
    charged,
    check_fast_is_served,
    check_memory,
    check_sizes,
    deadline_check,
)
from cutout.service.figures import export_facts, export_figures
from cutout.service.files import InspectedFiles, inspect_files
from cutout.service.models import LoadedModel, Model
from cutout.service.requests import (
    EvaluationResult,
    MeasureOptions,
    Record,
    RemovalRequest,
    RemovalResult,
)
from cutout.storage import Storage
from cutout.telemetry import Stages, Telemetry


@dataclass
class Service:
    """Everything that outlives a request. Built by `app.create_app`, closed at exit."""

    models: Registry[LoadedModel]
    queue_limit: QueueLimit
    concurrency_limit: ConcurrencyLimit
    upload_limit: ByteLimit
    answers: AnswerSpool
    storage: Storage
    telemetry: Telemetry
    cache: Cache
    limits: images.Limits
    deadline_s: float
    memory_bytes: float = float("inf")
    draining: bool = False

    def __post_init__(self) -> None:
        """Load the models; export the figures of the parts."""
        self.models.load_all()
        export_figures(self)
        export_facts(self)

    @property
    def failed(self) -> str | None:
        """Why this process can finish no image any more, in words; None while it can."""
        return next((why for one in self.models if (why := one.batcher.failure())), None)

    @property
    def model(self) -> Model:
        """The default model."""
        return self.models.default.model

    @property
    def batcher(self) -> Batcher:
        """The default model's."""
        return self.models.default.batcher

    def remove(self, request: RemovalRequest) -> RemovalResult:
        """Cut the subject out of an uploaded image file; store upload, result and record.

        Raises the errors of `images`, `pipeline`, `batching` and `storage`; a failed image
        leaves nothing behind.
        """
        request.check()
        stages = self.telemetry.stages()
        loaded = self._ready_model(request, stages)
        files = self._inspect(request, stages)
        request.check_result(files.image.header.size)
        needs = loaded.scaled(costs.of_removal(files.headers(request.margin), request.options))
        with self._admitted(needs, request, files, stages) as deadline:
            job = self._job(request, files, stages, deadline, loaded=loaded)
            with stages("decode"):
                frame = pipeline.begin(images.decode(files.image))
            frame = pipeline.run(pipeline.REGION, frame, job)
            with self._upload(request, files.image.header) as name:
                frame, cache = self._with_scores(frame, request, job)
                # The frame that comes back holds the pixels alone: encoding takes longest.
                frame = pipeline.run([*pipeline.MATTE, *request.render], frame, job)
                result = pipeline.result_of(pipeline.run(request.encode, frame, job), job)
                record = records.of_result(name, result, stages, loaded.model) | {
                    "hints": request.hints
                }
                if request.store:
                    self.storage.save_result(name, result.data, record)
        self.telemetry.finished(stages, result.signals, loaded.name)
        return RemovalResult(name, result.data, record, stages, cache, result)

    def evaluate(
        self, request: RemovalRequest, mask: bytes, measure: MeasureOptions
    ) -> EvaluationResult:
        """Matte an image and measure it against its true mask.

        Raises SizeMismatch naming both sizes.
        """
        request.check()
        stages = self.telemetry.stages()
        loaded = self._ready_model(request, stages)
        files = self._inspect(request, stages, mask)
        size = files.image.header.size
        check_sizes(size, files.levels[-1].header.size)
        count = costs.pixels(files.image.header)
        measuring = costs.of_measures(count, measure.groups, measure.overlay)
        removal = loaded.scaled(costs.of_removal(files.headers(), request.options))
        needs = removal.then(measuring)
        with self._admitted(needs, request, files, stages) as deadline:
            job = self._job(request, files, stages, deadline, loaded=loaded)
            with stages("decode"):
                truth = images.decode_mask(files.levels[-1])
                frame = pipeline.begin(images.decode(files.image))
            rgb = frame.rgb
            check_sizes(frame.size, truth.shape)
            frame, _ = self._with_scores(frame, request, job)
            frame = pipeline.run(pipeline.MATTE + pipeline.TRANSPARENCY, frame, job)
            with stages("measure"):
                pred = to_level(frame.matte)
                row = measure.row(pred, truth, job.check_deadline)
                overlay = measure.painted(rgb, pred, truth)
        signals = frame.signals
        self.telemetry.finished(stages, signals, loaded.name)
        about = records.about(signals, frame.warnings, stages, loaded.model) | {
            "hints": request.hints,
            "recipe": records.recipe(request.options, loaded.model),
        }
        return EvaluationResult(size, row | about, overlay)

    def score(
        self, request: RemovalRequest, mask: bytes, measure: MeasureOptions
    ) -> EvaluationResult:
        """Measure a map made elsewhere against the true mask; grey stands for the image.

        request: its data is the map; options and what else it holds have no effect.
        """
        stages = self.telemetry.stages()
        files = self._inspect(RemovalRequest(request.data), stages, mask)
        size = files.image.header.size
        check_sizes(size, files.levels[-1].header.size)
        count = costs.pixels(files.image.header)
        measuring = costs.of_measures(count, measure.groups, measure.overlay)
        needs = costs.of_maps(files.headers()).then(measuring)
        with self._admitted(needs, request, files, stages) as deadline:
            truth = images.decode_mask(files.levels[-1])
            pred = images.decode_mask(files.image)
            check_sizes(pred.shape, truth.shape)
            row = measure.row(pred, truth, deadline_check(deadline))
            grey = np.full((1, 1, 3), 128, np.uint8)
            overlay = measure.painted(np.broadcast_to(grey, (*pred.shape, 3)), pred, truth)
        return EvaluationResult(size, row, overlay)

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
            "models": [one.state() for one in self.models],
            "processor": asdict(hardware.processor()),
            "load": {
                "inside": self.queue_limit.inside,
                "limit": self.queue_limit.images,
                "waiting_for_model": sum(one.batcher.waiting for one in self.models),
            },
            "version": __version__,
        }

    def give_up(self) -> None:
        """Answer those who wait for a model that has failed, before the process ends."""
        for one in self.models:
            one.batcher.give_up()

    def close(self) -> None:
        """Refuse new images, finish those inside, stop the threads."""
        self.draining = True
        for one in self.models:
            one.batcher.close(timeout=self.deadline_s)
        self.storage.close()
        self.telemetry.close()

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
        name = self.models.get(options.model_name).name
        asked = name, options.quality, options.input_size, options.fit, request.region
        key = content, asked, request.scope
        known: ScoreMap | None = self.cache.get(key)
        if known is not None:
            return replace(frame, scores=known), "hit"
        frame = pipeline.run(pipeline.PREPARE + pipeline.INFER, frame, job)
        self.cache.put(key, frame.scores, frame.score_map.nbytes + 1000)
        return frame, "miss"

    def _ready_model(self, request: RemovalRequest, stages: Stages) -> LoadedModel:
        """The model asked for; input sizes that are new to it are compiled before admission.

        Raises InvalidValue for a model that is not served, or a size that it does not take.
        """
        if self.draining:
            raise NotReady("The service is stopping.")
        check_fast_is_served(request.options, self.models.names)
        loaded = self.models.get(request.options.model_name)
        side = pipeline.input_side(request.options, loaded.model)
        with stages("compile"):
            loaded.model.open_sizes({side}, self.deadline_s)
        return loaded

    def _inspect(
        self, request: RemovalRequest, stages: Stages, mask: bytes = b""
    ) -> InspectedFiles:
        """Type, structure and size of every image of the request; no pixel is decoded."""
        with stages("inspect"):
            return inspect_files(request, mask, self.limits)

    def _job(
        self,
        request: RemovalRequest,
        files: InspectedFiles,
        stages: Stages,
        deadline: float,
        *,
        loaded: LoadedModel,
    ) -> Job:
        """Decode the images beside the request's own and fix the order of work."""
        levels = iter(files.levels)
        trimap, keep, erase = (
            images.decode_mask(next(levels)) if data else None
            for data in (request.trimap, request.keep, request.erase)
        )
        back = images.decode(files.background) if files.background else None
        extras = Extras(trimap, back, request.region, keep, erase)
        plan = pipeline.make_plan(request.options, extras)
        infer = partial(loaded.batcher.run, deadline=deadline, wanted=request.wanted)
        check = deadline_check(deadline)
        return Job(plan, loaded.model, infer, stages, check, loaded.recalibration)

    @contextmanager
    def _admitted(
        self, needs: costs.Needs, request: RemovalRequest, files: InspectedFiles, stages: Stages
    ) -> Iterator[float]:
        """Wait for a place; gives the deadline. Everything that holds pixels happens inside."""
        if self.draining:
            raise NotReady("The service is stopping.")
        if reason := self.failed:
            raise NotReady(reason)
        check_memory(needs.bytes, self.memory_bytes)
        deadline = time.monotonic() + self.deadline_s
        with (
            charged(request.charge, costs.pixels(files.image.header)),
            self.queue_limit.admit(needs.work, request.client),
            self.concurrency_limit.enter(needs.bytes, deadline, request.client) as waited,
        ):
            stages.add("wait", waited)
            yield deadline
