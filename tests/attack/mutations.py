"""Damaged image files, made from a collection by a seeded generator."""

import os
import random
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"
MAX_SEED_BYTES = 300_000
# What length, size and count fields are overwritten with.
EDGES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0")


@cache
def seeds() -> tuple[bytes, ...]:
    """Files of `odd` and `broken` in CUTOUT_DATA that are not large; empty without it."""
    folder = Path(os.environ.get("CUTOUT_DATA", Path(__file__).parents[3] / "shared" / "data"))
    paths = [path for name in ("odd", "broken") for path in sorted((folder / name).rglob("*.*"))]
    return tuple(path.read_bytes() for path in paths if path.stat().st_size <= MAX_SEED_BYTES)


def mutations(seed: int, files: tuple[bytes, ...]) -> Iterator[bytes]:
    """Without end; the same for the same seed and files."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(files))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            mutate(data, chance, files)
        # Checksums would keep most changes of a PNG from all that lies behind them.
        yield with_right_checksums(bytes(data)) if chance.random() < 0.5 else bytes(data)


def with_right_checksums(data: bytes) -> bytes:
    """The same PNG with the checksum that each chunk should have; other files as they are."""
    if not data.startswith(PNG):
        return data
    out, at = bytearray(PNG), len(PNG)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        out += data[at:end] + zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out) + data[at:]


def mutate(data: bytearray, chance: random.Random, files: tuple[bytes, ...]) -> None:
    """One change: a bit, a field, a part cut, doubled, moved or taken from another file."""
    if not data:
        return
    at = chance.randrange(len(data))
    end = min(len(data), at + chance.choice((1, 4, 16, 256, 4096)))
    kind = chance.randrange(7)
    if kind == 0:
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        edge = chance.choice(EDGES)
        data[at : at + len(edge)] = edge
    elif kind == 2:
        del data[at:end]
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        data[at:at] = data[at:end]
    elif kind == 5:
        data[at:end] = chance.randbytes(end - at)
    else:
        other = chance.choice(files)
        start = chance.randrange(max(1, len(other)))
        data[at:end] = other[start : start + end - at]
