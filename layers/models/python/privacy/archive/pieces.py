"""One model's records as members of at most about 64 MiB, each ending at the end of a line."""

from datetime import datetime

from privacy.archive.errors import ArchiveError
from privacy.archive.writer import ArchiveWriter, MemberOutput

PIECE_BYTES = 64 * 1024 * 1024
"""From this size on the next record begins a further piece (the interface, "The export")."""
_BATCH_BYTES = 128 * 1024
_ZIP64_FROM = 1 << 30


class RecordPieces:
    """Writes the lines of one model and begins a new member when one is full.

    A checkpoint is possible only between members: `add` says when one has just ended, `cut` ends one early,
    for a worker whose time is nearly over. A resumed worker makes a new `RecordPieces`, and numbers go on.
    """

    def __init__(
        self, writer: ArchiveWriter, model: str, *, modified: datetime, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._writer = writer
        self._model = model
        self._modified = modified
        self._piece_bytes = piece_bytes
        self._output: MemberOutput | None = None
        self._lines: list[bytes] = []
        self._waiting = 0
        self._enough = 0
        self._records = 0

    def add(self, line: bytes) -> bool:
        """Write one line, given without its newline; return True when a member ended after it."""
        if b"\n" in line:
            raise ArchiveError("A record is one line.")
        self._lines.append(line)
        self._waiting += len(line) + 1
        # The rest is for one line in hundreds: this method is a third of the time of an export of small records.
        return self._waiting >= self._enough and self._hand_over()

    def cut(self) -> bool:
        """End the open member, if any; return whether there was one. Call it after the model's last record."""
        output = self._output
        if output is None:
            return False
        self._flush(output)
        output.records = self._records
        output.close()
        self._output = None
        self._records = self._enough = 0
        return True

    def _hand_over(self) -> bool:
        output = self._output
        if output is None:
            output = self._output = self._writer.begin(
                self._writer.next_piece_path(self._model),
                modified=self._modified,
                compress=True,
                zip64=self._piece_bytes > _ZIP64_FROM,
                model=self._model,
            )
        if output.bytes + self._waiting >= self._piece_bytes:
            return self.cut()
        if self._waiting >= _BATCH_BYTES:
            self._flush(output)
        self._enough = min(_BATCH_BYTES, self._piece_bytes - output.bytes)
        return False

    def _flush(self, output: MemberOutput) -> None:
        if self._lines:
            output.write(b"\n".join(self._lines) + b"\n")
        self._records += len(self._lines)
        self._lines = []
        self._waiting = 0
