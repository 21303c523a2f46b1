"""`GET /` and the files that it needs."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import NotFound

from cutout.http.headers import MIMETYPES as FORMAT_MIMETYPES
from cutout.options import Options
from cutout.web import assets

FOLDER = Path(__file__).parent
# Nothing from other hosts, no script or style in the markup, no text that becomes markup.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "font-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
FOR_EVER = "public, max-age=31536000, immutable"
# What the empty page needs; other modules are loaded when they are first used.
START = ("main.js", "alerts.js", "dom.js", "store.js", "words.js")


@dataclass(frozen=True)
class PageSettings:
    """What the page tells before it uploads: the limits that the server itself enforces."""

    formats: tuple[str, ...]
    max_bytes: int
    max_pixels: int


def make_blueprint(settings: PageSettings) -> Blueprint:
    """The page for these settings."""
    bp = Blueprint("web", __name__, template_folder="templates")
    files = assets.load(FOLDER / "static")
    languages = sorted(path.stem for path in (FOLDER / "static" / "words").glob("*.json"))
    config = json.dumps(
        asdict(settings) | {"options": list(Options.model_fields), "languages": languages}
    )
    accept = ",".join(
        FORMAT_MIMETYPES.get(it.lower(), f"image/{it.lower()}") for it in settings.formats
    )

    @bp.get("/")
    def page() -> Response:
        html = render_template(
            "page.html", version=files.version, modules=START, config=config, accept=accept
        )
        html = "\n".join(line.lstrip() for line in html.splitlines())
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return _send(assets.make(html.encode(), "text/html; charset=utf-8"), headers)

    @bp.get("/static/<version>/<path:name>")
    def file(version: str, name: str) -> Response:
        asset = files.files.get(name) if version == files.version else None
        if asset is None:
            raise NotFound("There is no such file in this version of the page; load the page anew.")
        return _send(asset, {"Cache-Control": FOR_EVER})

    return bp


def _send(asset: assets.Asset, headers: dict[str, str]) -> Response:
    """The file, compressed where the client takes that."""
    headers = {**headers, "Vary": "Accept-Encoding"}
    data = asset.data
    if asset.gzipped and request.accept_encodings.quality("gzip") > 0:
        headers["Content-Encoding"] = "gzip"
        data = asset.gzipped
    return Response(data, content_type=asset.mimetype, headers=headers)
