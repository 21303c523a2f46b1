"""What both engines do with one image file: check it before it is read, save its result."""

from dataclasses import dataclass

from cutout.bulk.folders import Folder, Source
from cutout.bulk.rows import done_row, result_name
from cutout.bulk.stages import Finished, Row
from cutout.errors import CutoutError, InvalidValue, TooManyBytes

# What makes an image fail and no more than this one: everything else is a defect and is raised.
# pyarrow's errors of files and stores are OSErrors.
Failure = (CutoutError, OSError, MemoryError)


@dataclass(frozen=True)
class FileLimits:
    """The largest file that is read, and the suffix of results."""

    max_bytes: int
    suffix: str


def check_source(source: Source, limits: FileLimits) -> None:
    """Refuse what need not be read. Raises InvalidValue, TooManyBytes."""
    if source.bad_name:
        raise InvalidValue("The file's name is not valid UTF-8; rename it.")
    if source.size_bytes > limits.max_bytes:
        raise TooManyBytes(
            f"The file has {source.size_bytes} bytes; at most {limits.max_bytes} are allowed."
        )


def save(folder: Folder, source: Source, finished: Finished, suffix: str, runtime: str) -> Row:
    """Write a result and give its row. Raises OSError."""
    name = result_name(source.key, suffix)
    folder.write(name, finished.data)
    return done_row(source, name, finished, runtime)
