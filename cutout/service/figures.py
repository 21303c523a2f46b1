"""What the service exports beside what it counts: live figures, and facts that do not change."""

from typing import TYPE_CHECKING

from cutout import __version__

if TYPE_CHECKING:
    from cutout.service.core import Service


def export_figures(service: "Service") -> None:
    """Register the figures that are read from the parts when they are scraped."""
    telemetry, limit, cache = service.telemetry, service.queue_limit, service.cache
    watch, count = telemetry.watch, telemetry.watch_counter
    watch("cutout_ready", "1: images are accepted", lambda: int(service.health()["ready"]))
    watch("cutout_inside", "Images admitted and not yet answered", lambda: limit.inside)
    watch("cutout_queue_limit", "Images that may be inside at once", lambda: limit.images)
    watch("cutout_waiting", "Tensors waiting for the model", lambda: service.batcher.waiting)
    count("cutout_refused", "Images refused because the queue was full", lambda: limit.refused)
    count("cutout_cache_hits", "Images whose scores were known", lambda: cache.hits)
    count("cutout_cache_misses", "Images whose scores were not known", lambda: cache.misses)
    watch("cutout_cache_bytes", "Bytes of cached scores", lambda: cache.bytes)
    watch(
        "cutout_degraded",
        "1: a GPU is present but unusable",
        lambda: int(service.model.device()["degraded"]),
    )
    watch(
        "cutout_last_sweep_timestamp_seconds",
        "When expired files were last deleted, Unix time",
        lambda: service.storage.last_sweep.ended_s,
    )
    watch(
        "cutout_last_sweep_removed_files",
        "Files that the last sweep deleted",
        lambda: service.storage.last_sweep.removed,
    )


def export_facts(service: "Service") -> None:
    """Export version, model and device as labels of figures that are always 1."""
    weights, device = service.model.describe(), service.model.device()
    service.telemetry.describe("cutout_build", "Version of the service", version=__version__)
    service.telemetry.describe(
        "cutout_model",
        "Model and how it runs",
        model=weights["name"],
        sha256=weights.get("sha256"),
        **{name: device.get(name) for name in ("device", "runtime", "precision")},
    )
