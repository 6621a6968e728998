"""What the reports about accounts stand on."""

from account_trends.counting import TABLES, rows
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.settings import Deployment
from privacy.tables.accounts import Accounts
from privacy.tables.trends import Reports
from privacy.trends.making import Making, Subject


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Making:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    accounts = Accounts(home.table("accounts"))
    return Making(
        # A lead ends first: up to then nothing of a month has gone for its age.
        Subject("accounts", TABLES, lambda month: rows(accounts, month, home.policy, clock), lasts="accounts.leads"),
        Reports(home.table("trends"), home.policy),
        home.policy,
        clock,
        lambda: home.secret("trends"),
    )
