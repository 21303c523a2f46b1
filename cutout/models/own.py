"""A model of one's own: an ONNX file with a small TOML of the same name beside it.

    size = 320                        # px, side of the square that the model sees
    mean = [0.485, 0.456, 0.406]      # of the channels, after division by the brightest value
    std = [0.229, 0.224, 0.225]
    activation = "none"               # or "sigmoid", where the graph ends in logits
    licence = "Apache-2.0"

May be added: `sizes` (list of px), `sha256` (verified at every start), `precision`, `ranges`
(file of 8-bit ranges beside it), `quality` (coefficients of the predicted IoU), `commercial_use`.
"""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cutout.errors import ConfigurationError
from cutout.models.table import MODELS, Calibration, ModelSpec, spec_of

SUFFIX = ".toml"
Triple = tuple[float, float, float]


class OwnModel(BaseModel):
    """The fields of the TOML."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    size: int = Field(ge=32, le=4096, multiple_of=32)
    mean: Triple
    std: Triple
    activation: Literal["none", "sigmoid"]
    licence: str = Field(min_length=1)
    name: str = ""
    sizes: tuple[int, ...] = ()
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = "auto"
    ranges: str = ""
    quality: tuple[float, ...] | None = None
    commercial_use: Literal["yes", "no", "unknown"] = "unknown"


def is_own(name: str) -> bool:
    """Whether the name of a model is the path of an ONNX file."""
    return name.endswith(".onnx")


def model_name(text: str) -> str:
    """The name under which a model is served: of a file its stem. Raises ConfigurationError."""
    name = Path(text).stem if is_own(text) else text
    if is_own(text) and name in MODELS:
        raise ConfigurationError(
            f"{Path(text).name} has the name of a published model; rename the file."
        )
    return name


def absolute(text: str) -> str:
    """The same model for a process in another folder."""
    return str(Path(text).absolute()) if is_own(text) else text


def find_spec(text: str) -> ModelSpec:
    """The row of a model: of the table, or, for the path of an ONNX file, from its TOML.

    Raises ConfigurationError, which names what the TOML lacks, and never the folder.
    """
    return read_own(Path(text)) if is_own(text) else spec_of(text)


def read_own(path: Path) -> ModelSpec:
    """The row of the model in an ONNX file."""
    beside = path.with_suffix(SUFFIX)
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path.name} where the setting points.")
    try:
        found = OwnModel.model_validate(tomllib.loads(beside.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(
            f"{beside.name} must lie beside {path.name}, with size, mean, std, activation, licence."
        ) from error
    except ValidationError as error:
        raise ConfigurationError(f"{beside.name}: {_reasons(error)}.") from error
    except ValueError as error:
        raise ConfigurationError(f"{beside.name} is no TOML: {error}.") from error
    return _row(path, found)


def _row(path: Path, found: OwnModel) -> ModelSpec:
    return ModelSpec(
        name=model_name(str(path)),
        input_size=found.size,
        mean=found.mean,
        std=found.std,
        url="",
        licence=found.licence,
        commercial_use=found.commercial_use,
        note="a file of this installation",
        activation=found.activation,
        sha256=found.sha256,
        size_bytes=path.stat().st_size,
        sizes=found.sizes,
        precision=found.precision,
        calibration=None if found.quality is None else Calibration(standard=found.quality),
        path=path,
        ranges=path.with_name(Path(found.ranges).name) if found.ranges else None,
    )


def _reasons(error: ValidationError) -> str:
    """What is wrong with which field, in one line."""
    items: list[Any] = error.errors(include_url=False)
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in items)
