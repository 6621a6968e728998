"""Sealing: every entry once, in whole blocks, whoever else seals and wherever it dies."""

from typing import Any

import pytest

from audit_sealing.app import build
from audit_sealing.parts import Parts, assemble
from helpdesk import audit
from helpdesk.parts import Parts as Readers
from helpdesk.parts import assemble as reading
from privacy.settings import Deployment, load
from privacy.tables.audit import SEALED_AT_ONCE, new_entry
from privacy.web.staff import StaffSettings
from tests.unit.engine import Context, SetClock, environment, gauges, items, sample, schedule_event, table
from tests.unit.interference import once_before
from tests.unit.staff import Issuer

pytestmark = pytest.mark.promise("security.measures")


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("AuditSealingFunction")), clock)


@pytest.fixture
def readers(stores: None, clock: SetClock) -> Readers:
    return reading(load(StaffSettings, Issuer().environment("HelpdeskFunction")), clock)


def add(parts: Parts, number: int) -> list[str]:
    entries = [
        new_entry("test.done", f"actor-{place}", parts.clock(), facts={"place": place}) for place in range(number)
    ]
    for entry in entries:
        parts.trail.add(entry)
    return [entry.id for entry in entries]


def tick(parts: Parts, seconds: float = 300.0) -> Any:
    return build(lambda: parts)(schedule_event(), Context(seconds=seconds))


@pytest.mark.parametrize("number", [0, 1, SEALED_AT_ONCE, SEALED_AT_ONCE + 1])
def test_a_tick_seals_everything_that_waits_and_the_trail_is_whole(
    parts: Parts, readers: Readers, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    add(parts, number)
    answer = tick(parts)
    assert answer["audit"]["removed"] == number
    found = audit.check(readers)
    assert (found["intact"], found["entries"]) == (True, number)
    assert found["blocks"] == -(-number // SEALED_AT_ONCE)
    assert not [item for item in items("audit") if "pending" in item]
    assert gauges(capsys.readouterr().out)["audit"]["RemovalLagSeconds"] == 0


def test_the_lag_is_how_long_the_oldest_had_waited(parts: Parts, clock: SetClock) -> None:
    add(parts, 1)
    clock.advance(minutes=7)
    add(parts, 1)
    assert tick(parts)["audit"]["lag_seconds"] == 420
    assert tick(parts)["audit"] == {"removed": 0, "lag_seconds": 0, "left": False}


def test_a_tick_without_time_seals_nothing_and_says_so(parts: Parts) -> None:
    add(parts, 1)
    assert tick(parts, seconds=1)["audit"]["left"] is True
    assert tick(parts)["audit"]["removed"] == 1


@pytest.mark.parametrize("name", ["x", "999999999999x", "1", "०००००००००००१"])
def test_what_is_called_like_no_block_stops_no_sealing_and_is_found(parts: Parts, readers: Readers, name: str) -> None:
    add(parts, 2)
    tick(parts)
    table("audit").put({"part": "block", "id": name, "document": b"{}"})
    add(parts, 2)
    assert tick(parts)["audit"]["removed"] == 2
    found = audit.check(readers)
    assert (found["intact"], found["blocks"], found["entries"]) == (False, 2, 4)
    assert [each["what"] for each in found["findings"]] == ["is called like no block of ours"]


def test_two_sealers_at_once_seal_each_entry_once(parts: Parts, readers: Readers) -> None:
    add(parts, 5)
    with once_before("dynamodb.TransactWriteItems", lambda: tick(parts)):
        tick(parts)
    found = audit.check(readers)
    assert (found["intact"], found["blocks"]) == (True, 1)


class DeadError(Exception):
    """The worker died."""


@pytest.mark.parametrize("call", ["kms.Sign", "dynamodb.TransactWriteItems", "dynamodb.PutItem"])
def test_a_sealer_that_dies_leaves_a_whole_block_or_none_and_the_next_goes_on(
    parts: Parts, readers: Readers, call: str
) -> None:
    ids = add(parts, 3)

    def die() -> None:
        raise DeadError

    with once_before(call, die), pytest.raises(Exception, match="not swept"):
        tick(parts)
    assert audit.check(readers)["findings"] == []
    tick(parts)
    found = audit.check(readers)
    assert (found["intact"], found["entries"], found["blocks"]) == (True, len(ids), 1)
    assert readers.witness.latest().sequence == 1


def test_an_entry_that_is_written_twice_is_one(parts: Parts, readers: Readers) -> None:
    entry = new_entry("test.done", "actor", parts.clock())
    parts.trail.add(entry)
    tick(parts)
    parts.trail.add(entry)
    assert [sealed for _, _, sealed in readers.trail.page(10)[0]] == [True]


@pytest.mark.parametrize("text", ["ada@example.com", "Ada Lovelace", "", "x" * 121, "a\nb"])
def test_an_entry_holds_no_text_that_somebody_could_have_typed(parts: Parts, text: str) -> None:
    with pytest.raises(ValueError, match="words of ours") as raised:
        new_entry("test.done", "actor", parts.clock(), facts={"reason": text})
    assert text == "" or text not in str(raised.value)


def test_what_is_no_tick_does_nothing(parts: Parts) -> None:
    add(parts, 1)
    assert "error" in build(lambda: parts)(sample("audit_sealing/bad-unknown-event"), Context())
    assert [item for item in items("audit") if "pending" in item]
    assert build(lambda: parts)(sample("audit_sealing/tick"), Context())["audit"]["removed"] == 1


def test_the_witness_never_goes_back(parts: Parts) -> None:
    add(parts, 1)
    tick(parts)
    late = parts.trail.head()
    add(parts, 1)
    tick(parts)
    parts.witness.note(late)
    assert parts.witness.latest() == parts.trail.head()
    assert table("removals").get({"subject": "audit", "entry": "head"}) is not None
