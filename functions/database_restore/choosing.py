"""What of a backup is written back: what the database lacks, and never what its owner deleted since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from privacy.hosting.files import File, Files
from privacy.hosting.records import Record, Records
from privacy.models.backups import Backup
from privacy.portability.incoming import ArchivedFile, Verdict
from privacy.tables.deletions import Deletions
from privacy.vault.sealing import SealBrokenError


@dataclass(frozen=True, slots=True)
class Lacking:
    """Chooses what a database lacks; with `overwrite` also what it holds in another version.

    The content is looked at before the ledger: a deletion is in the ledger before the content is gone.
    """

    backup: Backup
    records: Records
    files: Files
    ledger: Deletions
    overwrite: bool

    def of_records(self, records: Sequence[Record]) -> Sequence[Verdict]:
        """With `overwrite` each is written that may come back: the same once more is no change."""
        places = self.records.places(records)
        keys = [(where["place"], where["id"]) for where in places]
        there: set[tuple[str, str]] = set()
        if not self.overwrite:
            items = self.records.host.content.get_all(places, names=("place", "id"))
            there = {(item["place"], item["id"]) for item in items}
        missing = [where for where, key in zip(places, keys, strict=True) if key not in there]
        deleted = self.ledger.of(missing)
        return [
            Verdict.THERE if key in there else self._verdict(record.updated_at, deleted.get(key))
            for record, key in zip(records, keys, strict=True)
        ]

    def of_file(self, file: ArchivedFile) -> Verdict:
        """A file that is there in the same version stays as it is; one that cannot be read any more is lacking."""
        present = self._present(file.path)
        if present is not None and not (self.overwrite and _differs(file, present)):
            return Verdict.THERE
        where = self.files.place(file.path)
        return self._verdict(file.updated_at, self.ledger.of([where]).get((where["place"], where["id"])))

    def _present(self, path: str) -> File | None:
        try:
            present = self.files.get(path)
        except SealBrokenError:
            return None
        return present if present is not None and self.files.is_stored(present) else None

    def _verdict(self, updated_at: str, deleted_at: datetime | None) -> Verdict:
        comes_back = self.backup.brings_back(datetime.fromisoformat(updated_at), deleted_at)
        return Verdict.WRITE if comes_back else Verdict.WITHHELD


def _differs(file: ArchivedFile, present: File) -> bool:
    archived = (file.content_type, file.sha256, file.updated_at)
    return archived != (present.content_type, present.sha256, present.updated_at)
