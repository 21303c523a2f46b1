"""Writes the TOML beside a model of one's own; `cutout.models.own` reads it."""

from typing import Any

from cutout.models.own import SUFFIX

__all__ = ["SUFFIX", "spec_toml"]


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
