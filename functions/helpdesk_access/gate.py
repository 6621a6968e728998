"""The one gate to a customer's content for staff: no grant, no access; and no read that is not on record
(promise helpdesk.access).
"""

from dataclasses import dataclass
from datetime import datetime

from helpdesk_access.parts import Parts
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.reading import sealed_names
from privacy.hosting.records import Records
from privacy.models.access import READ, Grant, Kind, NoGrantError, Read
from privacy.models.databases import (
    Database,
    DatabaseDestroyedError,
    DatabaseStateError,
    Status,
    UnknownDatabaseError,
    open_for_reading,
)
from privacy.models.ids import is_id
from privacy.tables.access import new_access_id
from privacy.tables.audit import new_entry
from privacy.tables.store import TransactionRefusedError
from privacy.vault.keys import KeyDestroyedError

_IN_FORCE = 1
"""The place of the grant's condition in the write that notes a read."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A database's content, for one read that is on record."""

    host: Host
    database_id: str

    @property
    def records(self) -> Records:
        """Its records."""
        return Records(self.host, self.database_id)

    @property
    def files(self) -> Files:
        """Its files."""
        return Files(self.host, self.database_id)


@dataclass(frozen=True, slots=True)
class Leave:
    """A grant in force, for one read of a kind."""

    parts: Parts
    grant: Grant
    kind: Kind
    now: datetime

    def opened(self, **names: str) -> Opened:
        """The content, for one read that is noted before anything is read: in the audit trail, and where the customer
        sees it, with what is read (`names`) sealed.

        Raises: NoGrantError, DatabaseStateError, DatabaseDestroyedError, KeyDestroyedError; each is on record, too.
        """
        try:
            return self._noted(names)
        except NoGrantError:
            _refused(self.parts, self.grant.staff, self.grant.database_id, self.kind, "no-grant", self.now)
            raise
        except (DatabaseStateError, DatabaseDestroyedError, KeyDestroyedError):
            _refused(self.parts, self.grant.staff, self.grant.database_id, self.kind, "closed", self.now)
            raise

    def _noted(self, names: dict[str, str]) -> Opened:
        parts, grant, now = self.parts, self.grant, self.now
        database = open_for_reading(_existing(parts, grant.database_id))
        host, read_id = parts.host(database.region), new_access_id(READ, database.id, now)
        sealed = sealed_names(host, database.id, read_id, names)
        read = Read(read_id, now, grant.id, self.kind, sealed, grant.undisclosed_until)
        facts = {"database_id": database.id, "kind": self.kind.value, "read_id": read_id}
        parts.trail.add(new_entry("content.read", grant.staff, now, subject=grant.id, facts=facts))
        operations = [
            parts.databases.check_operation(database.id, Status.ACTIVE, Status.MOVING),
            parts.access.in_force_operation(grant, now),
            parts.access.create_operation(read),
        ]
        try:
            parts.transact(operations)
        except TransactionRefusedError as refused:
            if _IN_FORCE in refused.failed:
                raise NoGrantError from None
            raise DatabaseStateError("the database was closed in the meantime; look at it again") from None
        return Opened(host, database.id)


def leave(parts: Parts, staff: str, database_id: str, kind: Kind, now: datetime) -> Leave:
    """A member of staff's (a pseudonym's) leave to read a database once.

    Raises: NoGrantError; that is on record, too.
    """
    known = is_id("db", database_id)
    grant = parts.access.in_force(database_id, staff, now) if known else None
    if grant is None:
        _refused(parts, staff, database_id if known else None, kind, "no-grant", now)
        raise NoGrantError
    return Leave(parts, grant, kind, now)


def _existing(parts: Parts, database_id: str) -> Database:
    database = parts.databases.get(database_id)
    if database is None:
        raise UnknownDatabaseError
    return database


def _refused(parts: Parts, staff: str, database_id: str | None, kind: Kind, why: str, now: datetime) -> None:
    facts = {"kind": kind.value, "why": why}
    parts.trail.add(new_entry("content.refused", staff, now, subject=database_id, facts=facts))
