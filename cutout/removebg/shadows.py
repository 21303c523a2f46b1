"""Shadows of the dialect: what is asked for the subject's type, as one opacity or none.

Only the drop shadow is drawn. The others need to know where the ground is; they are refused
when they concern this image, since leaving them out in silence would spoil a catalogue.
"""

from collections.abc import Mapping

from cutout.removebg.errors import DialectError, invalid
from cutout.removebg.values import boolean, choice, text

KINDS = {"none": "none", "auto": "auto", "drop": "drop", "3d": "3D", "car": "car"}
TYPES = ("person", "product", "car", "animal", "transportation", "graphic", "other")
# Types that have no rule of their own follow the one they are a part of.
SHADOW_TYPE = {"auto": "other", "car_interior": "car", "car_part": "car"}
DEFAULT_OPACITY, CAR_OPACITY = 50.0, 90.0


def shadow_opacity(fields: Mapping[str, object], subject: str) -> float | None:
    """Opacity in percent of the drop shadow to draw, None for no shadow.

    subject: the `type` parameter. Raises DialectError `invalid_shadow_type` for a shadow we do
    not draw, `invalid_shadow_opacity` and `invalid_add_shadow` for wrong values.
    """
    subject = SHADOW_TYPE.get(subject, subject)
    kind = _kind(fields, subject)
    opacity = _opacity(fields, subject)
    if kind in ("3D", "car"):
        raise DialectError(
            "invalid_shadow_type",
            f"The shadow {kind} is not available here. Use drop, auto or none for shadow_type.",
        )
    return opacity if kind in ("drop", "auto") else None


def _kind(fields: Mapping[str, object], subject: str) -> str:
    """The kind of shadow for this subject; every value is checked, also those of other types."""
    given = {of: choice("shadow_type", value, KINDS, "") for of, value in _each(fields, "type")}
    deprecated = boolean("add_shadow", fields.get("add_shadow"), False)
    named = {of: kind for of, kind in given.items() if kind}
    if not named and deprecated:
        named = {"car": "car"}
    # A list by type leaves the types that it does not name without a shadow.
    return named.get(subject) or named.get("", "none")


def _opacity(fields: Mapping[str, object], subject: str) -> float:
    given = {of: _percentage(value) for of, value in _each(fields, "opacity")}
    named = {of: opacity for of, opacity in given.items() if opacity is not None}
    usual = CAR_OPACITY if subject == "car" else DEFAULT_OPACITY
    return named.get(subject, named.get("", usual))


def _each(fields: Mapping[str, object], what: str) -> list[tuple[str, object]]:
    """(type, value) of `shadow_<what>` and `shadow_<what>[<type>]`; the plain one has type ""."""
    plain = fields.get(f"shadow_{what}")
    if isinstance(plain, Mapping):  # JSON may send the bracket form as an object
        listed = [(str(of).lower(), value) for of, value in plain.items()]
    else:
        listed = [("", plain)]
        for name, value in fields.items():
            if name.startswith(f"shadow_{what}[") and name.endswith("]"):
                listed.append((name[len(f"shadow_{what}[") : -1].lower(), value))
    listed = [("graphic" if of == "graphics" else of, value) for of, value in listed]
    return [(of, value) for of, value in listed if of in ("", *TYPES)]


def _percentage(value: object) -> float | None:
    word = text(value).lower()
    if word in ("", "auto"):
        return None
    try:
        opacity = float(word)
    except ValueError:
        opacity = -1.0
    if not 0 <= opacity <= 100:
        raise invalid("shadow_opacity", "a number from 0 to 100, or auto,")
    return opacity
