"""The only place where parts are joined. `python app.py` serves http://localhost:5000."""

if __name__ == "__main__":
    # Becomes the server, which imports this file anew: what follows would be loaded twice.
    from cutout.server.launch import main

    main()

import atexit
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from flask import redirect
from flask_openapi import OpenAPI

from cutout import (
    __version__,
    api,
    cli,
    images,
    memory,
    pipeline,
    quality,
    removebg,
    telemetry,
    web,
    weights,
)
from cutout.admission import AnswerSpool, ByteLimit, ConcurrencyLimit, QueueLimit, Throughput
from cutout.archives import ArchiveLimits
from cutout.batching import Batcher
from cutout.cache import Cache
from cutout.errors import ConfigurationError
from cutout.http import (
    downloads,
    hooks,
    hosts,
    idempotency,
    keys,
    limits,
    multipart,
    origins,
    problems,
    proxies,
)
from cutout.http.allow_list import parse_allow_list
from cutout.models import own
from cutout.models.footprint import check_fit
from cutout.models.registry import Registry
from cutout.parallel import usable_cores
from cutout.service import LoadedModel, Service
from cutout.service.first_estimate import seconds_per_megapixel
from cutout.settings import Settings
from cutout.settings import load as load_settings
from cutout.storage import Storage

# Of the memory for requests: for what is decoded, for uploads that wait, for answers being sent.
PIXELS_SHARE, UPLOADS_SHARE, ANSWERS_SHARE = 0.7, 0.2, 0.1
# Of the deadline: the rest is for images that take longer than those before them.
MAX_WAIT_SHARE = 0.45
# What needs no key: monitoring, the description, and the page, which asks for the key itself.
OPEN_PATHS = ("/", "/health", "/livez", "/readyz", "/openapi.json", "/docs", "/docs/*", "/static/*")
# Asked by address, whatever the names of the service.
MONITORING_PATHS = ("/health", "/livez", "/readyz", "/metrics")
INFO = {
    "title": "cutout",
    "version": __version__,
    "description": "Removes the background of photographs with U²-Net and measures the result.",
}


class Parts:
    """Builds the long-lived parts once, when first asked for: commands may never need a model."""

    def __init__(self, settings: Settings, model=None) -> None:
        """Keep the settings; a `model` given here, or several by name, are used instead."""
        self.settings = settings
        # Models that a test gives, by name.
        self._given = model
        if model is not None and not isinstance(model, Mapping):
            self._given = {model.describe()["name"]: model}
        self._others: dict[str, LoadedModel] = {}
        self.telemetry = telemetry.Telemetry(open_tracing(settings.otlp_endpoint))
        self.limits = images.Limits(settings.max_pixels, settings.formats, isolated=True)
        self.archive_limits = ArchiveLimits(
            settings.max_files, settings.max_bytes, settings.max_body_bytes
        )
        self._recalibration = (file := settings.calibration) and quality.read_recalibration(file)
        self._lock = threading.RLock()

    @property
    def models(self) -> Registry[LoadedModel]:
        """The models to serve; each is loaded when it is first asked for."""
        with self._lock:
            return self._models

    @property
    def model(self):
        """The default model."""
        return self.models.default.model

    @property
    def batcher(self) -> Batcher:
        """The default model's."""
        return self.models.default.batcher

    @property
    def service(self) -> Service:
        with self._lock:
            return self._service

    @property
    def workers(self) -> int:
        """Images worked on at once: enough to keep the cores and the model's batches busy."""
        return self.settings.workers or max(usable_cores(), 2 * self.batcher.max_batch)

    @property
    def memory_bytes(self) -> int:
        """For all requests together, beside the model's: as set, or what the workers can use."""
        return self.settings.memory_bytes or memory.for_requests(self.workers)

    def recalibration(self, name: str) -> quality.Recalibration | None:
        """That of the settings, for the model it was fitted to."""
        return known if (known := self._recalibration) and known.model in ("", name) else None

    def loaded(self, name: str = "") -> LoadedModel:
        """A model with its batcher, for the commands: one that is served, else any there is."""
        if not name or name in self.models.names:
            return self.models.get(name)
        with self._lock:
            if name not in self._others:
                self._others[name] = self._load(name)
            return self._others[name]

    def cut(self, data: bytes, plan: pipeline.Plan) -> bytes:
        """Image file in, image file out: for the commands."""
        image, loaded = images.decode(data, self.limits), self.loaded(plan.options.model_name)
        parts = loaded.model, loaded.infer, loaded.recalibration
        return pipeline.cut_out(image, plan, *parts).data

    @cached_property
    def _models(self) -> Registry[LoadedModel]:
        if self._given:
            return Registry(list(self._given), self._load)
        self._paths = {own.model_name(text): text for text in self.settings.model_names}
        if self.settings.check_memory and self.settings.runtime != "triton":
            specs = map(own.find_spec, self._paths.values())
            models_dir = self.settings.models_dir
            check_fit(weights.with_sizes(specs, models_dir), memory.total_bytes())
        return Registry(list(self._paths), self._load)

    def _load(self, name: str) -> LoadedModel:
        from u2net import RembgModel

        settings = self.settings
        if self._given:
            model = self._given[name]
        else:
            model = RembgModel(self._paths.get(name, name), settings)
        size = settings.max_batch or model.preferred_batch
        threads = min(size, model.parallel_runs)
        batcher = Batcher(model.infer, size // threads, settings.model_timeout_s, threads)
        # An engine that is still computing while the interpreter goes down aborts the process.
        atexit.register(batcher.close)
        name = model.describe()["name"] or name
        return LoadedModel(name, model, batcher, recalibration=self.recalibration(name))

    def _measured(self) -> tuple[Registry[LoadedModel], Throughput]:
        """The models, each with what an image takes on this machine, and that of the default.

        Unknown for models that a test has given.
        """
        loaded = self.models.load_all()
        if self._given:
            return self.models, Throughput()
        seconds = {k: seconds_per_megapixel(one.model, one.infer) for k, one in loaded.items()}
        first = seconds[self.models.names[0]]
        measured = {k: replace(one, relative_work=seconds[k] / first) for k, one in loaded.items()}
        return Registry(list(measured), measured.__getitem__), Throughput(first)

    @cached_property
    def _service(self) -> Service:
        settings = self.settings
        storage = Storage(
            settings.upload_dir, settings.result_dir, settings.keep_s, settings.quota_bytes
        )
        storage.open()
        models, throughput = self._measured()
        service = Service(
            models=models,
            queue_limit=QueueLimit(
                settings.queue,
                settings.queue_megapixels,
                MAX_WAIT_SHARE * settings.deadline_s,
                throughput,
            ),
            concurrency_limit=ConcurrencyLimit(self.workers, PIXELS_SHARE * self.memory_bytes),
            upload_limit=ByteLimit(int(UPLOADS_SHARE * self.memory_bytes)),
            answers=AnswerSpool(int(ANSWERS_SHARE * self.memory_bytes)),
            storage=storage,
            telemetry=self.telemetry,
            cache=Cache(settings.cache_bytes),
            limits=self.limits,
            deadline_s=settings.deadline_s,
            memory_bytes=self.memory_bytes,
        )
        atexit.register(service.close)
        return service


def open_tracing(endpoint: str) -> telemetry.Tracing:
    """Traces to this collector, or none. Raises ConfigurationError where a package is missing."""
    if not endpoint:
        return telemetry.Tracing()
    try:
        from cutout.telemetry.otlp import open_otlp
    except ImportError as error:
        raise ConfigurationError(
            "CUTOUT_OTLP_ENDPOINT needs the OpenTelemetry SDK: "
            "pip install -r requirements-otel.txt, or leave it empty."
        ) from error
    return open_otlp(endpoint, __version__)


def create_app(settings: Settings | None = None, model=None) -> OpenAPI:
    """Build the service; the model is loaded here, or on first use under the `flask` command.

    model: anything like `u2net.RembgModel`. Raises ConfigurationError when it cannot start.
    """
    settings = settings or load_settings()
    app = OpenAPI(__name__, info=INFO, doc_prefix="/docs", validation_error_status=400)
    app.openapi_version = "3.1.0"
    app.request_class = multipart.BoundedRequest
    app.validation_error_model = problems.Problem
    app.validation_error_callback = problems.from_validation
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["MAX_FILE_BYTES"] = settings.max_bytes
    app.config["STORE"] = settings.store
    # Of all fields that are text, none of which is long; files are not counted.
    app.config["MAX_FORM_MEMORY_SIZE"] = 100_000
    app.config["MAX_FORM_PARTS"] = settings.max_files + 100
    # The order of fields and of answers in the description is meant for people.
    app.json.sort_keys = False
    parts = app.extensions["cutout"] = Parts(settings, model)
    for blueprint in api.BLUEPRINTS:
        app.register_api(blueprint)
    app.register_api(removebg.bp)
    allowed = parse_allow_list(settings.image_url_allow) if settings.image_url_allow else None
    fetch = downloads.register(app, allowed, settings.max_bytes, settings.image_url_timeout_s)
    dialect = removebg.Dialect(
        settings.removebg_default_size,
        removebg.parse_options(settings.removebg_options),
        fetch,
        settings.store and settings.removebg_store,
    )
    removebg.register(app, dialect)
    problems.register(app, {removebg.PREFIX: removebg.error_answer})
    app.cli.add_command(cli.group)
    hooks.register(app, parts.telemetry)
    register_access(app, settings)
    page = web.PageSettings(settings.formats, settings.max_bytes, settings.max_pixels)
    app.register_blueprint(web.make_blueprint(page))
    app.add_url_rule("/docs", "docs", lambda: redirect("docs/swagger"))
    app.add_url_rule("/openapi.json", "description", lambda: app.api_doc)
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        _ = parts.service
    return app


def register_access(app: OpenAPI, settings: Settings) -> None:
    """Who may ask, how much, from which pages; the order is that of the checks."""
    proxies.register(app, settings.trusted_proxies)
    hosts.register(app, settings.hosts, MONITORING_PATHS)
    known = keys.from_text(settings.keys.get_secret_value())
    if settings.keys_file:
        known = known + keys.from_file(settings.keys_file)
    keys.check_exposure(settings.host, bool(known), settings.open_without_key)
    metrics_key = settings.metrics_key.get_secret_value()
    keys.register(app, known, (*OPEN_PATHS, "/metrics") if metrics_key else OPEN_PATHS)
    keys.register_for(app, "/metrics", metrics_key)
    limits.register(app, settings.images_per_minute, settings.megapixels_per_minute)
    origins.register(app, settings.origins, settings.removebg_origins)
    answers = idempotency.AnswerStore(settings.idempotency_bytes)
    idempotency.register(app, answers, ["/remove-bg", "/evaluate"])


def serve() -> OpenAPI:
    """`create_app` for gunicorn: a configuration error stops the server with one sentence."""
    try:
        return create_app()
    except ConfigurationError as error:
        print(f"cutout: {error.detail}", file=sys.stderr)
        # gunicorn takes 3 for "failed to boot": it stops instead of trying for ever.
        sys.exit(3)
