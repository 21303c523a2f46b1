"""The record of one measured image, and the journal that lets a run be resumed."""

import base64
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cutout.errors import InvalidValue

NAME = "journal.jsonl"


@dataclass(frozen=True)
class Record:
    """One image: either its measures, or the sentence that says why there are none.

    values: by measure name. curves: name -> (256,) float32. timings_ms: by stage.
    signals: quality signals by name, such as `predicted_iou`.
    """

    stem: str
    values: dict[str, float] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    signals: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    def to_line(self) -> str:
        """One line of JSON; curves are compressed: 1,000 numbers as decimals take 20 kB."""
        packed = {
            name: base64.b64encode(zlib.compress(curve.astype("<f4").tobytes())).decode()
            for name, curve in self.curves.items()
        }
        return json.dumps(asdict(self) | {"curves": packed})

    @classmethod
    def from_line(cls, line: str) -> "Record":
        """The record that `to_line` wrote."""
        fields = json.loads(line)
        fields["curves"] = {
            name: np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<f4")
            for name, packed in fields["curves"].items()
        }
        return cls(**fields)


class Journal:
    """An append-only file: the settings on the first line, then one record per line.

    An interrupted run is resumed after the last complete line. Settings other than those of
    the first line are refused: their figures must not be mixed.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], restart: bool = False) -> None:
        """Open or begin the journal in `folder`, which is created if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / NAME
        if restart:
            self.path.unlink(missing_ok=True)
        _drop_partial_line(self.path)
        if self.path.exists() and self.path.stat().st_size:
            _refuse_other_settings(read_settings(folder), settings)
        else:
            self.path.write_text(json.dumps({"settings": settings}) + "\n")

    def append(self, record: Record) -> None:
        """Add one record as one line."""
        with self.path.open("a") as file:
            file.write(record.to_line() + "\n")

    def done(self) -> set[str]:
        """The stems that have measures; failed ones are not among them and are tried again."""
        return {record.stem for record in read_records(self.path.parent)}


def _drop_partial_line(path: Path) -> None:
    """Remove what an interruption left after the last line end."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        position = file.seek(0, os.SEEK_END)
        while position and (file.seek(position - 1), file.read(1))[1] != b"\n":
            position -= 1
        file.truncate(position)


def _refuse_other_settings(before: dict[str, Any], now: dict[str, Any]) -> None:
    differing = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k))
    if differing:
        changes = "; ".join(f"{k} was {before.get(k)!r}, is {now.get(k)!r}" for k in differing)
        raise InvalidValue(
            f"The output folder holds an evaluation with other settings ({changes}). "
            "Choose another folder, or start over with --restart."
        )


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings on a journal's first line."""
    try:
        with (folder / NAME).open() as file:
            settings: dict[str, Any] = json.loads(file.readline())["settings"]
            return settings
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidValue(
            f"{folder.name!r} holds no evaluation; give a folder that `evaluate` wrote."
        ) from error


def _lines(folder: Path) -> Iterator[Record]:
    with (folder / NAME).open() as file:
        next(file)
        for line in file:
            if line.endswith("\n"):
                yield Record.from_line(line)


def read_records(folder: Path) -> Iterator[Record]:
    """The records with measures, one at a time, in the order they were finished."""
    return (record for record in _lines(folder) if record.error is None)


def read_failures(folder: Path) -> dict[str, str]:
    """Stem -> reason, of the images without measures."""
    failed: dict[str, str] = {}
    for record in _lines(folder):
        if record.error is None:
            failed.pop(record.stem, None)
        else:
            failed[record.stem] = record.error
    return failed
