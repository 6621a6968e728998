"""Whose content it is, and whether it is open: asked before every read and write (promise databases.ownership)."""

from dataclasses import dataclass
from datetime import datetime

from content.parts import Parts
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records
from privacy.models.databases import Database, UnknownDatabaseError, open_for_content, owned
from privacy.models.ids import is_id


@dataclass(frozen=True, slots=True)
class Content:
    """A database whose content its owner may read and write now."""

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


def opened(parts: Parts, owner: str, database_id: str | None, now: datetime) -> Content:
    """The content of an owner's database.

    Raises: UnknownDatabaseError (also when it is somebody else's), DatabaseDestroyedError, DatabaseStateError.
    """
    if database_id is None or not is_id("db", database_id):
        raise UnknownDatabaseError
    database = open_for_content(owned(parts.databases.get(database_id), owner))
    return Content(database, parts.host(database.region), now)
