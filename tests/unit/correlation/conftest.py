"""The gate over the template's stores; a person who signed in from an address, and visits from there."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest

import signup.app
import signup.parts
from correlation.app import build
from correlation.parts import Parts, assemble
from privacy import policy
from privacy.clock import rfc3339
from privacy.models.visits import VisitSummary
from privacy.settings import load
from privacy.tables.visits import Visits
from privacy.web.staff import StaffSettings
from tests.unit.engine import NOON, Answer, SetClock, environment, items, table
from tests.unit.people import confirmed
from tests.unit.staff import Issuer, call

ROUTE = "/helpdesk/correlations"
ADDRESS = "203.0.113.7"
"""Where the engine's callers call from."""
HOUR = timedelta(hours=1)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def parts(stores: None, clock: SetClock, issuer: Issuer) -> Parts:
    return assemble(load(StaffSettings, issuer.environment("CorrelationFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def account_id(stores: None, clock: SetClock) -> str:
    """A customer who registered, and so signed in, at noon from `ADDRESS`; the tests go on an hour later."""
    settings = load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local"))
    signup_parts = signup.parts.assemble(settings, clock)
    answer = confirmed(signup.app.build(lambda: signup_parts), signup_parts, "registration")
    clock.set(NOON + HOUR)
    return str(answer.json()["account_id"])


class Gate:
    """Staff at the gate."""

    def __init__(self, app: Any, issuer: Issuer, clock: SetClock) -> None:
        self.app, self.issuer, self.clock = app, issuer, clock

    def token(self, role: str, **claims: Any) -> str:
        return self.issuer.token(role, now=self.clock(), **claims)

    def ask(self, account_id: str, *, token: str | None = None, key: str | None = None, **changes: Any) -> Answer:
        """A request about the hour from noon on, unless something is changed."""
        window = {"from": rfc3339(NOON), "to": rfc3339(NOON + HOUR)}
        body = {"account_id": account_id, "window": window, "ground": "security", "case": "Case 4711"} | changes
        headers = {"Idempotency-Key": key} if key else {}
        return call(self.app, token or self.token("security"), "POST", ROUTE, body=body, headers=headers)

    def asked(self, account_id: str, **changes: Any) -> str:
        """The id of a new request."""
        answer = self.ask(account_id, **changes)
        assert answer.status == 201, answer.body
        return str(answer.json()["correlation_id"])

    def show(self, correlation_id: str, role: str = "dpo") -> Answer:
        return call(self.app, self.token(role), "GET", f"{ROUTE}/{correlation_id}")

    def approve(self, correlation_id: str, **claims: Any) -> Answer:
        return call(self.app, self.token("dpo", **claims), "POST", f"{ROUTE}/{correlation_id}/approval")

    def result(self, correlation_id: str) -> Any:
        """What an approval delivers."""
        answer = self.approve(correlation_id)
        assert answer.status == 200, answer.body
        return answer.json()["result"]


@pytest.fixture
def gate(app: Any, issuer: Issuer, clock: SetClock) -> Gate:
    return Gate(app, issuer, clock)


def visit(at: datetime, ip: str | None = ADDRESS, **fields: Any) -> None:
    """A visit at an instant."""
    whole = {"browser": "Firefox", "browser_version": "145.0", "platform": "Linux", "referrer": None} | fields
    summary = VisitSummary(**({"ip": ip, "language": "en-SG", "country": "SG"} | whole))
    Visits(table("visits"), policy.load()).record(asdict(summary), at)


def trail() -> list[dict[str, Any]]:
    """The entries of the audit trail, the oldest first."""
    return sorted((row for row in items("audit") if row["part"] == "entry"), key=lambda row: str(row["id"]))
