"""A shorter period reaches what is stored: unreadable from its first second, and swept, without a write."""

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import log_purging.app
import log_purging.parts
import policy.app
import policy.parts
import session_expiry.app
import session_expiry.parts
from privacy.models.accounts import Enquiry, PendingSignup
from privacy.models.sessions import Session
from privacy.policy import Document, Policy, documents, versions
from privacy.policy.documents import VERSIONS, read
from privacy.policy.register import MAPPING, REGIONS, parse
from privacy.settings import Deployment, load
from privacy.tables.attempts import Attempts
from privacy.tables.enquiries import Enquiries
from privacy.tables.holds import Holds
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups
from privacy.tables.visits import Visits
from tests.template.source import ROOT
from tests.unit.engine import Context, SetClock, environment, http, items, schedule_event, table

NOW = datetime(2027, 3, 20, 12, 0, tzinfo=UTC)
"""What was stored is tried at this time, under a version that took effect in March."""
BEFORE, LATER = date(2026, 11, 27), date(2027, 3, 1)
SECOND = timedelta(seconds=1)
HASH = "5" * 64


@dataclass(frozen=True)
class Kept:
    """How a kind of thing is stored and read, and by what period it ends."""

    period: str
    shorter: str
    store: str
    put: Callable[[Policy, datetime], object]
    readable: Callable[[Policy, datetime], bool]


def _session(under: Policy, at: datetime) -> None:
    Sessions(table("sessions"), under).create(Session(HASH, "acc_x", at, at))


def _signup(under: Policy, at: datetime) -> None:
    ends = under.retention["signups.pending"].after(at)
    Signups(table("signups"), under).create(PendingSignup("sgn_1", at, ends, b"sealed"))


def _enquiry(under: Policy, at: datetime) -> None:
    ends = under.retention["enquiries.kept"].after(at)
    Enquiries(table("enquiries"), under).create(Enquiry("ENQ-1", at, at, ends, {}))


KINDS = [
    Kept(
        "visits", "P6M", "visits",
        lambda under, at: Visits(table("visits"), under).record({"ip": "203.0.113.7"}, at),
        lambda under, now: bool(list(Visits(table("visits"), under).since(now - timedelta(days=999), now))),
    ),
    Kept(
        "sessions.idle", "P2D", "sessions", _session,
        lambda under, now: Sessions(table("sessions"), under).use(HASH, now) is not None,
    ),
    Kept(
        "sessions.max-age", "P5D", "sessions", _session,
        lambda under, now: Sessions(table("sessions"), under).use(HASH, now) is not None,
    ),
    Kept(
        "signups.pending", "P2D", "signups", _signup,
        lambda under, now: Signups(table("signups"), under).get("sgn_1", now) is not None,
    ),
    Kept(
        "enquiries.kept", "P6M", "enquiries", _enquiry,
        lambda under, now: Enquiries(table("enquiries"), under).get("ENQ-1", now) is not None,
    ),
]  # fmt: skip


def release(folder: Path, period: str, value: str) -> Mapping[date, Document]:
    """Two versions: one that was published, and a later one in which a period is another."""
    for path in [*VERSIONS.glob("*.md"), VERSIONS / f"{BEFORE}.json"]:
        folder.joinpath(path.name).write_bytes(path.read_bytes())
    data: Any = json.loads(json.dumps(dict(documents()[BEFORE].data)))
    data["version"] = LATER.isoformat()
    (row,) = [row for row in data["retention"] if row["id"] == period]
    row["period"] = value
    folder.joinpath(f"{LATER}.json").write_text(json.dumps(data), "utf-8")
    return read(folder)


def loaded(document: Document) -> Policy:
    """A version as the functions get it."""
    regions, mapping = (json.loads(path.read_text("utf-8")) for path in (REGIONS, MAPPING))
    return parse(document.data, regions, mapping)


def sweep(store: str, under: Policy, clock: SetClock) -> int:
    """What the schedule of a store removes under a version."""
    handler: Any
    if store == "visits":
        visits, holds = Visits(table("visits"), under), Holds(table("holds"), under)
        purging = log_purging.parts.Parts(clock, under.retention["visits"], visits, holds)
        handler = log_purging.app.build(lambda: purging)
    else:
        stores = {
            "sessions": Sessions(table("sessions"), under).expiring(),
            "attempts": (Attempts(table("sessions"), under).expiring(),),
            "signups": (Signups(table("signups"), under).expiring(),),
            "enquiries": (Enquiries(table("enquiries"), under).expiring(),),
        }
        assembled = session_expiry.parts.assemble(load(Deployment, environment("SessionExpiryFunction")), clock)
        expiring = replace(assembled, stores=stores, of_accounts={})
        handler = session_expiry.app.build(lambda: expiring)
    return int(handler(schedule_event(clock()), Context())[store]["removed"])


@pytest.mark.promise(
    "policy.single-source", "visits.retention", "sessions.idle", "sessions.max-age", "signup.confirmed"
)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.period)
def test_a_shorter_period_hides_and_sweeps_what_is_stored_already_and_the_page_says_it(
    stores: None, tmp_path: Path, kind: Kept
) -> None:
    clock = SetClock(NOW)
    old, found = versions()[BEFORE], release(tmp_path, kind.period, kind.shorter)
    new = loaded(found[LATER])
    origin = NOW - new.retention[kind.period].delta
    kind.put(old, origin)
    before = items(kind.store)
    assert sweep(kind.store, old, clock) == 0
    assert not kind.readable(new, NOW), "unreadable from its first second under the shorter one"
    assert items(kind.store) == before, "nothing was written for that"
    assert sweep(kind.store, new, clock) == 1
    assert items(kind.store) == []
    kind.put(old, origin + SECOND)
    assert kind.readable(new, NOW), "a second younger, it is still there"
    assert sweep(kind.store, new, clock) == 0
    page = policy.parts.Parts(load(Deployment, environment("PolicyFunction")), clock, found)
    told = http(policy.app.build(lambda: page), "GET", "/policy").json()
    (row,) = [row for row in told["retention"] if row["id"] == kind.period]
    assert (row["period"], row["in_words"]) == (kind.shorter, new.retention[kind.period].words)
    assert f"| {new.retention[kind.period].words} |" in told["text"]


@pytest.mark.promise("policy.single-source")
def test_what_is_readable_under_the_period_in_force_was_readable_before(stores: None) -> None:
    """The other side: under the version in force the same things are there."""
    old = versions()[max(versions())]
    for kind in KINDS[:1] + KINDS[3:]:
        kind.put(old, NOW - SECOND)
        assert kind.readable(old, NOW)


NOT_YET: set[str] = set()
"""Published ahead of the functions that will obey them."""


@pytest.mark.promise("policy.single-source")
def test_every_published_period_is_one_that_code_asks_for_by_its_id() -> None:
    asked = {
        node.value
        for folder in (ROOT / "functions", ROOT / "layers/models/python/privacy")
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for document in documents().values():
        by_cookies = {each["period"] for row in document.data["cookies"] for each in row["cookies"]}  # web.cookies
        assert {row["id"] for row in document.data["retention"]} - asked - by_cookies <= NOT_YET
