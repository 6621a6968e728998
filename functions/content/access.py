"""Whose content it is, and whether it is open: asked before every read and write (promise databases.ownership)."""

from dataclasses import dataclass
from datetime import datetime

from content.parts import Parts
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.models.databases import Database, open_for_content, open_for_reading


@dataclass(frozen=True, slots=True)
class Content:
    """A database whose content its owner may read now, or read and write."""

    database: Database
    host: Host
    now: datetime

    @property
    def records(self) -> Records:
        """Its records."""
        return Records(self.host, self.database.id)

    @property
    def files(self) -> Files:
        """Its files."""
        return Files(self.host, self.database.id)


def opened(parts: Parts, owner: str, database_id: str, now: datetime, *, writing: bool = True) -> Content:
    """The content of an owner's database; while the database is moved to another region, only for reading.

    Raises: UnknownDatabaseError (also when it is somebody else's), DatabaseDestroyedError, DatabaseStateError.
    """
    may_be_opened = open_for_content if writing else open_for_reading
    database = may_be_opened(parts.databases.of_owner(owner, database_id))
    return Content(database, parts.host(database.region), now)
