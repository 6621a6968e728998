"""The databases table (home region): one item a customer database, from its creation to its tombstone.

Key `id`. Index `by-owner` (`owner`, `created_at`). Index `due` (`due_shard` such as `deactivated#0a`, `since`), sparse:
only what waits for something is in it, so finding what is due costs what is due. Index `backup` (`backup_shard`,
`unsaved_since`), sparse: the active databases by the beginning of their last backup, 0 without any.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from privacy.models.databases import NEXT, Counts, Database, Status, UnknownDatabaseError
from privacy.models.ids import is_id
from privacy.tables.store import SHARDS, ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of

_NEVER = 0
"""As a time: the first backup is due at once."""

_WAITING = (Status.DEACTIVATED, Status.DELETING, Status.MOVING)


@dataclass(frozen=True, slots=True)
class Databases:
    """Typed access to the databases table."""

    table: Table

    def create_operation(self, database: Database) -> Operation:
        """The write that creates a database; refused when its id is taken, be it by a tombstone."""
        return self.table.put_operation(_item(database), Attr("id").not_exists())

    def create(self, database: Database) -> None:
        """Create a database. Raises: ConditionFailedError when its id is taken."""
        self.table.put(_item(database), Attr("id").not_exists())

    def get(self, database_id: str) -> Database | None:
        """A database by id, read consistently."""
        item = self.table.get({"id": database_id})
        return _database(item) if item else None

    def of_owner(self, owner: str, database_id: str) -> Database:
        """A database of an owner's (a pseudonym), be it destroyed, read consistently.

        Raises: UnknownDatabaseError, also when it is somebody else's: every reader asks here (promise
        databases.ownership).
        """
        database = self.get(database_id) if is_id("db", database_id) else None
        if database is None or database.owner != owner:
            raise UnknownDatabaseError
        return database

    def owned_by(self, owner: str, *, after: Database | None = None, page: int = 100) -> Iterator[Database]:
        """An owner's databases (a pseudonym), oldest first, tombstones included; one call looks at `page` of them."""
        start = {"id": after.id, "owner": owner, "created_at": epoch(after.created_at)} if after else None
        for item in self.table.query(Key("owner").eq(owner), index="by-owner", after=start, page=page):
            yield _database(item)

    def living(self, owner: str) -> Iterator[Database]:
        """An owner's databases that are not destroyed, oldest first."""
        return (database for database in self.owned_by(owner) if database.status is not Status.DESTROYED)

    def deactivate_for_good(self, database: Database, now: datetime) -> None:
        """Begin the grace period of an active database (one that is deactivated goes on with its own), and let nobody
        reactivate it: its owner is being erased. Raises: ConditionFailedError when it is no longer as it was read.
        """
        changes: Item = {}
        unchanged = Attr("status").eq(database.status.value) & Attr("since").eq(epoch(database.since))
        if database.status is not Status.DEACTIVATED:
            changes, unchanged = _step(database, Status.DEACTIVATED, now)
        self.table.update({"id": database.id}, changes | {"is_final": True}, unchanged)

    def rename(self, database: Database, name: str) -> None:
        """Give a database another name, if it has still the one that was read."""
        with suppress(ConditionFailedError):
            self.table.update({"id": database.id}, {"name": name}, Attr("name").eq(database.name))

    def is_in(self, *states: Status) -> ConditionBase:
        """The condition that a database exists and is in one of some states."""
        return Attr("status").is_in([state.value for state in states])

    def check_operation(self, database_id: str, *states: Status) -> Operation:
        """A transaction's condition that a database is in one of some states."""
        return self.table.check_operation({"id": database_id}, self.is_in(*states))

    def change(self, database: Database, to: Status, now: datetime) -> Database:
        """Move a database to its next state, if it is still as it was read: same state, begun at the same second.

        Raises: ConditionFailedError when it is not; ValueError for a step that no database may take.
        """
        changes, unchanged = _step(database, to, now)
        return _database(self.table.update({"id": database.id}, changes, unchanged))

    def change_operation(self, database: Database, to: Status, now: datetime) -> Operation:
        """The write of `change`, for a transaction. Raises: ValueError for a step that no database may take."""
        return self.table.update_operation({"id": database.id}, *_step(database, to, now))

    def reactivate_operation(self, database: Database, now: datetime) -> Operation:
        """The write that brings a cancelled database back; refused when it is no longer as it was read, or its owner is
        being erased.
        """
        changes, unchanged = _step(database, Status.ACTIVE, now)
        return self.table.update_operation({"id": database.id}, changes, unchanged & Attr("is_final").not_exists())

    def import_operation(self, database: Database, job_id: str) -> Operation:
        """The write that makes a job the database's import: refused unless the database is active and its latest
        import is still the one that was read (and found to be over).
        """
        latest = Attr("importing").eq(database.importing) if database.importing else Attr("importing").not_exists()
        active = Attr("status").eq(Status.ACTIVE.value)
        return self.table.update_operation({"id": database.id}, {"importing": job_id}, active & latest)

    def move_operation(self, database: Database, job_id: str) -> Operation:
        """The write that makes a job the database's move, as `import_operation` does with imports."""
        latest = Attr("moving").eq(database.moving) if database.moving else Attr("moving").not_exists()
        there = Attr("status").eq(Status.ACTIVE.value) & Attr("region").eq(database.region)
        return self.table.update_operation({"id": database.id}, {"moving": job_id}, there & latest)

    def switch(self, database: Database, region: str, now: datetime) -> Database:
        """End a move in one write: the database is active, and its content in another region, if it is still being
        moved as it was read.

        Raises: ConditionFailedError when it is not.
        """
        changes, unchanged = _step(database, Status.ACTIVE, now)
        unmoved = unchanged & Attr("region").eq(database.region)
        return _database(self.table.update({"id": database.id}, changes | {"region": region}, unmoved))

    def backup_operation(self, database: Database, job_id: str) -> Operation:
        """The write that makes a job the database's backup: refused unless the database is active and its latest
        backup is still the one that was read (and found to be over).
        """
        latest = Attr("backing_up").eq(database.backing_up) if database.backing_up else Attr("backing_up").not_exists()
        active = Attr("status").eq(Status.ACTIVE.value)
        return self.table.update_operation({"id": database.id}, {"backing_up": job_id}, active & latest)

    def backed_up_operation(self, database_id: str, begun_at: datetime) -> Operation:
        """The write that notes a backup which is ready; refused for a database that is being deleted."""
        open_still = self.is_in(Status.ACTIVE, Status.DEACTIVATED, Status.MOVING)
        return self.table.update_operation({"id": database_id}, {"unsaved_since": epoch(begun_at)}, open_still)

    def unsaved(self, until: datetime) -> Iterator[tuple[Database, datetime]]:
        """The active databases without a backup, and those whose last one was begun at `until` or earlier; and since
        when that is so.
        """
        for shard in SHARDS:
            condition = Key("backup_shard").eq(shard) & Key("unsaved_since").lte(epoch(until))
            for item in self.table.query(condition, index="backup"):
                yield _database(item), instant(item["unsaved_since"] or item["created_at"])

    def set_counts(self, database_id: str, counts: Counts) -> None:
        """Note what a database was counted to hold, unless it is gone. Raises: ConditionFailedError."""
        changes = {
            "records": counts.records,
            "files": counts.files,
            "bytes": counts.bytes,
            "counted_at": epoch(counts.counted_at),
        }
        self.table.update(
            {"id": database_id}, changes, Attr("status").is_in([Status.ACTIVE.value, Status.DEACTIVATED.value])
        )

    def waiting(self, status: Status, until: datetime) -> Iterator[Database]:
        """The databases that have been in a waiting state since `until` or longer."""
        for shard in SHARDS:
            condition = Key("due_shard").eq(f"{status.value}#{shard}") & Key("since").lte(epoch(until))
            for item in self.table.query(condition, index="due"):
                yield _database(item)


def _step(database: Database, to: Status, now: datetime) -> tuple[Item, ConditionBase]:
    if to not in NEXT[database.status]:
        raise ValueError(f"a database does not go from {database.status.value} to {to.value}")
    unchanged = Attr("status").eq(database.status.value) & Attr("since").eq(epoch(database.since))
    changes: Item = {
        "status": to.value,
        "since": epoch(now),
        "due_shard": _due_shard(database.id, to),
        "backup_shard": _backup_shard(database.id, to),
    }
    if to is Status.DESTROYED:
        changes |= dict.fromkeys(("name", "records", "files", "bytes", "counted_at"))
        changes |= dict.fromkeys(("importing", "moving", "backing_up", "unsaved_since"))
    return changes, unchanged


def _due_shard(database_id: str, status: Status) -> str | None:
    return f"{status.value}#{shard_of(database_id)}" if status in _WAITING else None


def _backup_shard(database_id: str, status: Status) -> str | None:
    return shard_of(database_id) if status is Status.ACTIVE else None


def _item(database: Database) -> Item:
    counts = database.counts
    return {
        "id": database.id,
        "owner": database.owner,
        "name": database.name,
        "region": database.region,
        "status": database.status.value,
        "created_at": epoch(database.created_at),
        "since": epoch(database.since),
        "policy_version": database.policy_version,
        "due_shard": _due_shard(database.id, database.status),
        "backup_shard": _backup_shard(database.id, database.status),
        "unsaved_since": _NEVER,
        "records": counts.records if counts else None,
        "files": counts.files if counts else None,
        "bytes": counts.bytes if counts else None,
        "counted_at": epoch(counts.counted_at) if counts else None,
    }


def _database(item: Item) -> Database:
    counted = item.get("counted_at")
    return Database(
        id=item["id"],
        owner=item["owner"],
        name=item.get("name"),
        region=item["region"],
        status=Status(item["status"]),
        created_at=instant(item["created_at"]),
        since=instant(item["since"]),
        policy_version=item["policy_version"],
        counts=Counts(item["records"], item["files"], item["bytes"], instant(counted)) if counted is not None else None,
        importing=item.get("importing"),
        backing_up=item.get("backing_up"),
        moving=item.get("moving"),
        is_final=item.get("is_final", False),
    )
