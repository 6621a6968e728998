"""What the sweep stands on: the stores whose items end a period after an origin."""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.home import Clients, Home
from privacy.removal.holds import account_items
from privacy.settings import Deployment
from privacy.tables.access import Access
from privacy.tables.attempts import Attempts
from privacy.tables.billing import Billing
from privacy.tables.campaigns import Campaigns
from privacy.tables.changes import Changes
from privacy.tables.choices import Choices
from privacy.tables.correlations import Correlations
from privacy.tables.enquiries import Enquiries
from privacy.tables.expiry import Expiring
from privacy.tables.holds import AccountItems, Holds
from privacy.tables.idempotency import Idempotency
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups
from privacy.tables.trends import Reports


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once. `stores` gives each store's limits; any one of them ends an item.
    `of_accounts` are those of them that know their account, so that a hold on one can keep what lies in them.
    """

    clock: Clock
    stores: Mapping[str, tuple[Expiring, ...]]
    of_accounts: Mapping[str, AccountItems]
    holds: Holds


def assemble(settings: Deployment, clock: Clock = system_clock, clients: Clients = client) -> Parts:
    """The parts as they are on AWS."""
    home = Home(settings, clients)
    return Parts(
        clock,
        {
            "sessions": Sessions(home.table("sessions"), home.policy).expiring(),
            "attempts": (Attempts(home.table("sessions"), home.policy).expiring(),),
            "signups": (Signups(home.table("signups"), home.policy).expiring(),),
            "changes": (Changes(home.table("signups"), home.policy).expiring(),),
            "enquiries": (Enquiries(home.table("enquiries"), home.policy).expiring(),),
            "billing": (Billing(home.table("billing"), home.policy).expiring(),),
            "correlations": Correlations(home.table("correlations"), home.policy).expiring(),
            "campaigns": (Campaigns(home.table("campaigns"), home.policy).expiring(),),
            "idempotency": (Idempotency(home.table("idempotency"), home.policy).expiring(),),
            "choices": (Choices(home.table("choices"), home.policy).expiring(),),
            "trends": (Reports(home.table("trends"), home.policy).expiring(),),
            "access": (Access(home.table("access"), home.policy).expiring(),),
        },
        account_items(home.table),
        Holds(home.table("holds"), home.policy),
    )
