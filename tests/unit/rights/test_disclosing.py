"""What processors receive: from the sign-up to the notice of the erasure, through all the functions on the way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

import disclosure.app
import disclosure.parts
from disclosure.carrying import ToSink
from privacy.clock import rfc3339
from privacy.egress import LostError
from privacy.models.accounts import BillingRecord
from privacy.models.disclosures import Disclosure, payment
from privacy.models.erasures import NoticeStatus
from privacy.settings import load
from privacy.subjects.notices import Notice, planned, states
from tests.template.source import ROOT
from tests.unit.customers import database
from tests.unit.engine import (
    Context,
    SetClock,
    environment,
    everything,
    failures,
    items,
    messages,
    sqs_event,
)  # fmt: skip
from tests.unit.people import CANARIES, ORDER
from tests.unit.rights.conftest import World

pytestmark = pytest.mark.promise("processors.allow-list")

EXPECTED = {
    "amount": ORDER["amount"], "currency": ORDER["currency"], "description": ORDER["description"],
    "reference": ORDER["reference"], "name": CANARIES["name"], "email": CANARIES["email"],
}  # fmt: skip


@dataclass
class Processors:
    """Stand for the processors: take what comes, or answer otherwise."""

    status: int | Exception = 200
    came: list[tuple[str, str, str, dict[str, Any], dict[str, str]]] = field(default_factory=list)

    def post(self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
        self.came.append((processor, host, path, json.loads(content), dict(headers)))
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


@dataclass
class Way:
    """The disclosure worker, and what it reaches."""

    processors: Processors
    parts: disclosure.parts.Parts
    handler: Any

    def go(self) -> int:
        """Carry what is queued; how many messages have to come again."""
        failed = 0
        for body in messages("disclosure"):
            failed += len(failures(self.handler(sqs_event([body], "disclosure"), Context())))
        return failed


@pytest.fixture
def way(stores: None, clock: SetClock) -> Way:
    processors = Processors()
    settings = load(disclosure.parts.DisclosureSettings, environment("DisclosureFunction", Processors="local"))
    parts = replace(disclosure.parts.assemble(settings, clock), carrier=ToSink(processors))
    return Way(processors, parts, disclosure.app.build(lambda: parts))


def recorded(purpose: str = "payment") -> dict[str, Any]:
    (row,) = [row for row in items("disclosures") if row["purpose"] == purpose]
    return row


def being_erased(world: World, way: Way) -> str:
    """Somebody whose order a processor received, and whose erasure is approved; the request's id."""
    person = world.subscriber()
    way.go()
    return world.approved(person)


def test_an_order_is_recorded_then_sent_with_the_registered_fields_alone(world: World, way: Way) -> None:
    world.subscriber()
    assert recorded()["status"] == "queued"
    assert way.go() == 0
    ((processor, host, path, payload, headers),) = way.processors.came
    assert (processor, host, path, payload) == ("stripe", "", "/payment", EXPECTED)
    assert headers["Idempotency-Key"] == recorded()["id"]
    assert recorded()["status"] == "delivered"
    assert recorded()["delivered_at"] == world.clock().timestamp()
    assert sorted(recorded()["fields"]) == sorted(EXPECTED)
    assert not any(value in repr(items("disclosures")) for value in EXPECTED.values())


def test_a_message_that_comes_twice_sends_once(world: World, way: Way) -> None:
    world.subscriber()
    (body,) = messages("disclosure")
    for _ in range(3):
        assert failures(way.handler(sqs_event([body], "disclosure"), Context())) == []
    assert len(way.processors.came) == 1


def test_messages_hold_ids_alone(world: World, way: Way) -> None:
    world.subscriber()
    assert [set(json.loads(body)) for body in messages("disclosure")] == [{"id"}]


@pytest.mark.parametrize("status", [500, 503, 401, 403, 408, 409, 429, LostError("no answer")])
def test_what_may_pass_comes_again_under_the_same_key(
    world: World, way: Way, status: int | Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    world.subscriber()
    way.processors.status = status
    (body,) = messages("disclosure")
    assert len(failures(way.handler(sqs_event([body], "disclosure"), Context()))) == 1
    assert recorded()["status"] == "queued"
    way.processors.status = 201
    assert failures(way.handler(sqs_event([body], "disclosure"), Context())) == []
    assert recorded()["status"] == "delivered"
    assert len({came[4]["Idempotency-Key"] for came in way.processors.came}) == 1
    logged = capsys.readouterr().out
    assert not any(value in logged for value in EXPECTED.values())


@pytest.mark.parametrize("status", [302, 400, 404, 422])
def test_what_a_processor_refuses_is_not_tried_again_and_rings(
    world: World, way: Way, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    world.subscriber()
    way.processors.status = status
    assert way.go() == 0
    assert (recorded()["status"], recorded()["reason"]) == ("refused", f"the processor answered {status}")
    assert '"Refused":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_what_the_register_does_not_name_is_not_sent_and_told_by_name(
    world: World, way: Way, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    person = world.subscriber()
    wider = Disclosure(
        "dsc_" + "a" * 26,
        "stripe",
        "payment",
        ("amount", "postal_address"),
        recorded()["record"],
        "x",
        clock(),
        person.account_id,
    )
    way.parts.disclosures.create(wider)
    assert failures(way.handler(sqs_event([json.dumps({"id": wider.id})], "disclosure"), Context())) == []
    assert way.processors.came == []
    (row,) = [row for row in items("disclosures") if row["id"] == wider.id]
    assert (row["status"], row["reason"]) == ("refused", "not registered: postal_address")
    assert '"Refused":[1.0]' in capsys.readouterr().out.replace(" ", "")


@pytest.mark.promise("rights.erase")
@pytest.mark.parametrize("databases", ["delete-now", "keep-until-grace-ends"])
def test_from_the_approval_of_an_erasure_on_no_order_is_sent(world: World, way: Way, databases: str) -> None:
    person = world.subscriber()
    database(world.website_parts, person.owner)
    order = messages("disclosure")
    world.approved(person, databases)
    assert failures(way.handler(sqs_event(order, "disclosure"), Context())) == []
    assert way.processors.came == []
    assert (recorded()["status"], recorded()["reason"]) == ("refused", "what it was to tell is erased")


@pytest.mark.promise("rights.erase")
def test_an_erasure_is_told_to_who_received_the_order_by_its_reference_alone(world: World, way: Way) -> None:
    request_id = being_erased(world, way)
    while messages_of_erasure := messages("erasure"):
        for body in messages_of_erasure:
            world.worker(sqs_event([body], "erasure"), Context())
        way.go()
    for _ in range(3):
        world.clock.advance(seconds=61)
        world.tick()
        way.go()
        world.deliver()
    assert way.processors.came[1][:4] == (
        "stripe", "", "/erasure-notice", {"reference": ORDER["reference"]},
    )  # fmt: skip
    assert len(way.processors.came) == 2
    notice = recorded("erasure-notice")
    assert (notice["status"], notice["ground"]) == ("delivered", request_id)
    assert "account_id" not in notice
    (request,) = items("erasures")
    assert request["notices"][0]["told_at"]
    mail = world.ses.to(CANARIES["email"])[-1]
    assert "stripe: told at 2026-11-24" in mail
    assert '"told_at": "2026-11-24' in mail


def carried(world: World, request_id: str) -> None:
    """Have a request's worker look at it once."""
    for body in [*messages("erasure"), json.dumps({"id": request_id})]:
        world.worker(sqs_event([body], "erasure"), Context())


def emptied(world: World, request_id: str) -> None:
    """Carry an erasure until its certificate waits for nothing but its processors."""
    carried(world, request_id)
    world.clock.advance(seconds=60)  # DRAIN_SECONDS


def certificate(world: World) -> dict[str, Any]:
    mail = world.ses.to(CANARIES["email"])[-1]
    found: dict[str, Any] = json.JSONDecoder().raw_decode(mail[mail.index("\n{") + 1 :])[0]
    return found


def at_the_desk(world: World, request_id: str) -> list[dict[str, Any]]:
    shown = world.staff("GET", f"/helpdesk/erasures/{request_id}")
    assert shown.status == 200, shown.body
    processors: list[dict[str, Any]] = shown.json()["processors"]
    return processors


@pytest.mark.promise("rights.erase")
def test_a_person_and_the_helpdesk_see_whether_a_processor_is_told(world: World, way: Way, clock: SetClock) -> None:
    person = world.subscriber()
    database(world.website_parts, person.owner)
    way.go()
    person.post("/account/erasure", body={"databases": "keep-until-grace-ends"})
    waits = [{"processor": "stripe", "status": "waiting", "at": None}]
    assert person.get("/account/erasure").json()["processors"] == waits
    (listed,) = world.staff("GET", "/helpdesk/erasures").json()["items"]
    assert listed["processors"] == []  # nobody decided that anybody is told
    request_id = listed["request_id"]
    decision = {"decision": "approve", "reason": "as asked"}
    decided = world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body=decision).json()
    assert decided["processors"] == waits
    carried(world, request_id)
    assert person.get("/account/erasure").json()["processors"] == waits
    clock.advance(minutes=7)
    told = [{"processor": "stripe", "status": "told", "at": rfc3339(clock())}]
    way.go()
    clock.advance(days=1)
    assert person.get("/account/erasure").json()["processors"] == told
    assert world.staff("GET", "/helpdesk/erasures").json()["items"][0]["processors"] == told
    assert at_the_desk(world, request_id) == told


def test_what_was_refused_and_is_sent_again_goes_under_another_key_be_its_message_lost(world: World, way: Way) -> None:
    world.subscriber()
    way.processors.status = 422
    way.go()
    world.clock.advance(hours=2)
    refused = way.parts.disclosures.get(recorded()["id"], world.clock())
    assert refused is not None
    way.parts.disclosures.resend(refused, world.clock())
    way.processors.status = 200
    world.clock.advance(seconds=3599)
    world.tick()
    assert messages("disclosure") == []  # its message and tries are on their way
    world.clock.advance(seconds=1)
    assert world.tick()["disclosures"]["stalled"] == 1
    assert way.go() == 0
    assert recorded()["status"] == "delivered"
    keys = [came[4]["Idempotency-Key"] for came in way.processors.came]
    assert keys == [refused.id, f"{refused.id}-1"]


@pytest.mark.promise("rights.erase")
def test_a_request_that_is_refused_tells_no_processor(world: World, way: Way) -> None:
    person = world.subscriber()
    request_id = person.post("/account/erasure", body={"databases": "delete-now"}).json()["request_id"]
    decision = {"decision": "refuse", "reason": "It was somebody else."}
    world.staff("POST", f"/helpdesk/erasures/{request_id}/decision", body=decision)
    assert person.get("/account/erasure").json()["processors"] == []
    assert at_the_desk(world, request_id) == []


@pytest.mark.promise("rights.erase")
def test_the_certificate_waits_an_hour_for_a_processor_and_then_says_what_is_not_confirmed(
    world: World, way: Way, clock: SetClock
) -> None:
    request_id = being_erased(world, way)
    queued_at = clock()
    emptied(world, request_id)
    clock.set(queued_at + timedelta(seconds=3599))
    carried(world, request_id)
    assert items("erasures")[0]["status"] == "approved"
    clock.advance(seconds=1)
    carried(world, request_id)
    carried(world, request_id)
    signed_at = rfc3339(clock())
    assert certificate(world)["processors"] == [
        {"processor": "stripe", "status": "waiting", "noted_at": signed_at, "told_at": None}
    ]
    mail = world.ses.to(CANARIES["email"])[-1]
    assert "stripe: not confirmed yet" in mail
    assert f"name the request {request_id}" in mail
    clock.advance(days=1)
    assert at_the_desk(world, request_id) == [{"processor": "stripe", "status": "waiting", "at": None}]
    assert way.go() == 0
    assert at_the_desk(world, request_id) == [{"processor": "stripe", "status": "told", "at": rfc3339(clock())}]


@pytest.mark.promise("rights.erase")
def test_who_tries_the_address_while_a_processor_is_down_does_not_put_the_certificate_off(
    world: World, way: Way, clock: SetClock
) -> None:
    request_id = being_erased(world, way)
    queued_at = clock()
    emptied(world, request_id)
    world.sign_in()
    clock.set(queued_at + timedelta(hours=1))
    carried(world, request_id)  # it finds what was counted of that
    emptied(world, request_id)
    carried(world, request_id)
    carried(world, request_id)
    assert items("erasures")[0]["status"] == "erased"
    assert items("sessions") == []
    assert [row["status"] for row in certificate(world)["processors"]] == ["waiting"]


@pytest.mark.promise("rights.erase")
def test_the_sweep_adds_no_message_to_those_of_a_worker_that_looks_again_by_itself(
    world: World, way: Way, clock: SetClock
) -> None:
    request_id = being_erased(world, way)
    emptied(world, request_id)
    carried(world, request_id)  # its own message comes half a minute later, in real time
    looked_at = clock()
    for seconds, queued in ((0, 0), (119, 0), (120, 1)):
        clock.set(looked_at + timedelta(seconds=seconds))
        assert world.tick()["erasures"]["stalled"] == 1
        assert len(messages("erasure")) == queued, seconds


@pytest.mark.promise("rights.erase")
def test_the_certificate_goes_as_soon_as_the_processors_are_told(world: World, way: Way, clock: SetClock) -> None:
    request_id = being_erased(world, way)
    emptied(world, request_id)
    clock.advance(seconds=1800)
    told_at = rfc3339(clock())
    way.go()
    clock.advance(seconds=30)
    carried(world, request_id)
    carried(world, request_id)
    assert certificate(world)["processors"] == [
        {"processor": "stripe", "status": "told", "noted_at": rfc3339(clock()), "told_at": told_at}
    ]
    assert "name the request" not in world.ses.to(CANARIES["email"])[-1]


@pytest.mark.promise("rights.erase")
def test_a_notice_that_was_refused_is_told_as_refused_and_not_waited_for(
    world: World, way: Way, clock: SetClock
) -> None:
    request_id = being_erased(world, way)
    emptied(world, request_id)
    way.processors.status = 404
    way.go()
    refused_at = rfc3339(clock())
    carried(world, request_id)
    carried(world, request_id)
    (row,) = certificate(world)["processors"]
    assert (row["status"], row["told_at"]) == ("refused", None)
    assert "stripe: not told yet: our notice was refused" in world.ses.to(CANARIES["email"])[-1]
    assert at_the_desk(world, request_id) == [{"processor": "stripe", "status": "refused", "at": refused_at}]


@pytest.mark.promise("rights.erase")
def test_a_processor_is_told_when_it_is_told_of_every_order(way: Way, clock: SetClock) -> None:
    disclosures, noted = way.parts.disclosures, {"processor": "stripe", "billing": ["bil_1", "bil_2"]}
    first, second = planned(noted, "ers_1", clock())
    for one in (first, second):
        disclosures.create(one)
    disclosures.delivered(first, clock())

    def now() -> Notice:
        (found,) = states([noted], "ers_1", disclosures, clock())
        return found

    assert now().status is NoticeStatus.WAITING
    clock.advance(seconds=5)
    disclosures.refused(second, "the processor answered 404", clock())
    assert now() == Notice("stripe", NoticeStatus.REFUSED, clock())
    refused = disclosures.get(second.id, clock())
    assert refused is not None
    disclosures.resend(refused, clock())
    assert now().status is NoticeStatus.WAITING
    again = disclosures.get(second.id, clock())
    assert again is not None
    clock.advance(seconds=5)
    disclosures.delivered(again, clock())
    assert now() == Notice("stripe", NoticeStatus.TOLD, clock())


@pytest.mark.promise("rights.erase")
def test_what_was_disclosed_stays_without_whose_it_was(world: World, way: Way) -> None:
    person = world.subscriber()
    way.go()
    world.approved(person)
    world.deliver()
    assert "account_id" not in recorded()
    assert sorted(recorded()["fields"]) == sorted(EXPECTED)
    assert person.account_id.encode() not in everything()
    mail = world.ses.to(CANARIES["email"])[-1]
    assert "stripe: not confirmed yet; it is told as soon as it can be reached" in mail


@pytest.mark.promise("rights.access")
def test_a_person_sees_what_was_disclosed_by_field_names(world: World, way: Way) -> None:
    person = world.subscriber()
    way.go()
    shown = [item for item in person.get("/account/data").json()["items"] if item["category"] == "disclosures"]
    (told,) = [item["data"] for item in shown]
    assert (told["processor"], told["purpose"], told["status"]) == ("stripe", "payment", "delivered")
    assert sorted(told["fields"]) == sorted(EXPECTED)
    assert shown[0]["retention_ends"].startswith("2029-11-24")


def test_what_got_lost_is_queued_again_by_the_sweep_after_an_hour(world: World, way: Way, clock: SetClock) -> None:
    world.subscriber()
    assert len(messages("disclosure")) == 1
    clock.advance(hours=1)
    assert world.tick()["disclosures"]["stalled"] == 0
    clock.advance(seconds=1)
    assert world.tick()["disclosures"]["stalled"] == 1
    assert way.go() == 0
    assert recorded()["status"] == "delivered"
    assert world.tick()["disclosures"]["stalled"] == 0


def test_while_a_processor_is_down_the_sweep_queues_once_an_hour_what_waits(
    world: World, way: Way, clock: SetClock
) -> None:
    world.subscriber()
    messages("disclosure")
    clock.advance(hours=1, seconds=1)
    begun = clock()
    queued = {}
    for minutes in range(0, 121, 15):
        clock.set(begun + timedelta(minutes=minutes, seconds=-1 if minutes == 120 else 0))
        assert world.tick()["disclosures"]["stalled"] == 1
        queued[minutes] = len(messages("disclosure"))
    assert queued == dict.fromkeys(range(0, 121, 15), 0) | {0: 1, 60: 1}
    clock.advance(seconds=1)
    world.tick()
    assert way.go() == 0
    assert recorded()["status"] == "delivered"


def test_a_disclosure_goes_on_its_date_to_the_second(world: World, way: Way, clock: SetClock) -> None:
    world.subscriber()
    way.go()
    clock.set(clock().replace(year=clock().year + 3))
    clock.advance(seconds=-1)
    world.tick()
    assert len(items("disclosures")) == 1
    assert way.parts.disclosures.get(recorded()["id"], clock()) is not None
    clock.advance(seconds=1)
    assert way.parts.disclosures.get(recorded()["id"], clock()) is None
    assert world.tick()["disclosures"]["removed"] == 1
    assert items("disclosures") == []


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "events/disclosure").glob("*.json")))
def test_samples(way: Way, name: str) -> None:
    event = json.loads((ROOT / f"events/disclosure/{name}.json").read_text("utf-8"))
    answer = way.handler(event, Context())
    assert bool(failures(answer)) == name.startswith("bad-")
    assert way.processors.came == []


def test_a_disclosure_has_one_id_however_often_it_is_planned(clock: SetClock) -> None:
    record = BillingRecord("bil_" + "a" * 26, "acc", clock(), {})
    first, again = (payment("paypal", record.id, "acc", clock()) for _ in range(2))
    assert first == again
    assert payment("stripe", record.id, "acc", clock()).id != first.id
