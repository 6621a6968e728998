"""What the account's routes stand on: their settings and the stores that their role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalice.app import Request

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.models.accounts import Account
from privacy.models.sessions import Session
from privacy.policy import Policy
from privacy.queues import Queues
from privacy.settings import Deployment
from privacy.subjects.person import Person, person_of
from privacy.subjects.registry import Registry, registry
from privacy.tables.accounts import Accounts
from privacy.tables.changes import Changes
from privacy.tables.disclosures import Disclosures
from privacy.tables.erasures import Erasures
from privacy.tables.idempotency import Idempotency
from privacy.tables.jobs import Jobs
from privacy.tables.removals import Removals
from privacy.tables.sessions import Sessions
from privacy.tables.store import Operation
from privacy.vault.tokens import Links, Pseudonyms
from privacy.web import ProblemError
from privacy.web.identity import customer


class AccountSettings(Deployment):
    """Nothing beyond what every function knows of the deployment."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: AccountSettings
    policy: Policy
    clock: Clock
    sessions: Sessions
    accounts: Accounts
    changes: Changes
    disclosures: Disclosures
    erasures: Erasures
    jobs: Jobs
    removals: Removals
    idempotency: Idempotency
    registry: Registry
    host: Host
    queues: Queues
    links: Callable[[], Links]
    pseudonyms: Callable[[], Pseudonyms]
    transact: Callable[[Sequence[Operation]], None]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and when."""

    account: Account
    person: Person
    session: Session
    now: datetime


def caller(request: Request, parts: Parts) -> Caller:
    """The person that calls. Raises: ProblemError 401 without a living session or with one of an erased account."""
    now = parts.clock()
    session = customer(request, parts.sessions, parts.settings.site_url, now)
    account = parts.accounts.get(session.account_id)
    if account is None or account.closed:
        raise ProblemError(401, "there is no session, or it has ended; sign in")
    return Caller(account, person_of(account, parts.pseudonyms()), session, now)


def assemble(settings: AccountSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        sessions=Sessions(home.table("sessions"), home.policy),
        accounts=Accounts(home.table("accounts")),
        changes=Changes(home.table("signups"), home.policy),
        disclosures=Disclosures(home.table("disclosures"), home.policy),
        erasures=Erasures(home.table("erasures"), home.policy),
        jobs=Jobs(home.table("jobs")),
        removals=Removals(home.table("removals")),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        registry=registry(home, clock),
        host=home.hosts()(home.policy.region_in(settings.home_region)),
        queues=home.queues(),
        links=home.links,
        pseudonyms=home.pseudonyms,
        transact=home.transact,
    )
