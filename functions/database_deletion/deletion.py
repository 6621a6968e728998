"""Destroying a database: key first, then every store, in segments when it is large; then looking again.

Each step may be repeated, overtaken or killed after any call: what there is to do is read from the journal, and the
sweep (database_expiry) wakes what stalled.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
"""How long one worker empties a database by itself, which is enough for most."""

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
        if step == "start":
            self._start(database, has_time)
            return
        removal = self.removals.get(database_id)
        if removal is None:
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
        if waiting or removal.settles_at is None:
            self._go_on(database, removal, waiting, journal, self._alone(has_time))
        else:  # woken while it settles: its last message may be lost
            self._send_verify(database, removal.settles_at)

    def _segment(self, database: Database, removal: Removal, message: Mapping[str, str], has_time: HasTime) -> None:
        named = (message.get("store"), message.get("segment"))
        stores = [store for store in self._stores(database, removal) if (store.name, store.segment) == named]
        if not stores:
            raise MalformedMessageError("the message names no segment of a store")
        self._go_on(database, removal, stores, self.removals.progress(database.id), has_time)

    def _verify(self, database: Database, removal: Removal, has_time: HasTime) -> None:
        if removal.settles_at is None:
            return  # another worker found something left, and goes on; should it die, the sweep wakes the removal
        if removal.settles_at > self.now():
            self.removals.note(database.id, self.now())
            self._send_verify(database, removal.settles_at)
            return
        host = self.hosts(database.region)
        host.keyring.destroy(database.id, self.now())
        if not any(look.left() for look in looks_at(database.id, host, self.jobs, self._home())):
            self._finish(database, removal)
        elif self.removals.reopen(removal, self.now()):
            # Something was written late: all is emptied anew, whatever the journal says of it.
            stores, journal = self._stores(database, removal), self.removals.progress(database.id)
            self._go_on(database, removal, stores, journal, self._alone(has_time))

    def _go_on(
        self,
        database: Database,
        removal: Removal,
        stores: Sequence[Store],
        journal: Mapping[str, Progress],
        has_time: HasTime,
    ) -> None:
        """Empty some stores while there is time. What is not finished gets a message for each segment; when nothing is
        left to do anywhere, one message looks for the last time.
        """
        unfinished: list[Store] = []
        moved = taken = False
        for store in stores:
            begun = fresh(store, database.id)
            begun = replace(journal.get(begun.id, begun), done_at=None)
            ended = reclaim(store, begun, self.removals, self.now, has_time)
            if ended is None:
                taken = True  # another worker is at it, and sends on what it leaves
                continue
            moved = moved or ended.version > begun.version
            if ended.done_at is None:
                unfinished.append(store)
        if unfinished and moved:
            self.removals.note(database.id, self.now())
        for store in unfinished:
            self._send(database, {"step": "segment", "store": store.name, "segment": store.segment})
        if not unfinished and not taken and self._all_done(database, removal):
            settles_at = self.now() + timedelta(seconds=self.settle_seconds)
            if self.removals.settle(database.id, self.now(), settles_at):
                self._send_verify(database, settles_at)

    def _alone(self, has_time: HasTime) -> HasTime:
        """The time that one worker takes for all stores, before each unfinished segment gets one of its own."""
        until = self.monotonic() + ALONE_SECONDS
        return lambda: self.monotonic() < until and has_time()

    def _all_done(self, database: Database, removal: Removal) -> bool:
        journal = self.removals.progress(database.id)
        return all(_done(journal, store) for store in self._stores(database, removal))

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

    def _send_verify(self, database: Database, settles_at: datetime) -> None:
        wait = int((settles_at - self.now()).total_seconds())
        self._send(database, {"step": "verify"}, delay=max(0, min(wait, LONGEST_DELAY)))

    def _send(self, database: Database, message: dict[str, str], *, delay: int = 0) -> None:
        region = self.policy.regions[database.region].aws
        self.queues.send(QUEUE, region, {"database_id": database.id, **message}, delay=delay)


def _done(journal: Mapping[str, Progress], store: Store) -> bool:
    progress = journal.get(f"{store.name}#{store.segment}")
    return progress is not None and progress.done_at is not None
