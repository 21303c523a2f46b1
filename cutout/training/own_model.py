"""The TOML beside a model of one's own: what must be known of an ONNX file to use it."""

import tomllib
from pathlib import Path
from typing import Any

from cutout.errors import ConfigurationError
from cutout.models.table import ModelSpec

SUFFIX = ".toml"
FIELDS = ("size", "mean", "std", "activation", "licence")


def read_spec(onnx: Path) -> ModelSpec:
    """The row of the model in an ONNX file, from the TOML of the same name beside it."""
    path = onnx.with_suffix(SUFFIX)
    try:
        found = tomllib.loads(path.read_text())
        missing = [name for name in FIELDS if name not in found]
        if missing:
            raise ConfigurationError(f"{path.name} lacks {', '.join(missing)}.")
        return ModelSpec(
            name=onnx.stem,
            input_size=int(found["size"]),
            mean=tuple(found["mean"]),
            std=tuple(found["std"]),
            url="",
            licence=found["licence"],
            commercial_use="unknown",
            activation=found["activation"],
            sha256=found.get("sha256"),
        )
    except OSError as error:
        raise ConfigurationError(
            f"{path.name} must lie beside {onnx.name} and name {', '.join(FIELDS)}."
        ) from error
    except (tomllib.TOMLDecodeError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}.") from error


def spec_toml(fields: dict[str, Any]) -> str:
    """The file's text. fields: strings, numbers, and sequences of numbers."""
    return "".join(f"{name} = {_literal(value)}\n" for name, value in fields.items())


def _literal(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)
