"""What staff's reading stands on: who they are, their grants, and the stores of content, to read from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.hosting import Host
from privacy.policy import Policy
from privacy.tables.access import Access
from privacy.tables.audit import Trail
from privacy.tables.databases import Databases
from privacy.tables.recordings import Recordings
from privacy.tables.store import Operation
from privacy.vault.tokens import Pseudonyms
from privacy.web.staff import KeySet, NamesStaff, StaffSettings


@dataclass(frozen=True, slots=True)
class Parts(NamesStaff):
    """The parts of a container, built once; secrets are asked for when needed, so that they can be rotated."""

    settings: StaffSettings
    policy: Policy
    clock: Clock
    key_set: KeySet
    trail: Trail
    access: Access
    databases: Databases
    recordings: Recordings
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
        key_set=KeySet(settings.staff_key_set),
        trail=Trail(home.table("audit")),
        access=Access(home.table("access"), home.policy),
        databases=Databases(home.table("databases")),
        recordings=Recordings(home.table("recordings"), home.policy),
        pseudonyms=home.pseudonyms,
        host=home.hosts(),
        transact=home.transact,
    )
