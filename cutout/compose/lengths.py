"""Lengths in requests: `30px`, `30` (px), or `5%` of a length that the option names."""

import re

# Amount and unit, `px` or `%`.
Length = tuple[float, str]

PATTERN = re.compile(r"([-+]?\d+(?:\.\d+)?)(px|%)?")


def parse_length(word: str) -> Length | None:
    """(amount, unit) of one length, or None for anything else."""
    match = PATTERN.fullmatch(word)
    return (float(match[1]), match[2] or "px") if match else None


def within(length: Length, max_px: float, max_percent: float) -> bool:
    """Whether the amount, whatever its sign, is at most the limit of its unit."""
    return abs(length[0]) <= (max_percent if length[1] == "%" else max_px)


def to_px(length: Length, whole: int) -> int:
    """Whole pixels of a length; `whole` (px) is what a percentage is of."""
    amount, unit = length
    return round(amount * whole / 100 if unit == "%" else amount)
