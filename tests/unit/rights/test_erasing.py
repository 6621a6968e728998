"""Erasure: asked for, decided, carried out, proved; and what a law keeps (promise rights.erase)."""

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import databases.app
import databases.parts
import erasure.app
import erasure.parts
import session_expiry.app
import session_expiry.parts
from account import erasing
from account.parts import Caller
from erasure.post import Post
from local.certificates import check
from privacy.aws import client
from privacy.models.databases import Status
from privacy.models.erasures import Databases as Choice
from privacy.models.erasures import ErasureStateError, NewErasure
from privacy.models.holds import Ground, Hold, Scope
from privacy.settings import Deployment, load
from privacy.subjects.person import person_of
from privacy.tables.holds import Holds
from privacy.tables.store import instant
from tests.unit.customers import database
from tests.unit.engine import (
    Context,
    SetClock,
    back_to,
    environment,
    everything,
    failures,
    http,
    items,
    messages,
    moment,
    schedule_event,
    sqs_event,
)
from tests.unit.engine import table as engine_table
from tests.unit.people import ADDRESS, CANARIES, MESSAGE, ORDER
from tests.unit.rights.conftest import World
from tests.unit.staff import call

pytestmark = pytest.mark.promise("rights.erase")

TYPED = [CANARIES[name] for name in ("email", "name", "company", "phone", "sector", "interest")]
TYPED += ["Canary Street Oxbow", MESSAGE, ORDER["description"], ORDER["reference"]]
TYPED += ["Canary Wish Oxbow", "canary-new-oxbow"]
BY_LAW = [CANARIES["name"], "Canary Street Oxbow", ORDER["description"], ORDER["reference"]]


def left() -> list[str]:
    held = everything()
    return [needle for needle in TYPED if needle.encode() in held]


def test_everything_goes_but_what_a_law_keeps_and_that_goes_on_its_date(world: World, clock: SetClock) -> None:
    person, made = world.whole()
    request_id = world.approved(person)
    world.deliver()
    assert sorted(left()) == sorted(BY_LAW)
    (record,) = items("billing")
    assert set(record["fields"]) == {"amount", "currency", "description", "reference", "name", "postal_address"}
    assert "account_id" not in record
    assert [row for row in items("accounts") if row] == []
    assert items("sessions") == []
    assert items("enquiries") == []
    assert items("jobs") == []
    (request,) = items("erasures")
    assert request["status"] == "erased"
    assert not {"account_id", "message", "reason", "address", "signup_id", "change_id", "open_shard"} & set(request)
    assert request["destroyed"] == [made.id]
    assert request["notices"] == [{"processor": "stripe", "billing": [record["id"]]}]
    assert request_id == request["id"]

    sweep = session_expiry.parts.assemble(load(Deployment, environment("SessionExpiryFunction")), clock)
    ordered = instant(record["recorded_at"])
    clock.set(ordered.replace(year=ordered.year + 5))
    clock.advance(seconds=-1)
    session_expiry.app.build(lambda: sweep)(schedule_event(clock()), Context())
    assert len(items("billing")) == 1
    clock.advance(seconds=1)
    session_expiry.app.build(lambda: sweep)(schedule_event(clock()), Context())
    assert left() == []


def test_from_the_approval_on_nobody_signs_in_and_no_session_counts(world: World) -> None:
    person, _ = world.whole()
    world.approved(person)
    assert world.sign_in().status == 401
    assert person.get("/account").status == 401
    assert person.get("/account/data").status == 401


def test_the_certificate_goes_by_mail_and_is_genuine(world: World) -> None:
    person, _ = world.whole()
    world.approved(person)
    world.deliver()
    mail = world.ses.to(CANARIES["email"])[-1]
    assert "billing" in mail
    assert "2031-11-24" in mail
    assert "stripe" in mail
    document = mail[mail.index("{") :]
    certificate, _ = json.JSONDecoder().raw_decode(document)
    assert certificate["format"] == "perfectwork-erasure-certificate/1"
    checked = check(json.dumps(certificate).encode())
    assert checked.document["request_id"] == items("erasures")[0]["id"]
    stores = {store["store"]: store for store in certificate["stores"]}
    assert stores["sessions"]["removed"] >= 1
    assert stores["billing"]["removed"] == 1
    assert all(check["left"] == 0 for store in certificate["stores"] for check in store["checks"])
    assert all(len(store["checks"]) == 2 for store in certificate["stores"])
    assert any("point-in-time" in row["what"] for row in certificate["unreachable"])
    assert not [needle for needle in TYPED if needle in json.dumps(certificate, ensure_ascii=False)]
    assert person.account_id not in json.dumps(certificate)


def test_a_dry_run_tells_what_would_go_and_changes_nothing(world: World) -> None:
    person, made = world.whole()
    asked = person.post("/account/erasure", body={"databases": "delete-now"}).json()
    before = {name: items(name) for name in ("accounts", "sessions", "billing", "enquiries", "erasures", "databases")}
    answer = world.staff(
        "POST",
        f"/helpdesk/erasures/{asked['request_id']}/decision?dry_run=true",
        body={"decision": "approve", "reason": "a look"},
    )
    assert answer.status == 200, answer.body
    told = answer.json()
    going = {entry["category"]: entry["count"] for entry in told["would_go"]}
    assert going["account"] == 2
    assert going["billing"] == going["enquiries"] == going["databases"] == 1
    assert told["kept"][0]["category"] == "billing"
    assert told["kept"][0]["until"].startswith("2031-11-24")
    assert told["kept"][0]["why"]
    assert told["databases_affected"] == [{"id": made.id, "status": "active", "then": "destroyed at once"}]
    assert told["processors_to_tell"] == ["stripe"]
    assert {name: items(name) for name in before} == before
    assert messages("erasure") == []


def test_a_request_counts_down_to_its_due_date(world: World, clock: SetClock) -> None:
    person = world.subscriber()
    asked = person.post("/account/erasure", body={"databases": "delete-now"}).json()
    assert asked["due_date"] == "2026-12-24T12:00:00Z"
    clock.advance(days=3)
    follow = person.get("/account/erasure").json()
    assert (follow["status"], follow["days_left"]) == ("requested", 27)
    (listed,) = world.staff("GET", "/helpdesk/erasures").json()["items"]
    assert (listed["request_id"], listed["days_left"], listed["overdue"]) == (asked["request_id"], 27, False)
    clock.advance(days=27, seconds=1)
    (listed,) = world.staff("GET", "/helpdesk/erasures").json()["items"]
    assert (listed["days_left"], listed["overdue"]) == (0, True)
    assert world.tick()["erasures"]["lag_seconds"] == 1


def test_a_refusal_is_told_with_its_reason_and_nothing_goes(world: World) -> None:
    person, _ = world.whole()
    request_id = person.post("/account/erasure", body={"databases": "delete-now"}).json()["request_id"]
    route = f"/helpdesk/erasures/{request_id}/decision"
    refused = world.staff("POST", route, body={"decision": "refuse", "reason": "we could not tell who you are"})
    assert refused.json()["status"] == "refused"
    follow = person.get("/account/erasure").json()
    assert (follow["status"], follow["reason"]) == ("refused", "we could not tell who you are")
    assert world.staff("POST", route, body={"decision": "approve", "reason": "x"}).status == 409
    (trace,) = [row for row in items("audit") if row["action"] == "erasure.not-done"]
    assert json.loads(trace["facts"]) == {"decision": "approve"}
    assert messages("erasure") == []
    assert person.post("/account/erasure", body={"databases": "delete-now"}).status == 202


def test_one_request_at_a_time(world: World) -> None:
    person = world.subscriber()
    headers = {"Idempotency-Key": "k"}
    first = person.post("/account/erasure", body={"databases": "delete-now"}, headers=headers)
    assert person.post("/account/erasure", body={"databases": "delete-now"}, headers=headers).json() == first.json()
    assert person.post("/account/erasure", body={"databases": "delete-now"}).status == 409
    other = world.subscriber(email="other@example.org")
    assert other.get("/account/erasure").status == 404


def test_of_requests_at_the_same_moment_one_is_open(world: World) -> None:
    """Each has read the account before any of them wrote."""
    person = world.subscriber()
    account = world.panel_parts.accounts.get(person.account_id)
    assert account is not None
    whose = person_of(account, world.panel_parts.pseudonyms())
    session = next(world.panel_parts.sessions.of_account(account.id))
    who = Caller(account, whose, session, world.clock())
    form = NewErasure(databases=Choice.DELETE)
    erasing.ask(world.panel_parts, who, form, erasing.plan())
    table = world.panel_parts.erasures.table
    blind = replace(world.panel_parts.erasures, table=replace(table, client=Unindexed(table.client)))
    late = replace(world.panel_parts, erasures=blind)
    with pytest.raises(ErasureStateError):
        erasing.ask(late, who, form, erasing.plan())
    assert len(items("erasures")) == 1


class Unindexed:
    """A client whose indexes are a moment behind: a Query finds nothing yet."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return (lambda **_: {"Items": []}) if name == "query" else getattr(self._client, name)


def test_a_card_number_in_a_reason_is_refused(world: World) -> None:
    person = world.subscriber()
    request_id = person.post("/account/erasure", body={"databases": "delete-now"}).json()["request_id"]
    body = {"decision": "refuse", "reason": "card 4111 1111 1111 1111"}
    refused = world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body=body)
    assert list(refused.errors) == ["reason"]
    assert b"4111" not in everything()


@pytest.mark.parametrize(
    "body",
    [{}, {"databases": "maybe"}, {"databases": "delete-now", "message": "4111 1111 1111 1111"}, {"databases": None}],
)
def test_a_wrong_request_stores_nothing(world: World, body: Any) -> None:
    person = world.subscriber()
    assert person.post("/account/erasure", body=body).status == 422
    assert items("erasures") == []


@pytest.mark.parametrize("request_id", ["ers_", "ers_" + "a" * 26, "ers_" + "A" * 26, "dsc_" + "a" * 26, "e" * 3000])
def test_what_is_no_request_is_404_and_nothing_of_it_is_on_record(world: World, request_id: str) -> None:
    decision = {"decision": "approve", "reason": "as asked"}
    assert world.staff("GET", f"/helpdesk/erasures/{request_id}").status == 404
    assert world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body=decision).status == 404
    assert items("audit") == []


@pytest.mark.parametrize("role", ["dpo", "security"])
def test_the_desk_is_for_the_helpdesk_alone_and_every_act_is_on_record(world: World, role: str) -> None:
    person = world.subscriber()
    request_id = person.post("/account/erasure", body={"databases": "delete-now"}).json()["request_id"]
    token = world.issuer.token(role)
    assert call(world.desk, token, "GET", "/helpdesk/erasures").status == 403
    assert call(world.desk, None, "POST", f"/helpdesk/erasures/{request_id}/decision").status == 401
    world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body={"decision": "approve", "reason": "canary"})
    (entry,) = [row for row in items("audit") if row["action"] == "erasure.approve"]
    assert entry["subject"] == request_id
    assert "person-helpdesk" not in json.dumps(items("audit"), default=str)
    assert "canary" not in json.dumps(items("audit"), default=str)


# --- databases kept until their grace period ends --------------------------------------------------------------------


def test_kept_databases_keep_the_sign_in_until_they_are_destroyed(world: World, clock: SetClock) -> None:
    person, made = world.whole()
    world.approved(person, "keep-until-grace-ends")
    world.deliver()
    table = world.website_parts.databases
    closed = table.get(made.id)
    assert closed is not None
    assert (closed.status, closed.is_final) == (Status.DEACTIVATED, True)
    assert "address" not in items("erasures")[0]  # it may change; it is noted when the account is closed
    # All but the address, with which the person signs in to export, is gone or kept by law.
    name_of_database = [CANARIES["company"]]
    assert sorted(left()) == sorted([*BY_LAW, CANARIES["email"], *name_of_database, "Canary Wish Oxbow"])
    assert world.sign_in().status == 201
    person = world.subscriber_again(person)
    follow = person.get("/account/erasure").json()
    assert follow["status"] == "approved"
    (kept,) = [kept for kept in follow["kept"] if kept["category"] == "databases"]
    assert kept["until"] == "2026-12-15T12:0" + kept["until"][len("2026-12-15T12:0") :]
    assert person.get("/account").json()["name"] is None
    # The grace period ends: database_expiry gives it to its deletion, and the next tick ends the account.
    table.change(table.change(closed, Status.DELETING, clock()), Status.DESTROYED, clock())
    world.tick()
    world.deliver()
    assert sorted(left()) == sorted(BY_LAW)
    assert items("erasures")[0]["status"] == "erased"


@pytest.mark.parametrize(("days", "due"), [(8, "2026-12-24T12:00:00Z"), (20, "2027-01-05T12:00:00Z")])
def test_what_is_kept_until_the_grace_period_ends_is_not_overdue_before(
    world: World, clock: SetClock, days: int, due: str
) -> None:
    person, _ = world.whole()
    asked = person.post("/account/erasure", body={"databases": "keep-until-grace-ends"}).json()
    assert asked["due_date"] == "2026-12-24T12:00:00Z"
    clock.advance(days=days)
    route, body = f"/helpdesk/erasures/{asked['request_id']}", {"decision": "approve", "reason": "as asked"}
    assert world.staff("POST", f"{route}/decision", body=body).json()["due_date"] == due
    clock.set(datetime.fromisoformat(due))
    assert world.tick()["erasures"]["lag_seconds"] == 0
    clock.advance(seconds=1)
    assert world.tick()["erasures"]["lag_seconds"] == 1


def test_a_database_of_somebody_who_is_being_erased_cannot_be_reactivated(world: World, clock: SetClock) -> None:

    person, made = world.whole()
    world.approved(person, "keep-until-grace-ends")
    world.deliver()
    parts = databases.parts.assemble(load(databases.parts.DatabasesSettings, environment("DatabasesFunction")), clock)
    panel = databases.app.build(lambda: parts)
    cookie = str(world.sign_in().cookie)
    headers = {"X-Requested-With": "t"}
    answer = http(panel, "DELETE", f"/databases/{made.id}/cancellation", cookie=cookie, headers=headers)
    assert answer.status == 409
    assert "being erased" in answer.json()["detail"]
    assert world.website_parts.databases.get(made.id).status is Status.DEACTIVATED  # type: ignore[union-attr]


def test_a_new_database_that_was_made_meanwhile_goes_too(world: World, clock: SetClock) -> None:
    person, made = world.whole()
    world.approved(person, "keep-until-grace-ends")
    world.deliver()
    late = database(world.website_parts, person.owner, name="Late")
    table = world.website_parts.databases
    first = table.get(made.id)
    assert first is not None
    table.change(table.change(first, Status.DELETING, clock()), Status.DESTROYED, clock())
    world.tick()
    world.deliver()
    found = table.get(late.id)
    assert found is not None
    assert found.status is Status.DEACTIVATED
    assert items("erasures")[0]["status"] == "approved"


# --- crashes, repetitions, and what comes late -----------------------------------------------------------------------


class Crash(BaseException):
    """The worker is killed."""


WRITES = ("put", "update", "delete", "transact", "batch_write", "send", "sign", "abort")
"""How the calls begin that change something, or are the last before such a one: a worker that dies before a reading
call has done what one does that dies before the next writing one.
"""


class Mortal:
    """A client that is killed before its n-th writing call."""

    def __init__(self, client: Any, calls: list[int], at: int) -> None:
        self._client, self._calls, self._at = client, calls, at

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not name.startswith(WRITES):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._calls[0] += 1
            if self._calls[0] == self._at:
                raise Crash
            return found(*arguments, **named)

        return call


def mortal_worker(world: World, calls: list[int], at: int) -> Any:

    def clients(service: str, region: str) -> Any:
        return Mortal(client(service, region), calls, at)

    worker = erasure.parts.assemble(
        load(erasure.parts.ErasureSettings, environment("ErasureFunction")), world.clock, clients
    )
    worker = replace(worker, post=Post(replace(worker.post.letters, ses=world.ses)))
    return erasure.app.build(lambda: worker)


def carried_until_crash(world: World, handler: Any) -> bool:
    """Carry messages until the request is done with, or the worker is killed; whether it was."""
    ticks = 0
    while items("erasures")[0].get("open_shard"):
        for body in messages("erasure"):
            try:
                assert failures(handler(sqs_event([body], "erasure"), Context())) == []
            except Crash:
                return True
        world.destroy()
        ticks += 1
        world.pass_time(ticks)
    return False


def test_killed_before_any_write_it_ends_erased_all_the_same(world: World) -> None:
    """The worker dies before its n-th write, for every n of some; a tick wakes what it left."""

    person, _ = world.whole()
    world.approved(person)
    begun = moment(world.clock)
    every = 1 if os.environ.get("SIM_SEEDS") else 6  # all of them in `make prove`
    at = 1 - every
    while True:
        at += every
        world.ses.sent.clear()
        crashed = carried_until_crash(world, mortal_worker(world, [0], at))
        if crashed:
            world.tick()
            world.deliver()
        assert sorted(left()) == sorted(BY_LAW), at
        (request,) = items("erasures")
        assert request["status"] == "erased", at
        assert "address" not in request, at
        assert world.ses.to(CANARIES["email"]), at
        if not crashed:
            break
        back_to(begun)
    assert at > 20


def test_what_is_written_late_is_found_by_the_second_look(world: World, clock: SetClock) -> None:
    person, _ = world.whole()
    world.approved(person)
    late = next(row for row in items("sessions") if "account_id" in row)
    handler = world.worker
    for _ in range(30):
        bodies = messages("erasure")
        for body in bodies:
            handler(sqs_event([body], "erasure"), Context())
        if any(row.get("settles_at") for row in items("removals")):
            break
        world.destroy()
        clock.advance(seconds=61)
    world.panel_parts.sessions.table.put({**late, "token_hash": "f" * 64})
    for _ in range(3):  # the message fails once, and comes again
        for body in messages("erasure") or [json.dumps({"id": items("erasures")[0]["id"]})]:
            handler(sqs_event([body], "erasure"), Context())
        clock.advance(seconds=61)
    world.tick()
    world.deliver()
    assert items("sessions") == []
    assert items("erasures")[0]["status"] == "erased"


def test_messages_repeated_late_or_forged_erase_nobody(world: World) -> None:
    person, _ = world.whole()
    request_id = person.post("/account/erasure", body={"databases": "delete-now"}).json()["request_id"]
    before = items("accounts")
    bodies = [{"id": request_id}, {"id": f"ers_{'a' * 26}"}, {"id": person.account_id}]
    assert failures(world.worker(sqs_event(bodies, "erasure"), Context())) == ["message-2"]
    assert items("accounts") == before
    world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body={"decision": "approve", "reason": "as asked"})
    world.deliver()
    world.ses.sent.clear()
    assert failures(world.worker(sqs_event([{"id": request_id}] * 2, "erasure"), Context())) == []
    assert world.ses.sent == []


def test_the_mail_is_sent_again_until_ses_takes_it_and_then_the_address_is_gone(world: World, capsys: Any) -> None:
    person, _ = world.whole()
    request_id = world.approved(person)
    ticks = 0
    while items("erasures")[0]["status"] != "erased":
        for body in messages("erasure"):
            world.worker(sqs_event([body], "erasure"), Context())
        world.destroy()
        ticks += 1
        world.pass_time(ticks)
    world.ses.sent.clear()
    world.ses.broken = 1
    assert failures(world.worker(sqs_event([{"id": request_id}], "erasure"), Context())) != []
    assert items("erasures")[0]["address"] == CANARIES["email"]
    printed = capsys.readouterr()
    assert "oxbow" not in (printed.out + printed.err).lower()
    world.tick()
    world.deliver()
    assert len(world.ses.to(CANARIES["email"])) == 1
    assert "address" not in items("erasures")[0]


def test_signing_up_again_starts_from_nothing(world: World) -> None:
    person, _ = world.whole()
    world.approved(person)
    world.deliver()
    again = world.subscriber()
    assert again.account_id != person.account_id
    assert again.get("/account/erasure").status == 404
    found = again.get("/account/data?limit=1000").json()["items"]
    assert len([item for item in found if item["category"] == "billing"]) == 1
    assert not [item for item in found if item["category"] in ("enquiries", "databases", "data-exports")]


def test_no_message_of_an_erasure_holds_more_than_ids(world: World) -> None:
    person, _ = world.whole()
    world.approved(person)
    for body in messages("erasure"):
        assert set(json.loads(body)) == {"id"}
        assert "oxbow" not in body.lower()
    assert ADDRESS  # the fixture's own


@pytest.mark.promise("visits.retention")
def test_what_a_hold_keeps_is_not_erased_until_it_has_ended(world: World, clock: SetClock) -> None:
    person, _ = world.whole()
    holds = Holds(engine_table("holds"), world.panel_parts.policy)
    now = clock()
    hold = Hold(
        id="hld_test",
        scope=Scope(account_id=person.account_id),
        ground=Ground.LAW,
        reason="a case",
        owner="pseudonym",
        created_at=now,
        until=now + timedelta(days=2),
    )
    holds.create(hold)
    asked = person.post("/account/erasure", body={"databases": "delete-now"}).json()
    route = f"/helpdesk/erasures/{asked['request_id']}/decision"
    body = {"decision": "approve", "reason": "as asked"}
    tried = world.staff("POST", f"{route}?dry_run=true", body=body).json()
    assert [entry["ground"] for entry in tried["holds"]] == ["law"]
    refused = world.staff("POST", route, body=body)
    assert refused.status == 409
    assert "hold" in refused.json()["detail"]
    assert person.get("/account").status == 200
    clock.set(now + timedelta(days=2))
    assert world.staff("POST", route, body=body).status == 200
    world.deliver()
    assert sorted(left()) == sorted(BY_LAW)


@pytest.mark.promise("visits.retention")
def test_a_hold_that_cannot_be_read_stops_the_erasure_of_whom_it_names_and_of_nobody_else(world: World) -> None:
    person, _ = world.whole()
    holds = Holds(engine_table("holds"), world.panel_parts.policy)
    row = {"part": "hold", "id": "hld_altered", "ground": "curiosity", "scope": {"account_id": "acc_" + "b" * 26}}
    holds.table.put(row)
    asked = person.post("/account/erasure", body={"databases": "delete-now"}).json()
    route = f"/helpdesk/erasures/{asked['request_id']}/decision"
    body = {"decision": "approve", "reason": "as asked"}
    assert world.staff("POST", f"{route}?dry_run=true", body=body).json()["holds"] == []
    holds.table.put(row | {"scope": {"account_id": person.account_id, "more": 1}})
    tried = world.staff("POST", f"{route}?dry_run=true", body=body).json()
    assert tried["holds"] == [{"hold_id": "hld_altered", "unreadable": True}]
    assert world.staff("POST", route, body=body).status == 409
    holds.table.put(row)
    assert world.staff("POST", route, body=body).status == 200
    world.deliver()
    assert sorted(left()) == sorted(BY_LAW)


def test_a_hold_recorded_after_the_approval_stops_the_worker_until_it_ends(world: World, clock: SetClock) -> None:
    person, _ = world.whole()
    world.approved(person)
    now, before = clock(), len(items("sessions"))
    holds = Holds(engine_table("holds"), world.panel_parts.policy)
    scope = Scope(account_id=person.account_id)
    holds.create(Hold("hld_late", "pseudonym", Ground.SECURITY, "abuse", scope, now, now + timedelta(hours=1)))
    for body in messages("erasure"):
        assert failures(world.worker(sqs_event([body], "erasure"), Context())) == []
    assert len(items("sessions")) == before
    assert world.sign_in().status == 401
    clock.set(now + timedelta(hours=1))
    world.tick()
    world.deliver()
    assert items("erasures")[0]["status"] == "erased"
