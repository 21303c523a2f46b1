"""`GET` and `DELETE /results/<id>`: fetch a finished image again, or delete it now."""

from pathlib import PurePath

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from flask_openapi.types import ResponseDict
from pydantic import BaseModel, Field

from cutout import images
from cutout.http.current import service
from cutout.http.headers import MIMETYPES, signal_headers
from cutout.http.problems import responses

bp = APIBlueprint("results", __name__, abp_tags=[Tag(name="images")])
MIMETYPE_OF_SUFFIX = {f".{images.SUFFIX[name]}": MIMETYPES[name] for name in MIMETYPES}
UNKNOWN = "application/octet-stream"
BINARY = {"schema": {"type": "string", "format": "binary"}}
FETCHED: ResponseDict = {
    200: {"description": "the image", "content": dict.fromkeys(MIMETYPES.values(), BINARY)},
    **responses(404),
}
DELETED: ResponseDict = {
    204: {"description": "image, record and upload are deleted"},
    **responses(404),
}


class ResultPath(BaseModel):
    name: str = Field(description="the id from `X-Cutout-Id`: 32 hexadecimal digits")


@bp.get("/results/<name>", summary="Fetch a result again", responses=FETCHED)
def fetch_result(path: ResultPath) -> Response:
    stored = service().storage.load(path.name)
    suffix = PurePath(stored.record["file"]).suffix
    # In parts: slow readers of many results hold none of them in memory.
    response = Response(stored, mimetype=MIMETYPE_OF_SUFFIX.get(suffix, UNKNOWN))
    response.content_length = stored.size_bytes
    response.headers.update(signal_headers(stored.record["quality"]))
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.delete("/results/<name>", summary="Delete a result now", responses=DELETED)
def delete_result(path: ResultPath) -> tuple[str, int]:
    service().storage.delete(path.name)
    return "", 204
