"""What is sent back: headers, the JSON form, the ZIP."""

import base64
import io
import zipfile
from dataclasses import dataclass

MIMETYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "zip": "application/zip",
}
# Written into archives, so that the same image gives the same bytes: the oldest date ZIP knows.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Answer:
    """A finished result.

    data: the file. format: a key of `MIMETYPES`. size: (height, width) of the result. foreground:
    (top, left, height, width) of the subject in the result before it was cropped. subject: word
    for X-Type, or None.
    """

    data: bytes
    format: str
    size: tuple[int, int]
    foreground: tuple[int, int, int, int]
    subject: str | None

    def headers(self) -> dict[str, str]:
        """Headers of the binary and the JSON form; every number is a whole one."""
        height, width = self.size
        top, left, foreground_height, foreground_width = self.foreground
        headers = {
            "X-Width": str(width),
            "X-Height": str(height),
            # A client calls int() on it: not 0.25, and never missing.
            "X-Credits-Charged": "0",
            "X-Foreground-Top": str(top),
            "X-Foreground-Left": str(left),
            "X-Foreground-Width": str(foreground_width),
            "X-Foreground-Height": str(foreground_height),
        }
        return headers if self.subject is None else headers | {"X-Type": self.subject}

    def as_json(self) -> dict[str, object]:
        """The body for clients that accept JSON only."""
        top, left, height, width = self.foreground
        data = {
            "result_b64": base64.b64encode(self.data).decode(),
            "foreground_top": top,
            "foreground_left": left,
            "foreground_width": width,
            "foreground_height": height,
        }
        return {"data": data}


def wants_json(accept: str) -> bool:
    """Whether an Accept header names `application/json` alone; parameters are allowed.

    Many clients list it among others and read bytes whatever comes: they get the image.
    """
    kinds = [kind.split(";")[0].strip().lower() for kind in accept.split(",")]
    return kinds == ["application/json"]


def archive(color: bytes, alpha: bytes) -> bytes:
    """ZIP of `color.jpg` and `alpha.png`, stored, in this order; clients read them by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as entries:
        for name, content in (("color.jpg", color), ("alpha.png", alpha)):
            entries.writestr(zipfile.ZipInfo(name, ZIP_DATE), content)
    return file.getvalue()
