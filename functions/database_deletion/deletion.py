"""Destroying a database: key first, then every store, in segments when it is large; then looking again.

Each step may be repeated, overtaken or killed after any call: what there is to do is read from the journal, and the
sweep (database_expiry) wakes what stalled.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from privacy.clock import Clock
from privacy.hosting import Host
from privacy.models.databases import Database, Status
from privacy.models.ids import is_id
from privacy.models.removals import Progress, Removal, opened
from privacy.policy import Policy
from privacy.queues import LONGEST_DELAY, MalformedMessageError, Queues
from privacy.removal.reclaim import fresh, reclaim
from privacy.removal.stores import PAGE, Store, looks_at, stores_of
from privacy.tables.databases import Databases
from privacy.tables.jobs import Jobs
from privacy.tables.removals import Removals
from privacy.tables.store import TransactionRefusedError, transact

QUEUE = "deletion"

ALONE_SECONDS = 20
"""How long one worker empties a database by itself, before each unfinished segment gets a worker of its own."""

HasTime = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion worker of one region. The control tables lie in the home region, the stores in the database's.

    `settle_seconds` is how long after emptying a database its stores are listed for the last time; `page` how many
    things make a batch.
    """

    policy: Policy
    aws_region: str
    home_region: str
    settle_seconds: int
    databases: Databases
    jobs: Jobs
    removals: Removals
    hosts: Callable[[str], Host]
    queues: Queues
    now: Clock
    monotonic: Callable[[], float] = time.monotonic
    page: int = PAGE

    def work(self, message: Mapping[str, str], has_time: HasTime) -> None:
        """Do what a message asks for: `start`, `segment` (of a `store`) or `verify`.

        A late, doubled or forged message deletes nothing that its owner, or the end of the grace period, did not
        give up before (promises databases.deletion, databases.destroyed).

        Raises: MalformedMessageError.
        """
        database_id, step = message["database_id"], message["step"]
        if not is_id("db", database_id) or step not in ("start", "segment", "verify"):
            raise MalformedMessageError("the message asks for no step of a deletion")
        database = self.databases.get(database_id)
        if database is None:
            # A fence stays where nothing was seen yet: what may arrive later finds the door closed.
            self.hosts(self.policy.region_in(self.aws_region)).keyring.destroy(database_id, self.now())
            return
        if database.status is not Status.DELETING:
            return
        removal = self.removals.get(database_id)
        if removal is None or step == "start":
            self._start(database, has_time)
        elif step == "segment":
            self._segment(database, removal, message, has_time)
        else:
            self._verify(database, removal, has_time)

    def _start(self, database: Database, has_time: HasTime) -> None:
        removal = self.removals.begin(opened(database, self.now()))
        # The key goes first: from here on every sealed copy is unreadable, wherever it lies.
        self.hosts(database.region).keyring.destroy(database.id, self.now())
        journal = self.removals.progress(database.id)
        waiting = [store for store in self._stores(database, removal) if not _done(journal, store)]
        self._go_on(database, waiting, journal, has_time)

    def _segment(self, database: Database, removal: Removal, message: Mapping[str, str], has_time: HasTime) -> None:
        named = (message.get("store"), message.get("segment"))
        stores = [store for store in self._stores(database, removal) if (store.name, store.segment) == named]
        if not stores:
            raise MalformedMessageError("the message names no segment of a store")
        journal = self.removals.progress(database.id)
        unfinished, taken = self._empty(database, stores, journal, has_time)
        if not taken:
            self._send_on(database, unfinished)

    def _verify(self, database: Database, removal: Removal, has_time: HasTime) -> None:
        if removal.settles_at is None:
            self._start(database, has_time)
            return
        if removal.settles_at > self.now():
            self.removals.note(database.id, self.now())
            self._await_settling(database, removal)
            return
        host = self.hosts(database.region)
        host.keyring.destroy(database.id, self.now())
        if any(look.left() for look in looks_at(database.id, host, self.jobs, self._home())):
            # Something was written late. Its segments are emptied anew, whatever the journal says of them.
            self.removals.settle(database.id, self.now(), None)
            self._go_on(database, self._stores(database, removal), self.removals.progress(database.id), has_time)
            return
        self._finish(database, removal)

    def _go_on(
        self, database: Database, stores: Sequence[Store], journal: Mapping[str, Progress], has_time: HasTime
    ) -> None:
        """Empty stores alone for a while, then share out what is not finished."""
        until = self.monotonic() + ALONE_SECONDS
        unfinished, taken = self._empty(database, stores, journal, lambda: self.monotonic() < until and has_time())
        if unfinished or not taken:
            self._send_on(database, unfinished)

    def _empty(
        self, database: Database, stores: Sequence[Store], journal: Mapping[str, Progress], has_time: HasTime
    ) -> tuple[list[Store], bool]:
        """Empty some stores: those that are not finished, and whether another worker has taken one over."""
        unfinished: list[Store] = []
        taken = False
        for store in stores:
            begun = fresh(store, database.id)
            begun = replace(journal.get(begun.id, begun), done_at=None)
            ended = reclaim(store, begun, self.removals, self.now, has_time)
            if ended is None:
                taken = True
            elif ended.done_at is None:
                unfinished.append(store)
        return unfinished, taken

    def _send_on(self, database: Database, unfinished: Sequence[Store]) -> None:
        """A message for each unfinished segment, or, once all are done, one that looks for the last time."""
        for store in unfinished:
            self._send(database, {"step": "segment", "store": store.name, "segment": store.segment})
        if unfinished:
            return
        removal = self.removals.get(database.id)
        journal = self.removals.progress(database.id)
        if removal is None or not all(_done(journal, store) for store in self._stores(database, removal)):
            return
        if removal.settles_at is None:
            settles_at = self.now() + timedelta(seconds=self.settle_seconds)
            self.removals.settle(database.id, self.now(), settles_at)
            removal = replace(removal, settles_at=settles_at)
        self._await_settling(database, removal)

    def _await_settling(self, database: Database, removal: Removal) -> None:
        wait = int((removal.settles_at - self.now()).total_seconds()) if removal.settles_at else 0
        self._send(database, {"step": "verify"}, delay=max(0, min(wait, LONGEST_DELAY)))

    def _finish(self, database: Database, removal: Removal) -> None:
        """Leave a tombstone and close the journal, in one write: either both are there or the sweep goes on."""
        now = self.now()
        operations = [
            self.databases.change_operation(database, Status.DESTROYED, now),
            self.removals.finish_operation(removal, now),
        ]
        try:
            transact(self.databases.table.client, operations)
        except TransactionRefusedError:
            # Another worker was faster: it has left the tombstone, or it found something and goes on.
            return

    def _stores(self, database: Database, removal: Removal) -> list[Store]:
        host = self.hosts(database.region)
        return stores_of(database.id, host, self.jobs, self._home(), removal.segments, self.page)

    def _home(self) -> str:
        return self.policy.region_in(self.home_region)

    def _send(self, database: Database, message: dict[str, str], *, delay: int = 0) -> None:
        region = self.policy.regions[database.region].aws
        self.queues.send(QUEUE, region, {"database_id": database.id, **message}, delay=delay)


def _done(journal: Mapping[str, Progress], store: Store) -> bool:
    progress = journal.get(f"{store.name}#{store.segment}")
    return progress is not None and progress.done_at is not None
