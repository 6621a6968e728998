"""Holds as the checks read them: what each covers, and until when it keeps something."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promise_audit.stores import Row, Stores, instant


@dataclass(frozen=True, slots=True)
class Held:
    """A hold: its scope as it lies there, since when and until when it keeps things past their date."""

    scope: dict[str, Any]
    starts: datetime
    ends: datetime

    def covers_visit(self, visit_id: str, address: str | None, at: datetime) -> bool:
        """Whether a visit is held."""
        scope = self.scope.get("visits")
        if not scope:
            return False
        if "ids" in scope and visit_id not in scope["ids"]:
            return False
        if "from" in scope and at < datetime.fromisoformat(scope["from"]):
            return False
        if "to" in scope and at >= datetime.fromisoformat(scope["to"]):
            return False
        if not scope.get("addresses"):
            return True
        try:
            return address is not None and ipaddress.ip_address(address) in ipaddress.ip_network(scope["addresses"])
        except ValueError:
            return False


def holds(stores: Stores) -> list[Held]:
    """Every hold that can be read; those that cannot keep nothing."""

    def read() -> list[Held]:
        found = []
        for row in stores.rows("holds"):
            try:
                found.append(_held(row))
            except (KeyError, TypeError, ValueError):
                continue
        return sorted(found, key=lambda hold: hold.starts)

    made: list[Held] = stores.once("holds", read)
    return made


def _held(row: Row) -> Held:
    if not row["owner"] or not row["reason"]:
        raise ValueError("a hold has an owner and a reason")
    ends = instant(row, "until")
    if "released_at" in row:
        ends = min(ends, instant(row, "released_at"))
    return Held(row["scope"], instant(row, "since" if "since" in row else "created_at"), ends)


def kept_until(end: datetime, covering: Iterable[Held]) -> datetime:
    """When something goes whose period ends at `end`: each hold takes over what its period, or another hold, keeps."""
    for hold in covering:
        if hold.starts <= end:
            end = max(end, hold.ends)
    return end


def account_kept_until(end: datetime, account_id: str | None, stores: Stores) -> datetime:
    """The same for what is held with its account."""
    return kept_until(
        end, [hold for hold in holds(stores) if account_id and hold.scope.get("account_id") == account_id]
    )
