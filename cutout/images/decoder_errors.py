"""Which exceptions mean that a file is damaged, and which that a program is.

Pillow's own exceptions derive from OSError, but its readers also let through what struct, zlib,
indexing and arithmetic raise on malformed data. The same classes are raised by programming errors,
so the place decides as well: only what Pillow raised counts as damage.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from PIL import Image, ImageCms

from cutout.errors import UndecodableImage

# Seen with half a million mutated files of every format, with their base classes where more of a
# kind is to be expected; EOFError, zlib.error and PyCMSError are documented. Not among them, for
# they never mean damage: MemoryError, AttributeError, AssertionError.
_MEANING_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError),
    *(RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, ImageCms.PyCMSError),
    Warning,
)
_FROM_PILLOW = re.compile(r"PIL\.")


@contextmanager
def decoder_errors(name: str) -> Iterator[None]:
    """Turn what Pillow raises for damaged data into UndecodableImage; let all else pass.

    name: the format, for the message.
    """
    _make_warnings_errors()
    try:
        yield
    except _MEANING_DAMAGE as error:
        if not _raised_by_pillow(error):
            raise
        raise UndecodableImage(
            f"The {name} file is damaged, cut off or of a kind that is not understood. "
            "Export it again as an ordinary image."
        ) from error


def _raised_by_pillow(error: BaseException) -> bool:
    """Whether Pillow is nearer to the place of the error than this package.

    Frames of other libraries do not decide: Pillow calls the standard library, and NumPy Pillow.
    """
    modules = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    packages = [name.partition(".")[0] for name in modules]
    nearest = [package for package in packages if package in ("PIL", "cutout")][-1:]
    return nearest == ["PIL"]


def _make_warnings_errors() -> None:
    """Make Pillow's warnings about damaged files exceptions, for good, in the whole process.

    `warnings.catch_warnings` would swap the filters of all threads at once, so the filter is
    added and stays. It is added once, not at import: test runners restore the filters.
    """
    for rule in warnings.filters:
        if rule[0] == "error" and rule[2] is UserWarning and rule[3] == _FROM_PILLOW:
            return
    warnings.filterwarnings("error", category=UserWarning, module=_FROM_PILLOW.pattern)
