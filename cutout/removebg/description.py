"""The dialect's endpoints in the OpenAPI description."""

from typing import Any

from flask_openapi.types import ResponseDict

from cutout.removebg.answers import MIMETYPES

BINARY = {"type": "string", "format": "binary"}
TEXT = {"type": "string"}
# Parameter: what it may be, in words. The checks are in `parameters`; any case is read.
FIELDS = {
    "image_url": "http or https address of the image",
    "image_file_b64": "the image as base64 text; one of image_file, image_file_b64, image_url",
    "size": "preview (default), medium, hd, full, 50MP or auto: megapixels of the result",
    "type": "auto, person, product, car, animal, graphic, transportation: echoed in X-Type",
    "type_level": "none, 1, 2 or latest: words that X-Type uses",
    "format": "auto, png, jpg, webp or zip",
    "roi": "x1 y1 x2 y2, each px or %: only what lies inside can be subject",
    "crop": "true or false: cut the result to the subject",
    "crop_margin": "1, 2 or 4 lengths in px or % of the subject",
    "scale": "original, or 10% to 100% of the canvas",
    "position": "original, center, or one or two values from 0% to 100%",
    "channels": "rgba or alpha",
    "bg_color": "3, 4, 6 or 8 hex digits, or a CSS colour name",
    "bg_image_url": "http or https address of a background image",
    "shadow_type": "none, auto or drop; also as shadow_type[person] and so on",
    "shadow_opacity": "0 to 100, or auto; also as shadow_opacity[person] and so on",
    "add_shadow": "true or false; deprecated",
    "semitransparency": "true or false, without effect",
}
ERROR = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["title", "code", "detail"],
                "properties": {"title": TEXT, "code": TEXT, "detail": TEXT},
            },
        }
    },
}
STATUSES = {
    400: "a parameter or the image is refused",
    403: "the API key is missing or wrong",
    404: "nothing answers at this address",
    405: "the address takes another method",
    408: "the request did not arrive in time",
    414: "the address is too long",
    417: "Expect takes 100-continue alone",
    421: "this host is not served here",
    431: "the headers are too large",
    429: "too many images in a minute",
    500: "an error of ours",
    503: "too many images wait, or the service is starting or stopping",
    504: "the image was not finished in time",
}
# Besides 400: what any request may get.
EVERYWHERE = (403, 408, 414, 417, 421, 431, 500)


def request_body() -> dict[str, Any]:
    """The body of `POST /v1.0/removebg` in its three types."""
    text = {name: {**TEXT, "description": words} for name, words in FIELDS.items()}
    files = {
        "image_file": {**BINARY, "description": "the image: JPEG, PNG or WebP"},
        "bg_image_file": {**BINARY, "description": "put behind the subject"},
    }
    form = {"schema": {"type": "object", "properties": text}}
    # JSON sends numbers, booleans and null as well.
    values = {name: {"description": words} for name, words in FIELDS.items()}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": files | text}},
            "application/x-www-form-urlencoded": form,
            "application/json": {"schema": {"type": "object", "properties": values}},
        },
    }


def errors(*statuses: int) -> ResponseDict:
    """Answers that are errors, for OpenAPI."""
    content = {"application/json": {"schema": ERROR}}
    return {status: {"description": STATUSES[status], "content": content} for status in statuses}


def image_answers() -> ResponseDict:
    """Answers of `POST /v1.0/removebg`."""
    content: dict[str, Any] = {kind: {"schema": BINARY} for kind in MIMETYPES.values()}
    content["application/json"] = {"schema": {"type": "object", "required": ["data"]}}
    done = {"description": "the result, as an image, a ZIP or JSON", "content": content}
    return {200: done, **errors(400, *EVERYWHERE, 429, 503, 504)}


def account_answers() -> ResponseDict:
    """Answers of `GET /v1.0/account`."""
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    attributes = {
        "type": "object",
        "required": ["credits", "api"],
        "properties": {"credits": numbers, "api": {"type": "object"}},
    }
    data = {"type": "object", "properties": {"attributes": attributes}}
    schema = {"type": "object", "required": ["data"], "properties": {"data": data}}
    content = {"application/json": {"schema": schema}}
    done = {"description": "a balance that never ends", "content": content}
    return {200: done, **errors(400, *EVERYWHERE, 429)}
