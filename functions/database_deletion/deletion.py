"""Destroying a database: its keys first, then every store of every region, in segments when it is large; then looking
again, twice, and the certificate.

Each step may be repeated, overtaken or killed after any call: what there is to do is read from the journal, and the
sweep (database_expiry) wakes what stalled. A region that cannot be reached keeps no other from being emptied, and
nothing is called destroyed before all are.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from privacy.clock import Clock
from privacy.models.databases import Database, Status
from privacy.models.ids import is_id
from privacy.models.removals import CERTIFICATE, Progress, Removal, opened, segment_id, unfinished
from privacy.policy import Policy
from privacy.queues import LONGEST_DELAY, MalformedMessageError, Queues
from privacy.removal.certificate import Checked, Notary, facts
from privacy.removal.reclaim import fresh, reclaim
from privacy.removal.stores import OTHERS, PAGE, Everywhere, Store
from privacy.tables.databases import Databases
from privacy.tables.removals import Removals

QUEUE = "deletion"

STEPS = ("start", "region", "segment", "verify")

ALONE_SECONDS = 20
"""How long one worker empties a region by itself, which is enough for most databases."""

HasTime = Callable[[], bool]
Journal = Mapping[str, Progress]
T = TypeVar("T")


@dataclass(slots=True)
class Tried(Generic[T]):
    """What was done in some regions, each whatever befell another, and what befell them."""

    done: dict[str, T] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)

    def raise_first(self) -> None:
        """Raise the first error, so that the message comes again."""
        if self.errors:
            raise self.errors[0]


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion worker of one Cloud Region (`here`); the control tables lie in the home region.

    `start` and `verify` go through the queue of the home region, without which nothing goes on; `region` and `segment`
    through that of the region which they empty. `settle_seconds` is how long after emptying a database its stores are
    listed for the last time; `page` how many things make a batch.
    """

    policy: Policy
    here: str
    settle_seconds: int
    everywhere: Everywhere
    databases: Databases
    removals: Removals
    notary: Notary
    queues: Queues
    now: Clock
    monotonic: Callable[[], float] = time.monotonic
    page: int = PAGE

    def work(self, message: Mapping[str, str], has_time: HasTime) -> None:
        """Do what a message asks for: `start`, `region`, `segment` (of a `store`) or `verify`.

        A late, doubled or forged message deletes nothing that its owner, or the end of the grace period, did not
        give up before (promises databases.deletion, databases.destroyed).

        Raises: MalformedMessageError.
        """
        database_id, step = message["database_id"], message["step"]
        if not is_id("db", database_id) or step not in STEPS:
            raise MalformedMessageError("the message asks for no step of a deletion")
        database = self.databases.get(database_id)
        if database is None:
            # A fence stays where nothing was seen yet: what may arrive later finds every door closed.
            self._destroy_keys(database_id).raise_first()
            return
        if database.status is not Status.DELETING:
            return
        removal = self.removals.get(database_id)
        if step == "start" or removal is None:
            self._start(database, has_time)
        elif step == "verify":
            self._verify(database, removal)
        elif removal.settles_at is not None:
            # Everything was found empty since. The worker that did may have died before it sent its last message.
            self._send_verify(database, removal.settles_at)
        elif step == "region":
            self._region(database, removal, message, has_time)
        else:
            self._segment(database, removal, message, has_time)

    def _start(self, database: Database, has_time: HasTime) -> None:
        removal = self.removals.begin(opened(database, self.now()))
        # The keys go first: from here on every sealed copy is unreadable, wherever it lies.
        keys = self._destroy_keys(database.id)
        if keys.done.items() - removal.keys.items():
            self.removals.note_keys(database.id, keys.done, self.now())
        journal = self.removals.progress(database.id)
        waiting = [store for store in self._stores(database, removal) if not _done(journal, store)]
        if waiting or removal.settles_at is None:
            # What lies elsewhere first, for it is emptied there meanwhile.
            regions = {store.region for store in waiting} & keys.done.keys() - {self.here}
            told = _each(sorted(regions), lambda region: self._send_region(database, region))
            here = [store for store in _in(self.here, waiting) if self.here in keys.done]
            self._go_on(database, removal, here, self._alone(has_time))
            told.raise_first()
        else:  # woken while it settles: its last message may be lost
            self._send_verify(database, removal.settles_at)
        keys.raise_first()

    def _region(self, database: Database, removal: Removal, message: Mapping[str, str], has_time: HasTime) -> None:
        region = message.get("region", "")
        if region not in self.policy.regions:
            raise MalformedMessageError("the message names no Cloud Region")
        journal = self.removals.progress(database.id)
        waiting = [store for store in _in(region, self._stores(database, removal)) if not _done(journal, store)]
        self._go_on(database, removal, waiting, self._alone(has_time))

    def _segment(self, database: Database, removal: Removal, message: Mapping[str, str], has_time: HasTime) -> None:
        named = (message.get("region"), message.get("store"), message.get("segment"))
        everything = self._stores(database, removal)
        stores = [store for store in everything if (store.region, store.name, store.segment) == named]
        if not stores:
            raise MalformedMessageError("the message names no segment of a store")
        self._go_on(database, removal, stores, has_time, at_last=True)

    def _verify(self, database: Database, removal: Removal) -> None:
        if removal.settles_at is None:
            return  # another worker found something left, and goes on; should it die, the sweep wakes the removal
        if removal.settles_at > self.now():
            self.removals.note(database.id, self.now())
            self._send_verify(database, removal.settles_at)
            return
        keys = self._destroy_keys(database.id)
        keys.raise_first()
        began = self.now()
        found = self._found(database.id)
        journal = self.removals.progress(database.id)
        first = removal.looked_at
        if not found and first is not None and not self._left(removal, journal) and _rested(journal, first):
            self._finish(database, removal, Checked(keys.done, list(journal.values()), (first, began)))
        elif self.removals.reopen(removal, self.now()):
            # Something was written late, or a late worker was at it since: it is emptied and listed anew.
            self._again(database, removal, journal, found or self.policy.regions)

    def _go_on(
        self,
        database: Database,
        removal: Removal,
        stores: Sequence[Store],
        has_time: HasTime,
        *,
        at_last: bool = False,
    ) -> None:
        """Empty some stores while there is time. What is not finished gets a message for each segment; when nothing is
        left to do anywhere, everything is listed again.

        The segments of `OTHERS` have their turn when the rest of their store is empty, or `at_last`.
        """
        first = [store for store in stores if at_last or store.segment != OTHERS]
        rest = self._emptied(database, first, has_time)
        if rest == [] and removal.segments > 1:
            rest = self._emptied(database, self._others(database, removal), has_time)
        for store in rest or ():
            message = {"step": "segment", "region": store.region, "store": store.name, "segment": store.segment}
            self._send(database, store.region, message)
        if rest == []:
            self._conclude(database)

    def _emptied(self, database: Database, stores: Sequence[Store], has_time: HasTime) -> list[Store] | None:
        """Empty some stores; those that are not finished, or None when another worker is at one: it sends on what it
        leaves, and concludes.
        """
        journal = self.removals.progress(database.id) if stores else {}
        left: list[Store] = []
        moved = taken = False
        for store in stores:
            begun = fresh(store, database.id)
            begun = replace(journal.get(begun.id, begun), done_at=None)
            ended = reclaim(store, begun, self.removals, self.now, has_time)
            if ended is None:
                taken = True
                continue
            moved = moved or ended.version > begun.version
            if ended.done_at is None:
                left.append(store)
        if left and moved:
            self.removals.note(database.id, self.now())
        return None if taken and not left else left

    def _others(self, database: Database, removal: Removal) -> list[Store]:
        """The segments of `OTHERS` whose turn has come."""
        journal = self.removals.progress(database.id)
        waiting = [store for store in self._stores(database, removal) if not _done(journal, store)]
        busy = {(store.name, store.region) for store in waiting if store.segment != OTHERS}
        return [store for store in waiting if store.segment == OTHERS and (store.name, store.region) not in busy]

    def _conclude(self, database: Database) -> None:
        """When every store is empty and every key destroyed, list everything again: what is found is emptied anew;
        else it settles, until no write can be under way any more.
        """
        removal = self.removals.get(database.id)
        if removal is None or removal.settles_at is not None:
            return
        journal = self.removals.progress(database.id)
        if self._left(removal, journal):
            return
        began = self.now()
        found = self._found(database.id)
        if found:
            self._again(database, removal, journal, found)
            return
        settles_at = self.now() + timedelta(seconds=self.settle_seconds)
        if self.removals.settle(database.id, self.now(), began, settles_at):
            self._send_verify(database, settles_at)

    def _again(self, database: Database, removal: Removal, journal: Journal, regions: Collection[str]) -> None:
        """Have the stores of some regions emptied anew, whatever the journal says of them."""
        for store in self._stores(database, removal):
            if store.region in regions and _done(journal, store):
                self.removals.redo(journal[_id(store)])
        for region in sorted(regions):
            self._send_region(database, region)

    def _finish(self, database: Database, removal: Removal, checked: Checked) -> None:
        """Leave the tombstone, close the journal and add the certificate to the chain, in one write: either all are
        there or the sweep goes on.
        """
        now = self.now()
        content = facts(database, checked, self.policy, self.everywhere.home, now)
        tombstone = self.databases.change_operation(database, Status.DESTROYED, now)
        self.notary.certify(database.id, content, [tombstone, self.removals.finish_operation(removal, now)])

    def _destroy_keys(self, database_id: str) -> Tried[datetime]:
        """Destroy a database's data key in every region, or leave a fence there; when it was destroyed, by region."""
        keyrings = {host.region: host.keyring for host in self.everywhere.hosts}
        return _each(keyrings, lambda region: keyrings[region].destroy(database_id, self.now()))

    def _found(self, database_id: str) -> set[str]:
        """The regions in which something of a database is found."""
        return {look.region for look in self.everywhere.looks(database_id) if look.left()}

    def _left(self, removal: Removal, journal: Journal) -> set[str]:
        return unfinished(removal, journal.values(), self.policy.regions, self.everywhere.home) - {CERTIFICATE}

    def _alone(self, has_time: HasTime) -> HasTime:
        """The time that one worker takes for a region, before each unfinished segment gets one of its own."""
        until = self.monotonic() + ALONE_SECONDS
        return lambda: self.monotonic() < until and has_time()

    def _stores(self, database: Database, removal: Removal) -> list[Store]:
        return self.everywhere.stores(database.id, removal.region, removal.segments, self.page)

    def _send_region(self, database: Database, region: str) -> None:
        self._send(database, region, {"step": "region", "region": region})

    def _send_verify(self, database: Database, settles_at: datetime) -> None:
        wait = int((settles_at - self.now()).total_seconds())
        self._send(database, self.everywhere.home, {"step": "verify"}, delay=max(0, min(wait, LONGEST_DELAY)))

    def _send(self, database: Database, region: str, message: dict[str, str], *, delay: int = 0) -> None:
        aws_region = self.policy.regions[region].aws
        self.queues.send(QUEUE, aws_region, {"database_id": database.id, **message}, delay=delay)


def _each(regions: Iterable[str], act: Callable[[str], T]) -> Tried[T]:
    """Act for every region: one that cannot be reached keeps no other from its turn."""
    tried: Tried[T] = Tried()
    for region in regions:
        try:
            tried.done[region] = act(region)
        except Exception as error:  # raised by whoever asked, when all had their turn
            tried.errors.append(error)
    return tried


def _in(region: str, stores: Iterable[Store]) -> list[Store]:
    return [store for store in stores if store.region == region]


def _id(store: Store) -> str:
    return segment_id(store.region, store.name, store.segment)


def _rested(journal: Journal, since: datetime) -> bool:
    """Whether no worker was at any store since a time."""
    return all(progress.done_at is not None and progress.done_at <= since for progress in journal.values())


def _done(journal: Journal, store: Store) -> bool:
    progress = journal.get(_id(store))
    return progress is not None and progress.done_at is not None
