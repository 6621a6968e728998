"""Carrying out an approved erasure: each store through the one removal pattern, the databases by their own deletion.

Each step may be repeated or killed after any call: what there is to do is read from the request, the journal and the
stores, and the sweep (account_expiry) queues what is not finished again. The account is closed before anything goes; it
goes last, and the request remembers what is needed after that (promise rights.erase).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from erasure.post import Post
from privacy.clock import Clock, rfc3339
from privacy.models.accounts import Account
from privacy.models.databases import Database, Status
from privacy.models.erasures import Erasure, ErasureStatus, NoticeStatus
from privacy.models.ids import is_id
from privacy.models.removals import Progress, Removal
from privacy.policy import Policy
from privacy.queues import LONGEST_DELAY, MalformedMessageError, Queues
from privacy.removal.certificate import Notary
from privacy.removal.reclaim import fresh, reclaim
from privacy.removal.stores import Store
from privacy.subjects.certificate import facts
from privacy.subjects.erasing import approved, person_in
from privacy.subjects.holding import Holding, Thing
from privacy.subjects.notices import Notice, planned, states
from privacy.subjects.of_databases import OfDatabases
from privacy.subjects.person import Person, person_of
from privacy.subjects.registry import Registry
from privacy.tables.accounts import Accounts
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.erasures import Erasures
from privacy.tables.holds import Holds
from privacy.tables.removals import Removals
from privacy.tables.store import ConditionFailedError, Operation, TransactionRefusedError
from privacy.vault.tokens import Pseudonyms

QUEUE = "erasure"

HasTime = Callable[[], bool]

WATCHED = timedelta(days=1)
"""How long the worker itself looks whether the databases are destroyed by now; later only the sweep asks it to."""

LOOK_AGAIN_SECONDS = 30

CONFIRMED_WITHIN = timedelta(hours=1)
"""How long the certificate waits for processors to be told, from when that was queued: a message and its five tries
(privacy.consumer). What is found and emptied anew meanwhile does not prolong it, or who tries the person's address
would put the end off. After it the certificate says of whom that is not confirmed yet.
"""


class NotEmptyError(Exception):
    """Time was up, or something was left: the message comes again, and goes on from the journal."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a holding has of a person, as something that can be listed and emptied (`privacy.removal.stores.Store`)."""

    holding: Holding
    person: Person
    region: str
    decided_at: datetime | None = None
    """When it is emptied of what goes although the person's databases are kept; None: of everything."""
    segment: str = "0"

    @property
    def name(self) -> str:
        """The category, as the certificate names it."""
        return self.holding.category

    def left(self) -> Sequence[Thing]:
        """What is still there."""
        if self.decided_at is None:
            return self.holding.left(self.person)
        return self.holding.left_at_once(self.person, self.decided_at)

    def remove(self, things: Sequence[Thing]) -> None:
        """Remove it."""
        self.holding.remove(self.person, things)


@dataclass(frozen=True, slots=True)
class Worker:
    """The erasure worker; all its stores lie in the home region (`home`)."""

    policy: Policy
    home: str
    drain_seconds: int
    accounts: Accounts
    databases: Databases
    disclosures: Disclosures
    erasures: Erasures
    holds: Holds
    removals: Removals
    registry: Registry
    notary: Notary
    queues: Queues
    post: Post
    pseudonyms: Callable[[], Pseudonyms]
    transact: Callable[[Sequence[Operation]], None]
    now: Clock

    def work(self, erasure_id: str, has_time: HasTime) -> None:
        """Go on with a request that was approved; any other is left alone.

        Raises: MalformedMessageError for what is no id of a request, NotEmptyError.
        """
        if not is_id("ers", erasure_id):
            raise MalformedMessageError("the message names no request")
        erasure = self.erasures.get(erasure_id, self.now())
        if erasure is None:
            return
        if erasure.status is ErasureStatus.ERASED:
            self._tell(erasure)
        elif erasure.status is ErasureStatus.APPROVED:
            account = self.accounts.get(erasure.account_id or "")
            if self.holds.of_account(erasure.account_id or "", self.now()):
                return  # recorded since: the sweep asks again when it has ended
            if account is not None and not account.closed:
                self._wait_for_grace(erasure, account, has_time)
            else:
                self._erase(erasure, has_time)

    def _wait_for_grace(self, erasure: Erasure, account: Account, has_time: HasTime) -> None:
        """Its person keeps their databases until the grace period ends, what signing in needs, and the copies of their
        data that they ask for meanwhile: the rest goes.
        """
        person = person_of(account, self.pseudonyms())
        living = list(self.databases.living(person.owner))
        for database in living:
            if database.status in (Status.ACTIVE, Status.DEACTIVATED) and not database.is_final:
                with suppress(ConditionFailedError):  # it changed at this moment: the sweep comes again
                    self.databases.deactivate_for_good(database, self.now())
        self._begin(erasure)
        self._emptied(erasure, self._places(person, erasure.decided_at or erasure.created_at), has_time)
        if not living:
            self._close(erasure)
            self._send(erasure, 0)

    def _close(self, erasure: Erasure) -> None:
        """Close the account, with its address as it is by now noted in the request, in one write."""
        account = self.accounts.get(erasure.account_id or "")
        if account is None:
            return
        closing = approved(erasure, account, erasure.notices, erasure.kept)
        with suppress(TransactionRefusedError):  # done by another worker
            self.transact([self.erasures.change_operation(erasure, closing), self.accounts.close_operation(account.id)])

    def _erase(self, erasure: Erasure, has_time: HasTime) -> None:
        person = person_in(erasure, self.pseudonyms())
        removal = self._begin(erasure)
        living = list(self.databases.living(person.owner))
        for database in living:
            self._delete(database)
        places = self._places(person)
        if removal.settles_at is None:
            self._emptied(erasure, places, has_time)
            if living:
                if erasure.decided_at and self.now() < erasure.decided_at + WATCHED:
                    self._send(erasure, min(LOOK_AGAIN_SECONDS, self.drain_seconds))
                return
            looked_at = self.now()
            if self._found(person):
                raise NotEmptyError
            settles_at = self.now() + timedelta(seconds=self.drain_seconds)
            self.removals.settle(erasure.id, self.now(), looked_at, settles_at)
            self._send(erasure, self.drain_seconds)
        elif removal.settles_at > self.now():
            self._send(erasure, int((removal.settles_at - self.now()).total_seconds()))
        elif self._to_be_told(erasure) and self.now() < removal.started_at + CONFIRMED_WITHIN:
            self.removals.note(erasure.id, self.now())
            self._send(erasure, LOOK_AGAIN_SECONDS)
        else:
            self._verify(erasure, removal, person)

    def _verify(self, erasure: Erasure, removal: Removal, person: Person) -> None:
        """List everything for the last time; what is found after all is emptied anew."""
        began = self.now()
        if self._found(person) or removal.looked_at is None:
            self.removals.reopen(removal, self.now())
            raise NotEmptyError
        journal, told = self.removals.progress(erasure.id), self._told(erasure)
        destroyed = [one.id for one in self.databases.owned_by(person.owner) if one.status is Status.DESTROYED]
        now = self.now()
        done = replace(
            erasure,
            status=ErasureStatus.ERASED,
            account_id=None,
            message=None,
            reason=None,
            signup_id=None,
            change_id=None,
            finished_at=now,
            notices=_with_when(erasure.notices, told),
            destroyed=destroyed,
        )
        listings = (removal.looked_at, began)
        content = facts(done, told, self.registry.holdings, journal, listings, self.policy, self.home, now)
        operations = [self.erasures.change_operation(erasure, done), self.removals.finish_operation(removal, now)]
        self.notary.certify(erasure.id, content, operations)
        self._send(erasure, 0)

    def _tell(self, erasure: Erasure) -> None:
        """Send the last mail, and forget the address. Twice at most, should the worker die between the two."""
        if erasure.address is None:
            return
        found = [self.notary.certificates.get(subject) for subject in (erasure.id, *erasure.destroyed)]
        self.post.send(erasure.address, erasure, self._told(erasure), [document for document in found if document])
        self.erasures.told(erasure)

    def _begin(self, erasure: Erasure) -> Removal:
        """The journal, as it begins or as it is."""
        self._notify(erasure)
        return self.removals.begin(Removal(erasure.id, self.home, self.now(), self.now(), {}, 1))

    def _notify(self, erasure: Erasure) -> None:
        """Have the processors told; what is recorded already is not queued again but by its sweep (account_expiry)."""
        for notice in (one for noted in erasure.notices for one in planned(noted, erasure.id, self.now())):
            if self.disclosures.get(notice.id, self.now()) is None:
                self.disclosures.create(notice)
                self.queues.send("disclosure", self.policy.regions[self.home].aws, {"id": notice.id})

    def _to_be_told(self, erasure: Erasure) -> bool:
        return any(notice.status is NoticeStatus.WAITING for notice in self._told(erasure))

    def _told(self, erasure: Erasure) -> list[Notice]:
        return states(erasure.notices, erasure.id, self.disclosures, self.now())

    def _places(self, person: Person, decided_at: datetime | None = None) -> list[_Place]:
        """Everything but the databases, which are destroyed by their own deletion; with `decided_at` what goes before
        they do.
        """
        return [
            _Place(holding, person, self.home, decided_at)
            for holding in self.registry.holdings
            if not isinstance(holding, OfDatabases)
        ]

    def _emptied(self, erasure: Erasure, places: Sequence[_Place], has_time: HasTime) -> None:
        """Empty some stores, one after the other, through the journal. Raises: NotEmptyError when time is up."""
        journal = self.removals.progress(erasure.id)
        for place in places:
            ended = self._reclaimed(place, erasure, journal.get(fresh(place, erasure.id).id), has_time)
            if ended is None or ended.done_at is None:
                raise NotEmptyError
        self.removals.note(erasure.id, self.now())

    def _reclaimed(self, place: Store, erasure: Erasure, before: Progress | None, has_time: HasTime) -> Progress | None:
        begun = replace(before or fresh(place, erasure.id), done_at=None)
        return reclaim(place, begun, self.removals, self.now, has_time)

    def _found(self, person: Person) -> bool:
        """Whether anything is left in any store, the databases included."""
        return any(holding.left(person) for holding in self.registry.holdings)

    def _delete(self, database: Database) -> None:
        """Have a database destroyed, unless it is on its way."""
        if database.status is not Status.DELETING:
            try:
                self.databases.change(database, Status.DELETING, self.now())
            except ConditionFailedError:
                return  # it changed at this moment: the next look sees to it
            message = {"database_id": database.id, "step": "start"}
            self.queues.send("deletion", self.policy.regions[self.home].aws, message)

    def _send(self, erasure: Erasure, delay: int) -> None:
        aws_region = self.policy.regions[self.home].aws
        self.queues.send(QUEUE, aws_region, {"id": erasure.id}, delay=max(0, min(delay, LONGEST_DELAY)))


def _with_when(notices: Sequence[dict[str, Any]], told: Sequence[Notice]) -> list[dict[str, Any]]:
    """The notices as a request that ends notes them: with when each processor was told, where it was."""
    return [
        notice | {"told_at": rfc3339(state.at)} if state.at and state.status is NoticeStatus.TOLD else dict(notice)
        for notice, state in zip(notices, told, strict=True)
    ]
