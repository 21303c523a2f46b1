"""Headers of answers: types of image files, quality signals, stage times."""

from collections.abc import Mapping

from cutout.telemetry import Stages

MIMETYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}


def signal_headers(signals: Mapping[str, object]) -> dict[str, str]:
    """Quality signals as `X-Cutout-*` headers."""
    return {
        f"X-Cutout-{name.replace('_', '-').title()}": _text(value)
        for name, value in signals.items()
        if value is not None
    }


def timing_header(stages: Stages) -> dict[str, str]:
    return {"Server-Timing": stages.server_timing()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4f}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
