"""Visits and holds as a test puts them, and DynamoDB's TTL, which moto does not have."""

from datetime import datetime
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from privacy import policy
from privacy.models.holds import Ground, Hold, Scope
from privacy.tables.holds import Holds
from privacy.tables.store import instant
from privacy.tables.visits import Visits
from tests.unit.engine import items, table

POLICY = policy.load()
PERIOD = POLICY.retention["visits"]
NETWORK = "203.0.113.0/24"
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.7"
OF_NETWORK = {"visits": {"addresses": NETWORK}}
OWNER = "pseudonym-of-somebody"


def visit(ends_at: datetime, ip: str = INSIDE) -> None:
    """A visit whose period ends at an instant (no month's end: there the way back is not one second)."""
    visited_at = ends_at - PERIOD.delta
    assert PERIOD.after(visited_at) == ends_at
    Visits(table("visits"), POLICY).record({"ip": ip, "browser": "Firefox"}, visited_at)


def ends(ip: str = INSIDE) -> list[datetime]:
    """When the periods end of the visits from an address that lie there, whoever may still read them."""
    return sorted(PERIOD.after(instant(int(row["at"][:12]))) for row in items("visits") if row["ip"] == ip)


def hold(
    number: int, until: datetime, created_at: datetime, *, scope: Any = None, since: datetime | None = None
) -> Hold:
    """Record a hold, in force since an instant when one is given."""
    scope = Scope.model_validate(OF_NETWORK if scope is None else scope)
    made = Hold(f"hld_{number:026d}", OWNER, Ground.SECURITY, "a test", scope, created_at, until)
    holds = Holds(table("holds"), POLICY)
    holds.create(made)
    return holds.put_in_force(made, since) if since else made


def alter(hold_id: str, changes: Any = None) -> None:
    """Alter a hold's row by hand, so that nobody can read it; what is None is taken out."""
    changes = {"ground": "curiosity"} if changes is None else changes
    table("holds").update({"part": "hold", "id": hold_id}, changes, Attr("id").exists())


def one_shard(patch: pytest.MonkeyPatch) -> None:
    """Visits lie in one shard of the sixteen, which are all alike: a sixteenth of the calls."""
    patch.setattr("privacy.tables.visits.SHARDS", ("00",))
    patch.setattr("privacy.tables.visits.shard_of", lambda text: "00")


KEYS = {"visits": ("shard", "at"), "sessions": ("token_hash",)}


def ttl(now: datetime, thing: str = "visits") -> None:
    """What TTL removes at its fastest: everything whose `ttl` is now or earlier."""
    seconds = int(now.timestamp())
    over = [row for row in items(thing) if "ttl" in row and row["ttl"] <= seconds]
    table(thing).delete_all({name: row[name] for name in KEYS[thing]} for row in over)
