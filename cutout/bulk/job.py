"""A bulk job: what is left to do, an engine's passes over it, the manifest at the end.

The state lies in the target folder: `_cutout/job.json` says what the results were made with,
`_cutout/rows/` what became of each image. A job that was interrupted continues from there.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cutout.bulk.folders import Folder, Source, check_present, check_separate
from cutout.bulk.manifest import write_manifest
from cutout.bulk.pending import PENDING, Pending, write_pending
from cutout.bulk.rows import ROWS, STATE, DoneSet, RowLog, failed_row, read_tables, result_name
from cutout.bulk.stages import Engine, Row
from cutout.errors import InvalidValue, ModelFailed

SETTINGS = f"{STATE}/job.json"
# Results whose existence is asked for in one call.
CHECKED_AT_ONCE = 1000
DIED = "The process that worked on this image ended, twice; look at the file."


@dataclass(frozen=True)
class Summary:
    """Images of the whole folder so far, by what became of them, in this run and before."""

    done: int
    failed: int


class Job:
    """A source folder, a target folder, and what results are made with."""

    def __init__(
        self,
        source: Folder,
        target: Folder,
        suffix: str,
        settings: dict[str, Any],
        restart: bool = False,
    ) -> None:
        """Open or begin the state in `target`.

        suffix: of result files, without a dot. settings: what results depend on, as plain JSON.
        restart: forget what was done. Raises InvalidValue where the target holds results of other
        settings, where results would lie among the images, or where there is no source.
        """
        self.source, self.target, self.suffix = source, target, suffix
        check_present(source)
        self._excluded = check_separate(source, target)
        text = json.dumps(settings, sort_keys=True)
        if restart:
            for name in target.names(ROWS):
                target.remove(name)
            target.write(SETTINGS, text.encode())
        else:
            self._check_settings(text)

    def pending(self) -> Pending:
        """List the images that have no result of their present version."""
        return write_pending(self.target, self._unfinished())

    def run(self, pending: Pending, engine: Engine) -> Iterator[Row]:
        """Let an engine work on the images; yield each row when it is noted.

        Images whose process died get a second pass, each by itself, and then a row that says so.
        Rows are written as they come and at the end, also where the loop is left early.
        """
        rows = 0
        for row in self._logged(engine(pending)):
            rows += 1
            yield row
        if rows >= pending.count:
            return
        again = write_pending(self.target, self._without_row(), alone=True)
        yield from self._logged(engine(again))
        lost = self._without_row()
        yield from self._logged(failed_row(source, ModelFailed(DIED)) for source in lost)

    def finish(self) -> Summary:
        """Write the manifest, delete the lists of what was pending."""
        counts = write_manifest(self.target)
        for name in self.target.names(PENDING):
            self.target.remove(name)
        return Summary(counts.get("done", 0), counts.get("failed", 0))

    def _logged(self, rows: Iterator[Row]) -> Iterator[Row]:
        log = RowLog(self.target)
        try:
            for row in rows:
                log.add(row)
                yield row
        finally:
            log.flush()

    def _unfinished(self) -> Iterator[Source]:
        done = DoneSet.of(read_tables(self.target))
        images = self.source.images(self._excluded)
        while chunk := list(islice(images, CHECKED_AT_ONCE)):
            claimed = [source for source in chunk if source in done]
            names = [result_name(source.key, self.suffix) for source in claimed]
            # A result may have been deleted since.
            there = dict(zip(claimed, self.target.exists(names), strict=True)) if names else {}
            yield from (source for source in chunk if not there.get(source, False))

    def _without_row(self) -> Iterator[Source]:
        """Images of which no row says anything, done or failed."""
        known = DoneSet.of(read_tables(self.target), with_failed=True)
        return (source for source in self.source.images(self._excluded) if source not in known)

    def _check_settings(self, text: str) -> None:
        try:
            before = self.target.read(SETTINGS).decode()
        except FileNotFoundError:
            self.target.write(SETTINGS, text.encode())
            return
        if before != text:
            old, new = json.loads(before), json.loads(text)
            changed = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))
            raise InvalidValue(
                f"The target folder holds results of another {' and '.join(changed)}; give "
                "another folder, the same settings as before, or --restart."
            )
