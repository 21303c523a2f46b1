"""`GET` and `DELETE /results/<id>`: fetch a finished picture again, or forget it now."""

from flask import Response
from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, Field

from cutout.http.current import service
from cutout.http.headers import MIMETYPES, signal_headers
from cutout.http.problems import responses

bp = APIBlueprint("results", __name__, abp_tags=[Tag(name="images")])


class ResultPath(BaseModel):
    name: str = Field(description="the id from `X-Cutout-Id`: 32 hexadecimal digits")


@bp.get("/results/<name>", summary="Fetch a result again", responses=responses(404))
def fetch_result(path: ResultPath):
    stored = service().storage.load(path.name)
    response = Response(stored.data, mimetype=MIMETYPES[stored.record["options"]["format"]])
    response.headers.update(signal_headers(stored.record["quality"]))
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


@bp.delete("/results/<name>", summary="Forget a result now", responses=responses(404))
def forget_result(path: ResultPath):
    service().storage.delete(path.name)
    return "", 204
