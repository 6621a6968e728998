"""What the sweep stands on: the stores whose items end a period after an origin."""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy import policy
from privacy.aws import client
from privacy.clock import Clock, system_clock
from privacy.hosting import Names
from privacy.settings import Deployment
from privacy.tables.billing import Billing
from privacy.tables.enquiries import Enquiries
from privacy.tables.expiry import Expiring
from privacy.tables.idempotency import Idempotency
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups
from privacy.tables.store import Table


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a container, built once. `stores` gives each store's limits; any one of them ends an item."""

    clock: Clock
    stores: Mapping[str, tuple[Expiring, ...]]


def assemble(settings: Deployment, clock: Clock = system_clock) -> Parts:
    """The parts as they are on AWS."""
    names = Names(settings.stack, settings.account)
    in_force = policy.load()
    dynamodb = client("dynamodb", settings.home_region)

    def table(thing: str) -> Table:
        return Table(dynamodb, names.table(thing))

    return Parts(
        clock,
        {
            "sessions": Sessions(table("sessions"), in_force).expiring(),
            "signups": (Signups(table("signups"), in_force).expiring(),),
            "enquiries": (Enquiries(table("enquiries"), in_force).expiring(),),
            "billing": (Billing(table("billing"), in_force).expiring(),),
            "idempotency": (Idempotency(table("idempotency"), in_force).expiring(),),
        },
    )
