"""Staff's reading over the template's stores, with the HelpDesk that gives grants and the customer who sees it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from databases.app import build as build_databases
from databases.parts import DatabasesSettings
from databases.parts import Parts as DatabasesParts
from databases.parts import assemble as assemble_databases
from helpdesk.app import build as build_helpdesk
from helpdesk.parts import assemble as assemble_helpdesk
from helpdesk_access.app import build
from helpdesk_access.parts import Parts, assemble
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.models.databases import Database
from privacy.settings import load
from privacy.web.staff import StaffSettings
from tests.unit.customers import Customer, customer, database
from tests.unit.engine import NOON, Answer, SetClock, environment
from tests.unit.staff import Issuer, call

DAYS = timedelta(days=400)


@dataclass(frozen=True)
class Staff:
    """A member of staff at their tools: `reads` is the app that reads content, `desk` the one that gives grants."""

    reads: Any
    desk: Any
    token: str

    def get(self, path: str, **request: Any) -> Answer:
        return call(self.reads, self.token, "GET", f"/helpdesk/databases/{path}", **request)

    def grant(self, made: Database, **changes: Any) -> str:
        """Get a grant; its id."""
        form = {"database_id": made.id, "purpose": "issue", "reason": "An import fails", "hours": 4} | changes
        answer = call(self.desk, self.token, "POST", "/helpdesk/grants", body=form)
        assert answer.status == 201, answer.body
        return str(answer.json()["grant_id"])

    def end(self, grant_id: str) -> None:
        assert call(self.desk, self.token, "DELETE", f"/helpdesk/grants/{grant_id}").status == 204


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def parts(stores: None, clock: SetClock, issuer: Issuer) -> Parts:
    return assemble(load(StaffSettings, issuer.environment("HelpdeskAccessFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def desk(stores: None, clock: SetClock, issuer: Issuer) -> Any:
    desk_parts = assemble_helpdesk(load(StaffSettings, issuer.environment("HelpdeskFunction")), clock)
    return build_helpdesk(lambda: desk_parts)


@pytest.fixture
def grace(app: Any, desk: Any, issuer: Issuer) -> Staff:
    """A member of the HelpDesk."""
    return Staff(app, desk, issuer.token("helpdesk", sub="grace", exp=int((NOON + DAYS).timestamp())))


@pytest.fixture
def alan(app: Any, desk: Any, issuer: Issuer) -> Staff:
    """Another one."""
    return Staff(app, desk, issuer.token("helpdesk", sub="alan", exp=int((NOON + DAYS).timestamp())))


@pytest.fixture
def panel(stores: None, clock: SetClock) -> DatabasesParts:
    """What the customer's control panel stands on."""
    return assemble_databases(load(DatabasesSettings, environment("DatabasesFunction")), clock)


@pytest.fixture
def ada(panel: DatabasesParts) -> Customer:
    return customer(build_databases(lambda: panel), panel)


@pytest.fixture
def made(ada: Customer, panel: DatabasesParts, parts: Parts) -> Database:
    """A database of Ada's away from home, with two records and a file."""
    made = database(panel, ada.owner, region="americas")
    host = parts.host("americas")
    for key in ("canary-key", "other"):
        Records(host, made.id).put(new_record("canary-model", key, b'{"canary-field": 1.50}', NOON))
    Files(host, made.id).put("canary/path.txt", "text/x-canary", b"canary-bytes", NOON)
    return made
