"""Headers of answers: types of image files, quality signals, stage times, safety."""

from collections.abc import Mapping

from flask import Response

from cutout.telemetry import Stages

MIMETYPES = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Images of people belong in nobody's cache.
    "Cache-Control": "no-store",
}
# Nothing in an answer is ever run or framed, even where somebody opens an image as a page.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
# The page of /docs: its own files, and the script that stands inside it.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def add_safe_headers(response: Response) -> None:
    """Add what keeps browsers from guessing, caching or running; an endpoint's own value stays."""
    policy = PAGE_POLICY if response.mimetype == "text/html" else DATA_POLICY
    for name, value in {**SAFE, "Content-Security-Policy": policy}.items():
        response.headers.setdefault(name, value)


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
