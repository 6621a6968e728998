"""What reading reports stands on: who staff are, and the reports."""

from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.policy import Policy
from privacy.tables.trends import Reports
from privacy.web.staff import KeySet, StaffSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once."""

    settings: StaffSettings
    policy: Policy
    clock: Clock
    key_set: KeySet
    reports: Reports


def assemble(settings: StaffSettings, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    reports = Reports(home.table("trends"), home.policy)
    return Parts(settings, home.policy, clock, KeySet(settings.staff_key_set), reports)
