"""The registry: every store of the template either declares here what it holds about a person, or says why it holds
nothing of one. A store that does neither fails a test (promise rights.access).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from privacy.clock import Clock, rfc3339, system_clock
from privacy.home import Home
from privacy.models.paging import CursorError, first_page
from privacy.models.removals import Progress
from privacy.subjects import holdings, of_campaigns, of_databases
from privacy.subjects.holding import Holding, Item
from privacy.subjects.person import Person
from privacy.tables.access import Access
from privacy.tables.accounts import Accounts
from privacy.tables.attempts import Attempts
from privacy.tables.billing import Billing
from privacy.tables.campaigns import Campaigns
from privacy.tables.changes import Changes
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.enquiries import Enquiries
from privacy.tables.erasures import Erasures
from privacy.tables.jobs import Jobs
from privacy.tables.recordings import Recordings
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups

NOTHING_OF_A_PERSON: Mapping[str, str] = MappingProxyType(
    {
        "idempotency": "digests and ids of ours, for a day",
        "visits": "tied to nobody: no account, session or address of mail is in it (promise visits.unlinked)",
        "keys": "wrapped data keys of databases",
        "content": "the customers' databases, sealed: each is its owner's own, exported and destroyed by itself",
        "deletions": "keyed names of what an owner deleted of a database",
        "removals": "journals and certificates: counts, digests and dates",
        "backup": "the customers' databases, sealed: destroyed with them",
        "findings": "counts, words of ours and ids: what the promise audit found",
        "policies": "the versions of the policy, as they were published",
        "choices": "that somebody chose about cookies, on a day: no session, address or browser is in it",
        "trends": "counts of groups: no cell of fewer people than the policy's k (promise disclosure.aggregate)",
        "audit": "pseudonyms, ids and words of ours; it outlives an erasure (promise security.measures)",
    }
)
"""The stores, by name without the stack's, that hold nothing of a person as a person, and why."""

WITHHELD: Mapping[str, str] = MappingProxyType(
    {
        "holds": "a hold on an account, by law or for security: shown, it would warn of it (GDPR article 23); it names "
        "an account only as long as it is remembered",
        "correlations": "a request that waits for its second person: shown, it would warn of an inquiry by law or for "
        "security (GDPR article 23); within a week it names nobody any more",
    }
)
"""The stores that hold something about a person which they are not shown, and why."""


@dataclass(frozen=True, slots=True)
class Registry:
    """All holdings, in the order in which an erasure empties them."""

    holdings: Sequence[Holding]

    def page(
        self, person: Person, now: datetime, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Some of what is held about a person, category after category, and where to go on.

        Raises: CursorError.
        """
        names = [holding.category for holding in self.holdings]
        category, _, place = (cursor or "").partition("/")
        if cursor is not None and category not in names:
            raise CursorError
        places: list[str] = []

        def every() -> Iterator[dict[str, Any]]:
            for holding in self.holdings[names.index(category) if category else 0 :]:
                after = place if holding.category == category else ""
                for item in sorted(holding.items(person, now), key=lambda one: one.place):
                    if item.place > after:
                        places.append(f"{holding.category}/{item.place}")
                        yield told(holding, item)

        shown, more = first_page(every(), limit)
        return shown, places[len(shown) - 1] if more else None

    def everything(self, person: Person, now: datetime) -> dict[str, list[dict[str, Any]]]:
        """All that is held about a person, by category."""
        return {
            holding.category: [
                told(holding, item) for item in sorted(holding.items(person, now), key=lambda one: one.place)
            ]
            for holding in self.holdings
        }

    def kept(self, person: Person, now: datetime) -> list[dict[str, Any]]:
        """What a law makes us keep of a person after their erasure: which fields, why, and until when."""
        return [kept.document() for holding in self.holdings for kept in holding.kept(person, now)]

    def notices(self, person: Person, now: datetime) -> list[dict[str, Any]]:
        """Which processors received something of a person, with the ids of the records that tell what: each is to be
        told of an erasure (promise rights.erase).
        """
        told: dict[str, list[str]] = {}
        for holding in self.holdings:
            for item in holding.items(person, now) if isinstance(holding, holdings.OfBilling) else ():
                if processor := item.data.get("processor"):
                    told.setdefault(str(processor), []).append(str(item.data["id"]))
        return [{"processor": name, "billing": ids} for name, ids in sorted(told.items())]

    def waiting(self, person: Person, now: datetime) -> list[dict[str, Any]]:
        """The person's databases that wait for the end of their grace period, as an erasure tells what is kept."""
        why = "you chose to keep your databases until their grace period ends, and signing in as long"
        return [
            {"category": "databases", "count": 1, "fields": [item.data["id"]], "why": why, "until": rfc3339(item.ends)}
            for holding in self.holdings
            if isinstance(holding, of_databases.OfDatabases)
            for item in holding.items(person, now)
            if item.ends
        ]

    def staying(self, person: Person, decided_at: datetime, now: datetime) -> list[dict[str, Any]]:
        """What is there still while an erasure that was approved waits for the person's databases, beside what a law
        keeps: how much, which fields, why, and until when (null: until the worker's next look).
        """
        rows = self.waiting(person, now)
        last = max((row["until"] for row in rows), default=None)
        for holding in self.holdings:
            found = list(holding.items(person, now))
            if not found or isinstance(holding, holdings.OfBilling | of_databases.OfDatabases):
                continue
            why, until = holding.stays, last
            if holding.left_at_once(person, decided_at):
                why, until = "it is being removed now", None
            elif all(item.ends for item in found):
                own = max(rfc3339(item.ends) for item in found if item.ends)
                until = min(own, last or own)
            fields = sorted({name for item in found for name, value in item.data.items() if value is not None})
            rows.append(
                {"category": holding.category, "count": len(found), "fields": fields, "why": why, "until": until}
            )
        return rows

    def removed(self, journal: Mapping[str, Progress]) -> list[dict[str, Any]]:
        """What an erasure that is under way has removed so far, by category, as its journal counts it."""
        holds = {holding.category: holding.holds for holding in self.holdings}
        return [
            {"category": entry.store, "count": entry.removed, "what": holds[entry.store]}
            for entry in journal.values()
            if entry.removed and entry.store in holds
        ]

    def end_exports(self, person: Person) -> None:
        """Remove the exports that a person made of their data: what they hold is not as it is any more."""
        for holding in self.holdings:
            if isinstance(holding, holdings.OfExports | holdings.OfExportFiles):
                while things := holding.left(person):
                    holding.remove(person, things)

    def correct(self, person: Person, old: Mapping[str, Any], new: Mapping[str, Any], email_tag: str) -> None:
        """Bring every copy of a profile in line with its correction (promise rights.rectify)."""
        for holding in self.holdings:
            holding.correct(person, old, new, email_tag)


def told(holding: Holding, item: Item) -> dict[str, Any]:
    """A thing as its person sees it (api.md, `GET /account/data`)."""
    return {
        "category": holding.category,
        "purpose": holding.purpose,
        "origin": holding.origin,
        "retention_ends": rfc3339(item.ends) if item.ends else None,
        "recipients": list(item.recipients),
        "data": dict(item.data),
    }


def registry(home: Home, clock: Clock = system_clock) -> Registry:
    """The registry over the stores of the home region."""
    policy = home.policy
    accounts, databases = Accounts(home.table("accounts")), Databases(home.table("databases"))
    jobs, sessions = Jobs(home.table("jobs")), home.table("sessions")
    host = home.hosts()(policy.region_in(home.settings.home_region))
    return Registry(
        [
            holdings.OfSignups(Signups(home.table("signups"), policy), policy),
            holdings.OfChanges(Changes(home.table("signups"), policy)),
            holdings.OfAttempts(Attempts(sessions, policy), policy),
            holdings.OfEnquiries(Enquiries(home.table("enquiries"), policy)),
            holdings.OfBilling(Billing(home.table("billing"), policy), policy),
            holdings.OfDisclosures(Disclosures(home.table("disclosures"), policy), policy),
            of_campaigns.OfCampaigns(Campaigns(home.table("campaigns"), policy), home.pseudonyms, policy),
            holdings.OfExports(jobs, policy),
            holdings.OfExportFiles(host, jobs),
            holdings.OfErasures(Erasures(home.table("erasures"), policy), policy),
            of_databases.OfRecordings(Recordings(home.table("recordings"), policy), databases, policy, clock),
            of_databases.OfAccess(Access(home.table("access"), policy), databases, policy),
            of_databases.OfDatabases(databases, policy),
            holdings.OfSessions(Sessions(sessions, policy), policy),
            holdings.OfAccounts(accounts, databases, policy),
        ]
    )
