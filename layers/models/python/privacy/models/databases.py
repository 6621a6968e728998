"""A customer database: its states, who may do what in each, and when its grace period ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from privacy.policy import Policy


class Status(StrEnum):
    """The life of a customer database (promises databases.grace, databases.deletion, databases.destroyed)."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DELETING = "deleting"
    MOVING = "moving"
    RESTORING = "restoring"
    DESTROYED = "destroyed"


NEXT: dict[Status, frozenset[Status]] = {
    Status.ACTIVE: frozenset({Status.DEACTIVATED, Status.DELETING, Status.MOVING, Status.RESTORING}),
    Status.DEACTIVATED: frozenset({Status.ACTIVE, Status.DELETING}),
    Status.MOVING: frozenset({Status.ACTIVE, Status.DELETING}),
    Status.RESTORING: frozenset({Status.ACTIVE, Status.DELETING}),
    Status.DELETING: frozenset({Status.DESTROYED}),
    Status.DESTROYED: frozenset(),
}
"""Which state may follow which. Nothing leads out of `destroyed`."""


class UnknownDatabaseError(LookupError):
    """There is no such database, or it is somebody else's: the two answers are one."""


class UnknownContentError(LookupError):
    """The database has no such record or file."""


class DatabaseDestroyedError(Exception):
    """The database is destroyed for good."""


class DatabaseStateError(Exception):
    """The database is in a state that does not allow this."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


TRIAL_NAME = "Free Trial"
"""Of a trial database whose customer gave no company: a person's name has no place in a database's."""

_NAME_CHARACTERS = 100


def trial_name(company: str | None) -> str:
    """What a free trial's database is called: like its customer's company."""
    return (company or TRIAL_NAME)[:_NAME_CHARACTERS].strip()


@dataclass(frozen=True, slots=True)
class Counts:
    """What a database holds, as last counted: it may lag."""

    records: int
    files: int
    bytes: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Database:
    """A customer database as the control plane knows it.

    `owner` is the keyed pseudonym of its account, the only link to a person; `name` is the customer's own text and
    is gone once the database is destroyed. `since` is when the present state began. `importing` is the job of the
    latest import: while that job is not over, no other import may begin. `moving` is likewise the job of the latest
    move to another Cloud Region, `backing_up` of the latest backup. `is_final` says that its owner is being erased, so
    that it cannot be reactivated.
    """

    id: str
    owner: str
    name: str | None
    region: str
    status: Status
    created_at: datetime
    since: datetime
    policy_version: str
    counts: Counts | None = None
    importing: str | None = None
    moving: str | None = None
    backing_up: str | None = None
    is_final: bool = False

    def purge_at(self, policy: Policy) -> datetime | None:
        """The end of the grace period, when the database is deactivated: from that second on it cannot be
        reactivated (promise databases.grace).
        """
        return policy.retention["databases.grace"].after(self.since) if self.status is Status.DEACTIVATED else None


def existing(database: Database) -> Database:
    """The database, unless it is destroyed.

    Raises: DatabaseDestroyedError.
    """
    if database.status is Status.DESTROYED:
        raise DatabaseDestroyedError
    return database


MOVING_AWAY = "the database is being moved to another region; write again once it is active"


def open_for_content(database: Database) -> Database:
    """The database, when its content may be read and written.

    Raises: DatabaseDestroyedError, DatabaseStateError.
    """
    if open_for_reading(database).status is Status.MOVING:
        raise DatabaseStateError(MOVING_AWAY)
    return database


def open_for_reading(database: Database) -> Database:
    """The database, when its content may be read: also while it takes no writes, being moved to another region. Work
    that was begun before that is finished, too: a move waits for it.

    Raises: DatabaseDestroyedError, DatabaseStateError.
    """
    if existing(database).status not in (Status.ACTIVE, Status.MOVING):
        raise DatabaseStateError(f"the database is {database.status.value}; its content is closed")
    return database


def open_for_export(database: Database, policy: Policy, now: datetime, *, begun: bool = False) -> Database:
    """The database, when it may be exported: also in its grace period (promise databases.export). An export that was
    `begun` is finished, and given out, while the database is moved to another region.

    Raises: DatabaseDestroyedError, DatabaseStateError.
    """
    if existing(database).status is Status.MOVING and not begun:
        raise DatabaseStateError("the database is being moved to another region; export it once it is active")
    if database.status not in (Status.ACTIVE, Status.DEACTIVATED, Status.MOVING):
        raise DatabaseStateError(f"the database is {database.status.value}; it cannot be exported")
    purge_at = database.purge_at(policy)
    if purge_at is not None and purge_at <= now:
        raise DatabaseStateError("the grace period has ended; the database is being destroyed")
    return database


def can_reactivate(database: Database, policy: Policy, now: datetime) -> Database:
    """The database, when its owner may still change their mind.

    Raises: DatabaseDestroyedError, DatabaseStateError (also at the very second at which the grace period ends).
    """
    purge_at = existing(database).purge_at(policy)
    if database.is_final:
        raise DatabaseStateError("your account is being erased; export the database while its grace period lasts")
    if purge_at is None:
        raise DatabaseStateError(f"the database is {database.status.value}, not deactivated")
    if purge_at <= now:
        raise DatabaseStateError("the grace period has ended; the database can no longer be reactivated")
    return database
