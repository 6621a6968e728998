"""The wait for kept databases: what is refused, what goes on working, what is told (promise rights.erase)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from privacy.aws import client
from privacy.clock import rfc3339
from privacy.models.accounts import BEING_ERASED, Account
from privacy.models.correlations import Correlation, Question
from privacy.models.correlations import Ground as CorrelationGround
from privacy.models.databases import Database, Status
from privacy.models.holds import Ground, Hold, Scope
from privacy.subjects.person import person_of
from privacy.tables.correlations import Correlations
from privacy.tables.holds import Holds
from privacy.vault.tokens import Pseudonyms
from tests.unit.customers import Customer
from tests.unit.engine import ASIA, Answer, SetClock, http, items, table
from tests.unit.interference import before_each_call
from tests.unit.people import CANARIES, signed_up
from tests.unit.rights.conftest import World

pytestmark = pytest.mark.promise("rights.erase")

KEEP = "keep-until-grace-ends"
STORES = ("accounts", "databases", "signups", "access", "jobs", "keys", "billing", "enquiries")

Write = Callable[[World, Customer, Database], Answer]


def at(app: Any, person: Customer) -> Customer:
    """The same person at another function."""
    return replace(person, app=app)


def new_database(world: World, person: Customer, made: Database) -> Answer:
    return at(world.control, person).post("/databases", body={"name": "Canary Late Oxbow"})


def support(world: World, person: Customer, made: Database) -> Answer:
    route = f"/databases/{made.id}/support-requests"
    return at(world.control, person).post(route, body={"message": "Canary Late Oxbow"})


def reactivation(world: World, person: Customer, made: Database) -> Answer:
    return at(world.control, person).delete(f"/databases/{made.id}/cancellation")


def correction(world: World, person: Customer, made: Database) -> Answer:
    return person.send("PATCH", "/account", body={"name": "Canary Late Oxbow"})


def new_address(world: World, person: Customer, made: Database) -> Answer:
    return person.send("PATCH", "/account", body={"email": "canary-late-oxbow@example.org"})


def confirmation(world: World, person: Customer, made: Database) -> Answer:
    token = world.ses.token("canary-new-oxbow@example.org")
    return person.post("/account/email/confirmation", body={"token": token})


def consent(world: World, person: Customer, made: Database) -> Answer:
    return at(world.choices, person).put("/account/marketing", body={"agreed": True})


WRITES = [new_database, support, reactivation, correction, new_address, confirmation, consent]


def begun(world: World) -> tuple[Customer, Database]:
    """Somebody with everything, one of whose databases is cancelled."""
    person, made = world.whole()
    cancelled = at(world.control, person).post(f"/databases/{made.id}/cancellation")
    assert cancelled.status == 200
    return person, made


def stored() -> dict[str, list[str]]:
    return {store: sorted(map(repr, items(store))) for store in STORES}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("delivered", [False, True], ids=["approved", "under-way"])
def test_what_would_be_undone_is_refused_and_nothing_is_written(world: World, write: Write, delivered: bool) -> None:
    person, made = begun(world)
    world.approved(person, KEEP)
    if delivered:
        world.deliver()
    before = stored()
    answer = write(world, person, made)
    assert (answer.status, "being erased" in answer.json()["detail"]) == (409, True), answer.body
    assert stored() == before


@pytest.mark.parametrize("write", WRITES)
def test_without_an_erasure_the_same_is_taken(world: World, write: Write) -> None:
    person, made = begun(world)
    assert write(world, person, made).status < 300


def asked(world: World, person: Customer) -> Callable[[], Answer]:
    """Ask for an erasure; what approves it."""
    request_id = person.post("/account/erasure", body={"databases": KEEP}).json()["request_id"]
    decision = {"decision": "approve", "reason": "as asked"}
    return lambda: world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body=decision)


@contextmanager
def before_the(number: int, call: str, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen right before a call of a kind, counted from 1."""
    seen: list[str] = []

    def step(name: str) -> None:
        if name == call:
            seen.append(name)
            if len(seen) == number:
                act()

    with before_each_call(step):
        yield


@pytest.mark.parametrize(
    ("write", "number", "call"),
    [
        (new_database, 1, "dynamodb.TransactWriteItems"),
        (new_database, 1, "kms.GenerateDataKey"),
        (support, 1, "dynamodb.TransactWriteItems"),
        (reactivation, 1, "dynamodb.TransactWriteItems"),
        (correction, 2, "dynamodb.UpdateItem"),
        (new_address, 2, "dynamodb.UpdateItem"),
        (confirmation, 1, "dynamodb.TransactWriteItems"),
        (consent, 2, "dynamodb.UpdateItem"),
    ],
)
def test_an_approval_at_the_same_moment_leaves_nothing_of_it(
    world: World, write: Write, number: int, call: str
) -> None:
    person, made = begun(world)
    with before_the(number, call, asked(world, person)):
        answer = write(world, person, made)
    assert (answer.status, answer.json()["detail"]) == (409, BEING_ERASED)
    account = world.panel_parts.accounts.get(person.account_id)
    assert account is not None
    assert account.profile == {"kind": "subscription", "email": CANARIES["email"]}
    assert not account.marketing.agreed
    world.deliver()
    found = world.databases.get(made.id)
    assert found is not None
    assert (found.status, found.since) == (Status.DEACTIVATED, made.since)
    # A correction had reached the bill, which a law keeps, under the name that its person gave last.
    late = {store for store, rows in stored().items() if "late-oxbow" in repr(rows).lower().replace(" ", "-")}
    assert late <= ({"billing"} if write is correction else set())
    assert len(items("databases")) == 1


def test_what_a_person_needs_meanwhile_goes_on_working(world: World) -> None:
    person, made = begun(world)
    assert at(world.choices, person).put("/account/marketing", body={"agreed": True}).status == 200
    world.approved(person, KEEP)
    world.deliver()
    assert world.sign_in().status == 201
    person = world.subscriber_again(person)
    control = at(world.control, person)
    for route in ("/account", "/account/data", "/account/erasure"):
        assert person.get(route).status == 200
    assert control.get("/databases").status == 200
    assert control.get(f"/databases/{made.id}/access-log").status == 200
    assert control.post(f"/databases/{made.id}/exports").status == 202
    assert person.post("/account/data/exports").status == 202
    choices = at(world.choices, person)
    assert choices.get("/account/marketing").json()["agreed"] is False
    assert choices.put("/account/marketing", body={"agreed": False}).status == 200
    deleted = control.post(f"/databases/{made.id}/deletion", body={"confirm": CANARIES["company"]})
    assert deleted.status == 202
    world.deliver()
    world.tick()
    world.deliver()
    assert items("erasures")[0]["status"] == "erased"


def test_from_the_approval_on_no_marketing_leaves_and_the_profile_is_shrunk(world: World) -> None:
    person, _ = begun(world)
    at(world.choices, person).put("/account/marketing", body={"agreed": True})
    world.approved(person, KEEP)
    (row,) = [row for row in items("accounts") if row["id"] == person.account_id]
    assert row["profile"] == {"kind": "subscription", "email": CANARIES["email"]}
    assert not {"marketing_shard", "marketing_at", "captcha_score"} & row.keys()


def test_a_link_that_opts_out_is_taken_meanwhile(world: World, clock: SetClock) -> None:
    person, _ = begun(world)
    world.approved(person, KEEP)
    until = world.panel_parts.policy.retention["marketing.link"].after(clock())
    token = world.panel_parts.links().token("opt-out", person.account_id, until)
    answer = http(world.choices, "POST", f"/marketing/opt-out/{token}")
    assert (answer.status, answer.json()["agreed"]) == (200, False)


def test_of_an_account_that_is_being_closed_no_database_is_made(world: World) -> None:
    person, made = begun(world)
    world.approved(person)
    for write in (new_database, support, reactivation):
        assert write(world, person, made).json()["detail"] == BEING_ERASED


# --- the copies of one's data ----------------------------------------------------------------------------------------


def test_exports_made_meanwhile_stay_until_the_end_and_earlier_ones_go(world: World, clock: SetClock) -> None:
    person, made = begun(world)
    (early,) = [row["id"] for row in items("jobs") if row["id"].startswith("exp")]
    world.approved(person, KEEP)
    world.deliver()
    assert person.get(f"/account/data/exports/{early}").status == 404
    assert objects(person) == []
    clock.advance(seconds=1)
    person = world.subscriber_again(person)
    export_id = person.post("/account/data/exports").json()["export_id"]
    world.deliver()
    for _ in range(2):
        clock.advance(minutes=15)
        world.tick()
        world.deliver()
    told = person.get(f"/account/data/exports/{export_id}").json()
    assert (told["status"], told["url"] is not None) == ("ready", True)
    assert objects(person) == [f"exports/{person.account_id}/{export_id}.zip"]
    at(world.control, person).post(f"/databases/{made.id}/deletion", body={"confirm": CANARIES["company"]})
    world.deliver()
    world.tick()
    world.deliver()
    assert items("erasures")[0]["status"] == "erased"
    assert objects(person) == []
    assert [row for row in items("jobs") if row["database_id"] == person.account_id] == []


def objects(person: Customer) -> list[str]:
    """The keys of a person's export files."""
    bucket = f"perfectwork-transfer-123456789012-{ASIA}"
    listed = client("s3", ASIA).list_objects_v2(Bucket=bucket, Prefix=f"exports/{person.account_id}/")
    return [str(entry["Key"]) for entry in listed.get("Contents", [])]


def test_an_enquiry_made_meanwhile_stays_to_be_answered(world: World, clock: SetClock) -> None:
    person, _ = begun(world)
    world.approved(person, KEEP)
    world.deliver()
    assert items("enquiries") == []
    clock.advance(seconds=1)
    signed_up(world.website, "contact")
    world.tick()
    world.deliver()
    assert len(items("enquiries")) == 1


# --- what is told of it ----------------------------------------------------------------------------------------------


def test_what_is_gone_and_what_is_there_still_is_told(world: World, clock: SetClock) -> None:
    person, made = begun(world)
    purge_at = at(world.control, person).get(f"/databases/{made.id}").json()["purge_at"]
    held = world.panel_parts.registry.everything(person_of(account_of(world, person), pseudonyms(world)), clock())
    assert person.post("/account/erasure", body={"databases": KEEP}).status == 202
    assert person.get("/account/erasure").json()["erased"] == []
    request_id = person.get("/account/erasure").json()["request_id"]
    decision = {"decision": "approve", "reason": "as asked"}
    world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body=decision)
    early = person.get("/account/erasure").json()
    assert [row["category"] for row in early["erased"]] == ["account"]  # nobody looked at the rest yet
    assert {row["category"]: row["until"] for row in early["kept"]}["enquiries"] is None
    world.deliver()
    told = person.get("/account/erasure").json()
    erased = {row["category"]: row["count"] for row in told["erased"]}
    for category in ("enquiries", "billing", "data-exports", "address-change"):
        assert erased[category] == len(held[category]) > 0, category
    assert erased["account"] == 1
    assert {"sessions", "databases"}.isdisjoint(erased)
    kept = {row["category"]: row for row in told["kept"]}
    assert kept["billing"]["why"].startswith("the law requires")
    assert (kept["account"]["until"], kept["databases"]["until"]) == (purge_at, purge_at)
    assert {"email", "password"} <= set(kept["account"]["fields"])
    assert not {"name", "company", "phone", "captcha_score"} & set(kept["account"]["fields"])
    assert kept["sessions"]["count"] == len(items("sessions")) - attempts()
    assert "sign in" in kept["sessions"]["why"]
    for row in told["kept"]:
        assert row["why"]
    assert kept.keys() == {"billing", "databases", "account", "sessions", "sign-in-attempts", "erasure-requests"}


def attempts() -> int:
    """Rows of the sessions' table that count attempts."""
    return len([row for row in items("sessions") if "account_id" not in row])


def account_of(world: World, person: Customer) -> Account:
    found = world.panel_parts.accounts.get(person.account_id)
    assert found is not None
    return found


def pseudonyms(world: World) -> Pseudonyms:
    return world.panel_parts.pseudonyms()


# --- what is withheld, and outlives an erasure for a while -----------------------------------------------------------


def certificate(world: World) -> dict[str, Any]:
    """The certificate in the latest mail."""
    mail = world.ses.to(CANARIES["email"])[-1]
    document: dict[str, Any]
    document, _ = json.JSONDecoder().raw_decode(mail[mail.index("{") :])
    return document


def rows_of_what_is_withheld(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["what"].partition(" ")[0], row["until"]) for row in rows if "if any" in row["what"]]


@pytest.mark.parametrize("inquired", [True, False])
def test_what_names_the_account_for_a_while_longer_is_told_with_its_end_to_everybody(
    world: World, clock: SetClock, inquired: bool
) -> None:
    person, _ = begun(world)
    policy, now = world.panel_parts.policy, clock()
    holds, correlations = Holds(table("holds"), policy), Correlations(table("correlations"), policy)
    if inquired:
        scope, until = Scope(account_id=person.account_id), now + timedelta(seconds=1)
        holds.create(Hold("hld_ended", "staff", Ground.SECURITY, "Canary Case Oxbow", scope, now, until))
        asked = Question(person.account_id, now - timedelta(days=1), now, "case-1")
        made = Correlation("cor_waits", CorrelationGround.LAW, "staff", now, asked)
        world.panel_parts.transact([correlations.create_operation(made, asked)])
        clock.advance(seconds=1)
    request = person.post("/account/erasure", body={"databases": "delete-now"}).json()["request_id"]
    route, body = f"/helpdesk/erasures/{request}/decision", {"decision": "approve", "reason": "as asked"}
    tried = world.staff("POST", f"{route}?dry_run=true", body=body).json()
    assert [what for what, _ in rows_of_what_is_withheld(tried["withheld"])] == ["holds", "requests"]
    assert world.staff("POST", route, body=body).status == 200
    world.deliver()
    told = certificate(world)
    ended = datetime.fromisoformat(told["erased_at"])
    ends = {"holds": policy.retention["holds.kept"], "requests": policy.retention["correlations.pending"]}
    kept = rows_of_what_is_withheld(told["kept"])
    assert kept == [(what, rfc3339(period.after(ended))) for what, period in ends.items()]
    names = {store for store in ("holds", "correlations", *STORES) if person.account_id in repr(items(store))}
    assert names == ({"holds", "correlations"} if inquired else set())
    by_then = {what: datetime.fromisoformat(until) for what, until in kept}
    assert [hold_id for hold_id, _ in holds.due(by_then["holds"])] == (["hld_ended"] if inquired else [])
    assert correlations.get("cor_waits", by_then["requests"]) is None
