"""The forms of our endpoints: options and images, validated and described by one model each."""

from dataclasses import replace

from flask import current_app, g
from pydantic import ConfigDict, Field

from cutout.errors import InvalidValue, MissingField
from cutout.http import limits
from cutout.http.client import client_name
from cutout.http.connection import client_connected
from cutout.http.downloads import download
from cutout.http.forms import describe_form
from cutout.http.reading import OptionalFile, read, read_optional
from cutout.options import Options
from cutout.service import RemovalRequest

MAX_URL = 2000


class ImageForm(Options):
    """How to cut an image out, and the images that may come beside it."""

    model_config = ConfigDict(arbitrary_types_allowed=True, json_schema_extra=describe_form)

    trimap: OptionalFile = Field(
        None, description="for matting: 0 background, 128 unknown, 255 subject; the image's size"
    )

    keep: OptionalFile = Field(
        None, description="a grey image of any size: light where the subject is certain"
    )
    erase: OptionalFile = Field(
        None, description="the same for the background; where both are light, erase holds"
    )

    def removal(self, data: bytes) -> RemovalRequest:
        """What is asked of the service for an image file."""
        fields = {name: getattr(self, name) for name in Options.model_fields}
        return RemovalRequest(
            data,
            Options.model_construct(**fields),
            trimap=read_optional(self.trimap, "trimap"),
            wanted=client_connected(),
            charge=limits.charger(),
            keep=read_optional(self.keep, "keep"),
            erase=read_optional(self.erase, "erase"),
            client=client_name(),
            scope=g.get("key_name") or "",
        )


class RemoveForm(ImageForm):
    """An image, how to cut it out, and what to put behind it."""

    image: OptionalFile = Field(
        None,
        description="the photograph: JPEG, PNG or WebP; repeat the field for several, or send "
        "a ZIP of them, and a ZIP of the results is answered",
    )
    image_url: str = Field(
        "", max_length=MAX_URL, description="instead: where to fetch it, if the server allows it"
    )
    background_image: OptionalFile = Field(
        None, description="put behind the subject, covering the result, centred"
    )
    bg_image_url: str = Field(
        "",
        max_length=MAX_URL,
        description="instead: where to fetch it, if the server allows it",
    )
    store: bool = Field(
        True, description="off keeps neither the image nor its result on the server"
    )

    def removal(self, data: bytes) -> RemovalRequest:
        """With the background, and whether anything is kept."""
        return replace(
            super().removal(data),
            background=self._background(),
            store=self.store and current_app.config["STORE"],
        )

    def removal_of_many(self) -> RemovalRequest:
        """What is asked for every one of several images.

        Raises InvalidValue for what is drawn on one image: trimap, keep, erase.
        """
        for field in ("trimap", "keep", "erase"):
            if getattr(self, field) is not None:
                raise InvalidValue(f"{field} goes with one image only.", field=field)
        removal = self.removal(b"")
        removal.check()
        return removal

    def image_data(self) -> bytes:
        """The image, sent or fetched. Raises MissingField for none, InvalidValue for both."""
        if self.image is not None and self.image_url:
            raise InvalidValue("Send image or image_url, not both.", field="image_url")
        if self.image_url:
            return download(self.image_url, "image_url")
        if self.image is None:
            raise MissingField("Send the field 'image'.", field="image")
        return read(self.image, "image")

    def _background(self) -> bytes | None:
        """The background image, sent or fetched. Raises InvalidValue for both at once."""
        if self.background_image is not None and self.bg_image_url:
            raise InvalidValue(
                "Send background_image or bg_image_url, not both.", field="bg_image_url"
            )
        if self.bg_image_url:
            return download(self.bg_image_url, "bg_image_url")
        return read_optional(self.background_image, "background_image")
