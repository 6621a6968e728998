"""The way of a database's content into an archive: models in the order of their names, then files.

Between two members the place can be journalled; another worker goes on from there. An archive holds what each record
and file was when it was reached, and its manifest is made of the bytes that were written, so the two always agree.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from privacy.archive.names import FILES, is_compressible
from privacy.archive.pieces import RecordPieces
from privacy.archive.writer import ArchiveWriter
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.models.databases import Counts
from privacy.portability.files import Opened, opened
from privacy.work import OutOfTimeError, Turn

SAVE_BYTES = 64 * 1024 * 1024
"""After this many bytes of archive the place is journalled, at the next end of a member."""
SAVE_SECONDS = 60.0

_UNCOUNTED = 1024**3
"""The bytes at which the archive of a database that nobody has counted calls itself half done."""

_LOOK_AT_TIME = 256
"""Records between two looks at the time."""


@dataclass(slots=True)
class Place:
    """How far an archive has come: the model that is being written (by name), or that only files are left; the cursor
    in that model or in the files; and what is written so far, `bytes` counted as a database's are.
    """

    model: str = ""
    only_files: bool = False
    after: str | None = None
    records: int = 0
    files: int = 0
    bytes: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON values, for the journal."""
        return asdict(self)

    def progress(self, counts: Counts | None) -> int:
        """Percent of what the database was last counted to hold; all of it is only once the archive is complete."""
        if counts is None:
            return 99 * self.bytes // (self.bytes + _UNCOUNTED)
        return min(99, self.bytes * 100 // max(1, counts.bytes))

    def is_past(self, model: str) -> bool:
        """Whether a model is written already."""
        return self.only_files or model < self.model

    def enter(self, model: str) -> None:
        """Go on to a model, from its beginning unless it is the one being written."""
        if model != self.model:
            self.model, self.after = model, None

    def leave_records(self) -> None:
        """Go on to the files."""
        if not self.only_files:
            self.model, self.only_files, self.after = "", True, None


class Writing:
    """One worker's part of the writing. `journal` stores the archive's state and the place."""

    def __init__(self, turn: Turn, writer: ArchiveWriter, place: Place, journal: Callable[[], None]) -> None:
        self._turn = turn
        self._writer = writer
        self._place = place
        self._journal = journal
        self._saved_at = time.monotonic()
        self._saved_bytes = writer.offset

    def write(self, records: Records, files: Files) -> None:
        """Write what is left to write. Raises: OutOfTimeError, and what the database and the archive raise."""
        for model, tag in records.models():
            if not self._place.is_past(model):
                self._place.enter(model)
                self._write_model(records, model, tag)
        self._place.leave_records()
        with closing(opened(files, self._place.after)) as found:
            for cursor, file in found:
                if file is not None:
                    self._write_file(file)
                self._place.after = cursor
                self._save_when_due()

    def _write_model(self, records: Records, model: str, tag: str) -> None:
        pieces = RecordPieces(self._writer, model, modified=self._turn.job.created_at)
        for number, (cursor, record) in enumerate(records.every(tag, self._place.after), 1):
            ended = pieces.add(record.shown())
            self._place.after = cursor
            self._place.records += 1
            self._place.bytes += len(record.data)
            if not ended and number % _LOOK_AT_TIME == 0 and self._is_time():
                ended = pieces.cut()
            if ended:
                self._save_when_due()
        if pieces.cut():
            self._save_when_due()

    def _write_file(self, opened_file: Opened) -> None:
        file = opened_file.file
        if file.bytes >= SAVE_BYTES and self._writer.offset > self._saved_bytes:
            self._save()  # time may run out within the file, and then the next worker begins it anew
        with self._writer.member(
            FILES + file.path,
            modified=datetime.fromisoformat(file.updated_at),
            compress=is_compressible(file.path, file.content_type),
            size=file.bytes,
            media_type=file.content_type,
            updated_at=file.updated_at,
        ) as output:
            for chunk in opened_file.chunks:
                output.write(chunk)
                if file.bytes >= SAVE_BYTES:
                    self._turn.look_at_time()
        self._place.files += 1
        self._place.bytes += file.bytes

    def _is_time(self) -> bool:
        return time.monotonic() - self._saved_at > SAVE_SECONDS or not self._turn.has_time()

    def _save_when_due(self) -> None:
        if self._is_time() or self._writer.offset - self._saved_bytes >= SAVE_BYTES:
            self._save()
            if not self._turn.has_time():
                raise OutOfTimeError

    def _save(self) -> None:
        self._journal()
        self._saved_at, self._saved_bytes = time.monotonic(), self._writer.offset
