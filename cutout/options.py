"""What one request may ask for: text in, a checked frozen object out."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """How one picture is cut out. Same names in HTTP fields, command flags and Python."""

    model_config = ConfigDict(frozen=True, extra="forbid")
