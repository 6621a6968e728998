"""What is held with a person's databases: the databases themselves, recordings of sessions, and the access log. It goes
when they are destroyed, each with a certificate of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.clock import Clock, rfc3339
from privacy.models.access import Entry, Grant, Read, SupportRequest, UnreadableEntry
from privacy.models.databases import trial_name
from privacy.models.recordings import RecordingStatus
from privacy.policy import Policy
from privacy.subjects.holding import Holding, Item, Thing
from privacy.subjects.person import Person
from privacy.tables.access import Access
from privacy.tables.databases import Databases
from privacy.tables.recordings import Recordings


@dataclass(frozen=True, slots=True)
class OfDatabases(Holding):
    """The person's databases: their content is the person's own, and is taken out by its export."""

    databases: Databases
    policy: Policy
    category = "databases"
    store = "databases"
    purpose = "to host your databases"
    origin = "you, in the control panel; a free trial opens one"
    holds = "databases: each is destroyed by itself, with a certificate of its own"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The databases that are not destroyed."""
        for database in self.databases.living(person.owner):
            data = {
                "id": database.id,
                "name": database.name,
                "region": database.region,
                "status": database.status.value,
                "created_at": rfc3339(database.created_at),
                "content": "yours alone: export the database to have it",
            }
            place = f"{rfc3339(database.created_at)} {database.id}"
            yield Item(place, data, database.purge_at(self.policy))

    def left(self, person: Person) -> Sequence[Thing]:
        """Those that are not destroyed."""
        return [(one.id,) for one in self.databases.living(person.owner)]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Nothing: the deletion of databases does that, and the erasure waits for it."""

    def correct(self, person: Person, old: Mapping[str, Any], new: Mapping[str, Any], email_tag: str) -> None:
        """A free trial's database is called like the company: then it is called like the new one."""
        before, after = (trial_name(profile.get("company")) for profile in (old, new))
        for database in self.databases.living(person.owner) if before != after else ():
            if database.name == before:
                self.databases.rename(database, after)


@dataclass(frozen=True, slots=True)
class OfRecordings(Holding):
    """Recordings of the person's sessions. An erasure ends them: from then on nobody sees them, and their bytes go in
    the next sweep, or with their database.
    """

    recordings: Recordings
    databases: Databases
    policy: Policy
    clock: Clock
    category = "recordings"
    store = "recordings"
    purpose = "to see how a free trial goes, and what to make better"
    origin = "your browser, during a session"
    holds = "recordings of sessions that had not ended"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The recordings that have not ended."""
        for database in self.databases.living(person.owner):
            for one in self.recordings.seen(database.id, now):
                data = {
                    "recording_id": one.id,
                    "database_id": database.id,
                    "started_at": rfc3339(one.started_at),
                    "bytes": one.size,
                }
                yield Item(f"{rfc3339(one.started_at)} {one.id}", data, one.expires_at(self.policy))

    def left(self, person: Person) -> Sequence[Thing]:
        """Those that anybody can see still."""
        now = self.clock()
        return [
            (database.id, one.id)
            for database in self.databases.living(person.owner)
            for one in self.recordings.seen(database.id, now)
        ]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """End them, as their person could."""
        for database_id, recording_id in things:
            found = self.recordings.get(database_id, recording_id)
            if found is not None:
                self.recordings.end(found, RecordingStatus.DELETED, self.clock())


@dataclass(frozen=True, slots=True)
class OfAccess(Holding):
    """What the person asked the HelpDesk for, and who of it looked at what."""

    access: Access
    databases: Databases
    policy: Policy
    category = "staff-access"
    store = "access"
    purpose = "to show you who of our staff looked at your databases, and to answer your requests"
    origin = "you, in the control panel, and our staff, when they look at something"
    holds = "requests for support, grants and reads: they go with the database that they are about"
    stays = "it goes with the database that it is about"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The entries that may be shown."""
        for database in self.databases.living(person.owner):
            for entry in self.access.of_database(database.id, now):
                data, at = _told(entry)
                ends = self.policy.retention["access.log"].after(at)
                yield Item(f"{rfc3339(at)} {entry.id}", {"id": entry.id, "database_id": database.id, **data}, ends)

    def left(self, person: Person) -> Sequence[Thing]:
        """Nothing that is not gone with its database."""
        return []

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Nothing: the deletion of databases does that."""


def _told(entry: Entry | UnreadableEntry) -> tuple[dict[str, Any], datetime]:
    match entry:
        case UnreadableEntry():
            return {"what": entry.what, "unreadable": True}, entry.at
        case SupportRequest():
            return {"what": "support-request", "message": entry.message}, entry.created_at
        case Grant():
            data = {"what": "grant", "purpose": entry.purpose.value, "reason": entry.reason}
            return data | {"until": rfc3339(entry.until)}, entry.begins_at
        case Read():
            return {"what": "read", "grant_id": entry.grant_id, "kind": entry.kind.value}, entry.at
