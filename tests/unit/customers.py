"""Customers as the control panel's functions see them: a session, and an owner that only its account can be."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.sessions import Session
from privacy.vault.tokens import new_session_token, session_hash
from tests.unit.engine import Answer, http


@dataclass(frozen=True)
class Customer:
    """A signed-in customer at their browser."""

    app: Any
    token: str
    account_id: str
    owner: str

    def get(self, path: str, **request: Any) -> Answer:
        return self.send("GET", path, **request)

    def post(self, path: str, **request: Any) -> Answer:
        return self.send("POST", path, **request)

    def put(self, path: str, **request: Any) -> Answer:
        return self.send("PUT", path, **request)

    def delete(self, path: str, **request: Any) -> Answer:
        return self.send("DELETE", path, **request)

    def send(self, method: str, path: str, **request: Any) -> Answer:
        headers = {"X-Requested-With": "tests"} | request.pop("headers", {})
        return http(self.app, method, path, headers=headers, cookie=self.token, **request)


def customer(app: Any, parts: Any) -> Customer:
    """A new customer, signed in."""
    account_id = new_id("acc")
    return signed_in(Customer(app, "", account_id, parts.pseudonyms().owner(account_id)), parts)


def signed_in(who: Customer, parts: Any) -> Customer:
    """A customer with a session that begins now."""
    token, now = new_session_token(), parts.clock()
    parts.sessions.create(Session(session_hash(token), who.account_id, now, now))
    return replace(who, token=token)


def destroyed(parts: Any, made: Database) -> Database:
    """A database after its deletion."""
    for status in (Status.DELETING, Status.DESTROYED):
        made = parts.databases.change(made, status, made.since)
    return made


def database(
    parts: Any, owner: str, *, name: str = "Ledger", region: str = "asia", now: datetime | None = None
) -> Database:
    """A database of an owner's, active, with its key."""
    made_at = now or parts.clock()
    made = Database(new_id("db"), owner, name, region, Status.ACTIVE, made_at, made_at, "2026-11-24")
    parts.host(region).keyring.create(made.id, made_at)
    parts.databases.create(made)
    return made
