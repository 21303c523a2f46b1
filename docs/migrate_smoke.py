"""Checks that a server answers as clients of remove.bg expect: `migrate_smoke.py URL PHOTO`.

Needs Python 3.9 or later and nothing else, so that it runs where the clients run. Prints a line
for each check and ends with status 1 if one of them fails.
"""

import argparse
import base64
import http.client
import io
import json
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import NamedTuple

BOUNDARY = "migrate-smoke"
# What a server that is none of remove.bg makes the checks raise.
FAILURES = (
    *(AssertionError, OSError, ValueError, LookupError, TypeError),
    *(zipfile.BadZipFile, http.client.HTTPException),
)
SIGNATURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "application/zip": b"PK"}


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes


class Server:
    """The server to check: its address without a path, a key, and the photograph to send."""

    def __init__(self, address: str, key: str, photo: bytes) -> None:
        self.address, self.key, self.photo = address.rstrip("/"), key, photo

    def get(self, path: str) -> Answer:
        return self._ask(path, None, {})

    def remove(self, accept: str = "*/*", **fields: str) -> Answer:
        """The photograph in a multipart form."""
        body = b""
        for name, value in fields.items():
            top = f'Content-Disposition: form-data; name="{name}"'
            body += f"--{BOUNDARY}\r\n{top}\r\n\r\n{value}\r\n".encode()
        top = 'Content-Disposition: form-data; name="image_file"; filename="photo"'
        body += f"--{BOUNDARY}\r\n{top}\r\n\r\n".encode() + self.photo
        body += f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self._ask("/v1.0/removebg", body, {"Content-Type": kind, "Accept": accept})

    def remove_base64(self, **fields: str) -> Answer:
        """The photograph as base64 in JSON."""
        text = base64.b64encode(self.photo).decode()
        body = json.dumps({"image_file_b64": text, **fields}).encode()
        return self._ask("/v1.0/removebg", body, {"Content-Type": "application/json"})

    def _ask(self, path: str, body, headers: dict) -> Answer:
        headers = {"X-Api-Key": self.key, **headers}
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise AssertionError(otherwise)


def expect_file(answer: Answer, kind: str) -> None:
    expect(answer.status == 200, f"status {answer.status}: {answer.body[:300]!r}")
    expect(answer.headers["Content-Type"] == kind, f"it is {answer.headers['Content-Type']}")
    expect(answer.body.startswith(SIGNATURES[kind]), f"the body is no {kind}")


def expect_error(answer: Answer, status: int, code: str) -> None:
    expect(answer.status == status, f"status {answer.status}")
    first = json.loads(answer.body)["errors"][0]
    expect(first["code"] == code and first["title"], f"the error is {first}")


def account(server: Server) -> None:
    answer = server.get("/v1.0/account")
    expect(answer.status == 200, f"status {answer.status}")
    found = json.loads(answer.body)["data"]["attributes"]
    expect(set(found) == {"credits", "api"}, f"members {sorted(found)}")
    expect(found["credits"]["total"] > 0, "no credits")


def preview(server: Server) -> None:
    answer = server.remove(size="preview")
    expect_file(answer, "image/png")
    width, height = int(answer.headers["X-Width"]), int(answer.headers["X-Height"])
    expect(width * height <= 251_250, f"{width} x {height} is more than 0.25 megapixels")
    for name in ("X-Credits-Charged", "X-RateLimit-Remaining", "X-Foreground-Width"):
        int(answer.headers[name])


def background_colour(server: Server) -> None:
    expect_file(server.remove(bg_color="fff"), "image/jpeg")


def empty_fields(server: Server) -> None:
    unset = ("type_level", "roi", "crop", "crop_margin", "scale", "position", "bg_color")
    expect_file(server.remove(**dict.fromkeys(unset, "")), "image/png")


def archive(server: Server) -> None:
    answer = server.remove(format="zip", size="auto")
    expect_file(answer, "application/zip")
    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    expect(names == ["color.jpg", "alpha.png"], f"entries {names}")


def json_answer(server: Server) -> None:
    answer = server.remove(accept="application/json")
    data = base64.b64decode(json.loads(answer.body)["data"]["result_b64"])
    expect(data.startswith(SIGNATURES["image/png"]), "result_b64 is no PNG")


def base64_request(server: Server) -> None:
    expect_file(server.remove_base64(size="auto"), "image/png")


def refusal(server: Server) -> None:
    expect_error(server.remove(size="huge"), 400, "invalid_size")


def unknown_address(server: Server) -> None:
    expect_error(server.get("/v1.0/nothing"), 404, "not_found")


CHECKS = (
    *(account, preview, background_colour, empty_fields, archive),
    *(json_answer, base64_request, refusal, unknown_address),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="address of the server, such as http://localhost:5000")
    parser.add_argument("photo", type=Path, help="a photograph with a subject, JPEG or PNG")
    parser.add_argument("--key", default="any", help="API key, where the server has keys")
    arguments = parser.parse_args()
    server = Server(arguments.url, arguments.key, arguments.photo.read_bytes())
    failed = 0
    for check in CHECKS:
        try:
            check(server)
            print(f"ok      {check.__name__}")
        except FAILURES as error:
            failed += 1
            print(f"FAILED  {check.__name__}: {error!r}")
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
