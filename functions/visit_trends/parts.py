"""What the reports about visits stand on."""

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.settings import Deployment
from privacy.tables.trends import Reports
from privacy.tables.visits import Visits
from privacy.trends.making import Making, Subject
from visit_trends.counting import TABLES, rows


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Making:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    visits = Visits(home.table("visits"), home.policy)
    return Making(
        Subject("visits", TABLES, lambda month: rows(visits, month, clock), lasts="visits"),
        Reports(home.table("trends"), home.policy),
        home.policy,
        clock,
        lambda: home.secret("trends"),
    )
