"""Every setting of the service: name, type, default, unit and meaning; read from `CUTOUT_*`."""

import difflib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cutout.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Where uploads and results lie by default: in the checkout, or, installed, in our cache."""
    if (ROOT / "pyproject.toml").is_file():
        return ROOT
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "cutout"


FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "HEIC")


def _split(value: object) -> object:
    """Names with commas between them, as an environment variable has them."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """One field is one environment variable: `max_bytes` is `CUTOUT_MAX_BYTES`."""

    model_config = SettingsConfigDict(env_prefix="CUTOUT_", frozen=True, extra="forbid")

    model: str = Field(
        "u2net", description="name of the model, see `weights list`, or path of an ONNX file"
    )
    models: Names = Field(
        (), description="several instead, loaded at start; the first is the default"
    )
    check_memory: bool = Field(
        True, description="refuse to start with models that do not fit into the memory"
    )
    models_dir: Path | None = Field(None, description="folder that holds the weights")
    cache_dir: Path | None = Field(None, description="folder for graphs derived from the weights")
    device: Literal["auto", "cuda", "cpu"] = Field("auto", description="where the model runs")
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = Field(
        "auto", description="number format of the model"
    )
    runtime: Literal["auto", "onnxruntime", "openvino", "tensorrt", "triton"] = Field(
        "auto", description="library that runs the model, or triton for a server elsewhere"
    )
    triton_url: str = Field(
        "", description="of the Triton server: http://host:8000 or grpc://host:8001"
    )
    calibration: Path | None = Field(
        None, description="file of `evaluate --calibrate`: predicted IoU for images like yours"
    )
    threads: int = Field(0, ge=0, description="cores for the model; 0 takes all that are allowed")
    max_batch: int = Field(
        0,
        ge=0,
        le=64,
        description="images in the model at once; 0 takes what cores, memory and device allow",
    )
    queue: int = Field(64, ge=1, description="images in the service at once; more get 503")
    queue_megapixels: int = Field(
        1000, ge=1, description="megapixels in the service at once; more get 503"
    )
    memory_bytes: int = Field(
        0,
        ge=0,
        description="bytes for all requests together, beside the model; 0 takes 700 MB a worker, "
        "at most half of the machine's or container's",
    )
    workers: int = Field(
        0, ge=0, description="images worked on at once; 0 takes the number of cores"
    )
    deadline_s: float = Field(30, gt=0, description="seconds an image may take; then 504")
    header_timeout_s: float = Field(
        10, gt=0, description="seconds the headers of a request may take; then 408"
    )
    body_timeout_s: float = Field(
        20, gt=0, description="seconds of waiting for a body after which its rate is judged"
    )
    min_body_rate: int = Field(
        1000, ge=0, description="bytes a second that a body must bring; slower ones get 408"
    )
    body_total_s: float = Field(
        600, gt=0, description="seconds of waiting for a body in all; then 408"
    )
    send_timeout_s: float = Field(
        20, gt=0, description="seconds a client may take no byte of its answer; then it is cut"
    )
    model_timeout_s: float = Field(
        120, gt=0, description="seconds one pass of the model may take; then the process ends"
    )
    max_bytes: int = Field(23_068_672, ge=1, description="bytes an image file may have")
    max_body_bytes: int = Field(
        200_000_000, ge=1, description="bytes a request may have, with all its images"
    )
    max_files: int = Field(100, ge=1, description="images that one request may bring")
    max_pixels: int = Field(50_000_000, ge=1, description="pixels an image may have")
    formats: Annotated[tuple[str, ...], NoDecode] = Field(
        ("JPEG", "PNG", "WEBP"), description=f"image types let in, of {', '.join(FORMATS)}"
    )
    cache_bytes: int = Field(
        64_000_000, ge=0, description="bytes of model output remembered by content; 0 is off"
    )
    upload_dir: Path = Field(data_folder() / "uploads", description="folder for uploads")
    result_dir: Path = Field(data_folder() / "results", description="folder for results")
    keep_s: float = Field(86_400, ge=0, description="seconds an upload and its result are kept")
    quota_bytes: int = Field(
        10_000_000_000, ge=1, description="bytes that uploads and results may take together"
    )
    removebg_default_size: Literal["preview", "medium", "hd", "full", "50MP", "auto"] = Field(
        "preview", description="`size` for clients of /v1.0/removebg that send none"
    )
    removebg_options: str = Field(
        "", description="our options for all clients of /v1.0/removebg, as matting=closed-form"
    )
    store: bool = Field(
        True, description="keep uploads and results; off keeps nothing, whatever a request says"
    )
    keys: SecretStr = Field(
        SecretStr(""), description="API keys: name=key,name2=key2; keys or their hashes"
    )
    keys_file: Path | None = Field(None, description="file of API keys, one name:hash a line")
    metrics_key: SecretStr = Field(
        SecretStr(""), description="a key of its own for /metrics, instead of those of clients"
    )
    hosts: Names = Field(
        (),
        description="host names this service is reached by, .example.com for all below; "
        "empty takes any",
    )
    open_without_key: bool = Field(
        False, description="listen beyond this machine although no key is set"
    )
    images_per_minute: int = Field(
        0, ge=0, description="images a minute for a key, or an address without keys; 0 is no limit"
    )
    megapixels_per_minute: int = Field(
        0, ge=0, description="megapixels a minute, each image rounded up; 0 is no limit"
    )
    trusted_proxies: Names = Field(
        (), description="networks of proxies whose X-Forwarded-* headers count; unix for a socket"
    )
    origins: Names = Field(
        (), description="origins of pages that may read answers (CORS), as https://shop.example"
    )
    removebg_origins: Names = Field((), description="the same for /v1.0/, or * for every page")
    image_url_allow: Names = Field(
        (),
        description="what image_url may fetch: public, hosts, networks, each with :port; "
        "empty is off",
    )
    image_url_timeout_s: float = Field(
        10, gt=0, description="seconds for one download, redirects included"
    )
    idempotency_bytes: int = Field(
        64_000_000, ge=0, description="bytes of answers kept a day for Idempotency-Key; 0 is none"
    )
    removebg_store: bool = Field(
        False, description="keep uploads and results of clients of /v1.0/removebg too"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    server: Literal["auto", "gunicorn", "waitress"] = Field(
        "auto", description="HTTP server; auto is gunicorn, and waitress under Windows"
    )
    log: Literal["text", "json", "off"] = Field("text", description="form of the log, on stderr")
    otlp_endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="OpenTelemetry collector for traces, as http://localhost:4318; empty is off",
    )
    port: int = Field(5000, ge=1, le=65_535, description="port to listen on")

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models to serve, the default first."""
        return self.models or (self.model,)

    @field_validator("formats", mode="before")
    @classmethod
    def _known_formats(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        names = value.upper().replace(" ", "").split(",") if isinstance(value, str) else value
        unknown = [name for name in names if name not in FORMATS]
        if unknown or not names:
            raise ValueError(f"{', '.join(unknown) or 'nothing'} is not among {', '.join(FORMATS)}")
        if "HEIC" in names and find_spec("pillow_heif") is None:
            raise ValueError("HEIC needs `pip install -r requirements-heic.txt`")
        return tuple(names)


def load() -> Settings:
    """Settings from the environment; a wrong or unknown one is named with what is allowed."""
    if unknown := sorted(set(_variables(os.environ)) - _KNOWN):
        raise ConfigurationError("; ".join(_unknown(name) for name in unknown))
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"CUTOUT_{'_'.join(map(str, item['loc'])).upper()}={item['input']!r}: {item['msg']}"
            for item in error.errors()
        ]
        raise ConfigurationError("; ".join(lines)) from None


# Where the tests find research images; nothing here reads it.
_KNOWN = {f"CUTOUT_{name.upper()}" for name in Settings.model_fields} | {"CUTOUT_DATA"}


def _variables(environ: Mapping[str, str]) -> list[str]:
    """Names of ours in the environment; as pydantic does, without regard to case."""
    return [name.upper() for name in environ if name.upper().startswith("CUTOUT_")]


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, _KNOWN - {"CUTOUT_DATA"}, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else " The README lists the settings."
    return f"{name} is not a setting.{hint}"
