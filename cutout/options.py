"""What one request may ask for: text in, a checked frozen object out."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from cutout.models.table import FAST_MODEL

OFF = ("off", "false", "no", "")
ON = ("on", "true", "yes")


@dataclass(frozen=True)
class Strength:
    """Type of a step: `off` (None), `on` (its `usual` strength), or a number from 0 to `most`."""

    usual: float
    most: float

    def read(self, value: object) -> object:
        """The strength that a text or number asks for; None is off."""
        word = str(value).strip().lower()
        if value is None or word in OFF:
            return None
        return self.usual if word in ON else value

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Validate as pydantic does for `source`, within the range, after reading the words."""
        number = core_schema.float_schema(ge=0, le=self.most, allow_inf_nan=False)
        return core_schema.no_info_before_validator_function(
            self.read, core_schema.nullable_schema(number)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A number in the range, or one of the words."""
        number = {"type": "number", "minimum": 0, "maximum": self.most}
        return {"anyOf": [number, {"enum": ["on", "off"]}]}


def number(value: object) -> object:
    """Digits as text, as forms and commands send them, for fields that are a choice of numbers."""
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else value


class Options(BaseModel):
    """How one image is cut out. Same names in HTTP fields, command flags and Python."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_given(cls, values: object) -> object:
        """HTML forms send every field; an empty one means that it was left alone."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != ""}

    remove: bool = Field(
        True, description="off keeps the background: the image passes through what follows as it is"
    )
    quality: Literal["fast", "standard", "best"] = Field(
        "standard",
        description="best looks again, mirrored and nearer, where the model is not sure: "
        "up to 3 times its time, twice on average; fast asks the small model u2netp, which a "
        "server must have loaded",
    )
    model: str = Field("", max_length=60, description="one of those served; default: the first")
    input_size: Annotated[int | None, BeforeValidator(number)] = Field(
        None,
        ge=32,
        le=4096,
        multiple_of=32,
        description="side in px of the square the model sees: 320, 384 or 512 for U²-Net; "
        "default: the model's own",
    )
    fit: Literal["stretch", "pad"] = Field(
        "stretch",
        description="how an image becomes that square: stretched, or padded to keep its ratio",
    )
    edges: Literal["auto", "snap", "off"] = Field(
        "auto",
        description="align the matte with the image's edges; "
        "auto widens the window where colours explain a soft edge",
    )
    threshold: Annotated[float | None, Strength(0.5, 1)] = Field(
        None, description="make the matte binary: a pixel is subject above this alpha; on is 0.5"
    )
    softness: float = Field(
        0, ge=0, le=1, description="width in alpha of a soft ramp around the threshold; 0 is binary"
    )
    drop_specks: Annotated[float | None, Strength(0.001, 1)] = Field(
        None, description="remove pieces below this share of the image; on is 0.001"
    )
    fill_holes: Annotated[float | None, Strength(0.01, 1)] = Field(
        None, description="fill holes below this share of the image; on is 0.01"
    )
    smooth: Annotated[float | None, Strength(2, 50)] = Field(
        None, description="round the outline over this radius in px; on is 2"
    )
    enhance_edges: Annotated[float | None, Strength(0.5, 5)] = Field(
        None, description="matte + weight x edges(matte), with this weight; on is 0.5"
    )
    feather: Annotated[float | None, Strength(2, 100)] = Field(
        None, description="soften the outline over this radius in px; on is 2"
    )
    matting: Literal["off", "closed-form", "knn"] = Field(
        "off", description="solve alpha in the band around the edge"
    )
    matting_iterations: int = Field(
        1, ge=1, le=3, description="each further one solves a band of half the width"
    )
    decontaminate: bool = Field(
        True, description="true subject colours in the soft edge, so that no halo shows"
    )
    background: str = Field(
        "transparent",
        max_length=40,
        description="transparent, blur, 3 to 8 hex digits, or a CSS colour name",
    )
    blend: Literal["browser", "linear"] = Field(
        "browser", description="mix with the background as browsers do, or in linear light"
    )
    output: Literal["cutout", "mask", "trimap", "overlay"] = Field(
        "cutout", description="the subject, its alpha, sure and unknown parts, or the rest tinted"
    )
    format: Literal["png", "webp", "jpeg"] = Field(
        "png", description="type of the result; jpeg needs a background"
    )
    compression: Literal["fast", "balanced", "small"] = Field(
        "balanced",
        description="of a PNG: fast takes a quarter of the time for a seventh more bytes, small "
        "ten times the time for 5 to 10 % fewer",
    )
    crop: bool = Field(False, description="cut the result to the subject")
    crop_margin: str = Field(
        "0", max_length=60, description="room around the subject: 1, 2 or 4 lengths in px or %"
    )
    on_no_subject: Literal["warn", "transparent", "original", "error"] = Field(
        "warn",
        description="answer when no subject is found: the result with a warning, nothing but "
        "transparency, the image with its background, or an error",
    )
    min_predicted_iou: float = Field(
        0, ge=0, le=1, description="the lowest predicted IoU that counts as good enough"
    )
    below: Literal["warn", "transparent", "original", "error"] = Field(
        "warn", description="answer when the predicted IoU is lower, with the same choices"
    )
    canvas: str = Field(
        "none", max_length=20, description="size of the result in px, width x height: 2000x2000"
    )
    scale: str = Field(
        "original",
        max_length=10,
        description="share of the canvas for the subject, 10% to 100% in both directions",
    )
    position: str = Field(
        "",
        max_length=60,
        description="of the subject on the canvas: center, 50%, horizontal and vertical such as "
        "50% 90% or 10px 20px, or original; default: center where a canvas or scale is given",
    )
    shadow: Literal["off", "drop"] = Field("off", description="a shadow under the subject")
    shadow_offset: str = Field(
        "0 3%",
        max_length=40,
        description="of the shadow, right and down, in px or % of the subject",
    )
    shadow_blur: str = Field(
        "6%",
        max_length=20,
        description="twice the shadow's Gaussian sigma, in px or % of the subject",
    )
    shadow_opacity: float = Field(0.5, ge=0, le=1, description="of the shadow")
    max_size: int | None = Field(
        None, ge=1, le=50_000, description="longest side of the result in px; never scales up"
    )

    @property
    def model_name(self) -> str:
        """Name of the model that is asked for; "" is the default one."""
        return self.model or (FAST_MODEL if self.quality == "fast" else "")
