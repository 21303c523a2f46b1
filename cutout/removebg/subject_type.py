"""The subject's type: parameters `type` and `type_level`, and the header `X-Type`.

We do not classify: a type that the client names is echoed at the level asked for, `auto` is
`other`, and neither changes the result.
"""

TYPES = {
    "auto": "auto",
    "person": "person",
    "product": "product",
    "car": "car",
    "animal": "animal",
    "graphic": "graphic",
    "graphics": "graphic",
    "transportation": "transportation",
    "car_interior": "car_interior",
    "car_part": "car_part",
    "other": "other",
}
LEVELS = {"none": "none", "1": "1", "2": "2", "latest": "2"}
# Level 1 knows five words; level 2 has one for every type and says `graphics`.
AT_LEVEL_1 = {
    "auto": "other",
    "car_interior": "car",
    "car_part": "car",
    "graphic": "other",
    "transportation": "other",
}
AT_LEVEL_2 = {"auto": "other", "graphic": "graphics"}


def echoed_type(subject: str, level: str) -> str | None:
    """Word for `X-Type`; None where `type_level=none` asks for no header."""
    if level == "none":
        return None
    return (AT_LEVEL_1 if level == "1" else AT_LEVEL_2).get(subject, subject)
