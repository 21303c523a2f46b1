"""What the service exports beside what it counts: live figures, and facts that do not change."""

from typing import TYPE_CHECKING

from cutout import __version__

if TYPE_CHECKING:
    from cutout.service.core import Service
    from cutout.service.models import LoadedModel


def export_figures(service: "Service") -> None:
    """Register the figures that are read from the parts when they are scraped."""
    telemetry, limit, cache = service.telemetry, service.queue_limit, service.cache
    watch, count = telemetry.watch, telemetry.watch_counter
    watch("cutout_ready", "1: images are accepted", lambda: int(service.health()["ready"]))
    watch("cutout_inside", "Images admitted and not yet answered", lambda: limit.inside)
    watch("cutout_queue_limit", "Images that may be inside at once", lambda: limit.images)
    watch("cutout_waiting", "Tensors waiting for the model", lambda: waiting(service))
    count("cutout_refused", "Images refused because the queue was full", lambda: limit.refused)
    count("cutout_cache_hits", "Images whose scores were known", lambda: cache.hits)
    count("cutout_cache_misses", "Images whose scores were not known", lambda: cache.misses)
    watch("cutout_cache_bytes", "Bytes of cached scores", lambda: cache.bytes)
    watch(
        "cutout_degraded",
        "1: a GPU is present but unusable",
        lambda: int(any(one.model.device()["degraded"] for one in service.models)),
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
    service.telemetry.describe("cutout_build", "Version of the service", version=__version__)
    service.telemetry.describe_each(
        "cutout_model", "Each model and how it runs", [_facts(one) for one in service.models]
    )


def waiting(service: "Service") -> int:
    """Tensors that wait, of all models."""
    return sum(one.batcher.waiting for one in service.models)


def _facts(loaded: "LoadedModel") -> dict[str, object]:
    weights, device = loaded.model.describe(), loaded.model.device()
    facts = {name: device.get(name) for name in ("device", "runtime", "precision")}
    return {"model": weights["name"], "sha256": weights.get("sha256"), **facts}
