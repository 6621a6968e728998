"""What leaks of one table tells nothing of another: both sides have nothing in common but what time it was."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

import sessions.app
import sessions.parts
import signup.app
import signup.parts
import visits.app
import visits.parts
from correlation.parts import Parts
from privacy.clock import rfc3339
from privacy.models.staff import Staff
from privacy.settings import load
from tests.template.source import template
from tests.unit.correlation.conftest import ADDRESS, HOUR, Gate, trail
from tests.unit.engine import NOON, SetClock, environment, http, items
from tests.unit.people import CANARIES, PASSWORD, confirmed

pytestmark = pytest.mark.promise("correlation.gate", "visits.unlinked")

TABLES = [
    body["Properties"]["TableName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
    for body in template()["Resources"].values()
    if body["Type"] == "AWS::DynamoDB::Table"
]


@pytest.fixture
def person(stores: None, clock: SetClock) -> str:
    """Somebody who signs up for a trial, signs in, fails to sign in, and visits, all from one address; their account's
    id. No two of these happen in one second.
    """
    signing_up = signup.parts.assemble(
        load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local")), clock
    )
    signing_in = sessions.parts.assemble(load(sessions.parts.SessionsSettings, environment("SessionsFunction")), clock)
    visiting = visits.parts.assemble(load(visits.parts.VisitsSettings, environment("VisitsFunction")), clock)
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
    page = {"referrer": "https://search.example/results", "language": "en-SG"}

    def visit() -> None:
        clock.advance(seconds=7)
        assert http(visits.app.build(lambda: visiting), "POST", "/visits", body=page, headers=browser).status == 202
        clock.advance(seconds=7)

    def sign_in(password: str) -> int:
        form = {"email": CANARIES["email"], "password": password}
        return http(sessions.app.build(lambda: signing_in), "POST", "/sessions", body=form, headers=browser).status

    visit()
    made = confirmed(signup.app.build(lambda: signing_up), signing_up, "trial")
    visit()
    assert sign_in(PASSWORD) == 201
    visit()
    assert sign_in("a wrong password of some length") == 401
    clock.advance(seconds=7)
    return str(made.json()["account_id"])


def values(value: Any) -> Iterator[Any]:
    """Every single value of an item."""
    if isinstance(value, dict):
        for entry in value.values():
            yield from values(entry)
    elif isinstance(value, list | tuple | set):
        for entry in value:
            yield from values(entry)
    else:
        yield value


def shared(thing: str) -> set[Any]:
    """What a table's rows have in common with those of visits: equal values, and values of one within another's."""
    theirs = {value for row in items("visits") for name, value in row.items() if name not in ("shard", "at")}
    theirs |= {part for row in items("visits") for part in row["at"].split("#")} | {
        int(row["at"][:12]) for row in items("visits")
    }
    rows = [{name: value for name, value in row.items() if not name.endswith("shard")} for row in items(thing)]
    mine = set(values(rows))
    texts = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in mine]
    return {value for value in theirs if value in mine or (len(str(value)) > 3 and str(value) in "\n".join(texts))}


def test_no_table_has_a_value_in_common_with_the_visits(gate: Gate, person: str) -> None:
    gate.result(gate.asked(person))
    gate.asked(person)
    filled = {thing for thing in TABLES if items(thing)}
    assert {"visits", "accounts", "sessions", "databases", "correlations", "audit"} <= filled
    assert {thing: common for thing in TABLES if thing != "visits" and (common := shared(thing))} == {}


def test_the_comparison_finds_what_it_looks_for(gate: Gate, person: str) -> None:
    gate.asked(person, case=f"the one at {ADDRESS}")
    assert shared("correlations") == {ADDRESS}


def test_a_person_has_another_stand_in_for_every_use(gate: Gate, parts: Parts, person: str) -> None:
    delivered, waiting = gate.asked(person), gate.asked(person)
    gate.result(delivered)
    of, email = parts.pseudonyms().of, CANARIES["email"]
    owner, address = parts.pseudonyms().owner(person), parts.pseudonyms().address(email)
    attempts, correlation = of("attempts", email), of("correlation", person)

    def lies_in(stand_in: str) -> set[str]:
        return {thing for thing in TABLES if stand_in in repr(items(thing))}

    assert len({owner, address, attempts, correlation}) == 4
    assert lies_in(correlation) == {"correlations", "audit"}
    assert lies_in(attempts) == {"sessions"}
    assert "accounts" in lies_in(address)
    assert "databases" in lies_in(owner)
    assert not (lies_in(owner) | lies_in(address)) & {"visits", "sessions", "correlations", "audit"}
    assert "correlations" in lies_in(person)  # while the other request waits
    gate.result(waiting)
    assert not lies_in(person) & {"visits", "correlations", "audit", "idempotency"}


def test_who_reads_the_stores_cannot_guess_a_case_by_the_digest_of_its_request(
    gate: Gate, parts: Parts, person: str
) -> None:
    """The trail tells who asked, and keys and bodies are short: what is digested with them is in no store."""
    gate.asked(person, key="key-1")
    ((actor, request),) = ((row["actor"], row["subject"]) for row in trail())
    (kept,) = (row for row in items("idempotency") if row["ids"] == {"correlation_id": request})
    window = {"from": rfc3339(NOON), "to": rfc3339(NOON + HOUR)}
    body = json.dumps({"account_id": person, "window": window, "ground": "security", "case": "Case 4711"})

    def guess(who: str) -> str:
        return hashlib.sha256("\0".join((who, "key-1", body, "")).encode()).hexdigest()

    assert guess(actor) != kept["body"]
    assert guess(parts.scope(Staff("person-security", frozenset()))) == kept["body"]
