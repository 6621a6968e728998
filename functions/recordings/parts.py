"""What the routes of recordings stand on: who calls, customer or staff, and the stores that their role may touch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.tables.audit import Trail
from privacy.tables.databases import Databases
from privacy.tables.idempotency import Idempotency
from privacy.tables.jobs import Jobs
from privacy.tables.recordings import Recordings
from privacy.tables.sessions import Sessions
from privacy.tables.store import Operation
from privacy.vault.tokens import Pseudonyms
from privacy.web.staff import KeySet, NamesStaff, StaffSettings


@dataclass(frozen=True, slots=True)
class Parts(NamesStaff):
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: StaffSettings
    policy: Policy
    clock: Clock
    sessions: Sessions
    key_set: KeySet
    databases: Databases
    jobs: Jobs
    recordings: Recordings
    idempotency: Idempotency
    trail: Trail
    pseudonyms: Callable[[], Pseudonyms]
    host: Callable[[str], Host]
    transact: Callable[[Sequence[Operation]], None]


def assemble(settings: StaffSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        settings=settings,
        policy=home.policy,
        clock=clock,
        sessions=Sessions(home.table("sessions"), home.policy),
        key_set=KeySet(settings.staff_key_set),
        databases=Databases(home.table("databases")),
        jobs=Jobs(home.table("jobs")),
        recordings=Recordings(home.table("recordings"), home.policy),
        idempotency=Idempotency(home.table("idempotency"), home.policy),
        trail=Trail(home.table("audit")),
        pseudonyms=home.pseudonyms,
        host=home.hosts(),
        transact=home.transact,
    )
