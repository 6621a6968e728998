"""Reading the audit trail: everything in it, the reading too, and whatever was done to it behind its back."""

import json
from typing import Any

import pytest

from audit_sealing.app import build as build_sealer
from audit_sealing.parts import assemble as sealer
from helpdesk.parts import Parts
from privacy.settings import Deployment, load
from privacy.tables.audit import new_entry
from tests.unit.engine import Context, SetClock, environment, items, sample, schedule_event, send, table
from tests.unit.staff import Issuer, call

pytestmark = pytest.mark.promise("security.measures")

ROUTE = "/helpdesk/audit"


@pytest.fixture
def seal(stores: None, clock: SetClock) -> Any:
    parts = sealer(load(Deployment, environment("AuditSealingFunction")), clock)
    return lambda: build_sealer(lambda: parts)(schedule_event(), Context())


@pytest.fixture
def blocks(parts: Parts, clock: SetClock, seal: Any) -> Any:
    """Three blocks of two entries each."""
    for block in range(3):
        for place in range(2):
            parts.trail.add(new_entry("test.done", f"actor-{block}-{place}", clock()))
            clock.advance(seconds=1)
        seal()
    return parts


def read(app: Any, issuer: Issuer, query: str = "") -> Any:
    answer = call(app, issuer.token(), "GET", ROUTE + query)
    assert answer.status == 200
    return answer.json()


def test_reading_is_on_record_itself_under_a_pseudonym(app: Any, issuer: Issuer, parts: Parts) -> None:
    shown = read(app, issuer)
    (entry,) = shown["items"]
    assert (entry["action"], entry["sealed"]) == ("audit.read", False)
    assert entry["actor"] == parts.pseudonyms().of("staff", "person-dpo")
    assert "person-dpo" not in json.dumps([shown, items("audit")], default=str)


def test_the_newest_comes_first_and_pages_leave_nothing_out(app: Any, issuer: Issuer, blocks: Parts) -> None:
    ids: list[str] = []
    query = "?limit=4"
    while True:
        page = read(app, issuer, query)
        ids += [entry["id"] for entry in page["items"] if entry["action"] == "test.done"]
        if page["next_cursor"] is None:
            break
        query = f"?limit=4&cursor={page['next_cursor']}"
    assert len(set(ids)) == 6
    assert ids == sorted(ids, reverse=True)


def test_a_whole_trail_is_said_to_be_whole(app: Any, issuer: Issuer, blocks: Parts) -> None:
    check = read(app, issuer)["check"]
    assert (check["intact"], check["complete"], check["blocks"], check["findings"]) == (True, True, 3, [])
    assert check["entries"] == 7  # the reading included


def raw(kind: str) -> list[dict[str, Any]]:
    return sorted((item for item in items("audit") if item["part"] == kind), key=lambda item: str(item["id"]))


def remove_entry(_: Parts) -> None:
    table("audit").delete({"part": "entry", "id": raw("entry")[2]["id"]})


def change_entry(_: Parts) -> None:
    table("audit").put(raw("entry")[2] | {"actor": "somebody-else"})


def spoil_entry(_: Parts) -> None:
    table("audit").put(raw("entry")[2] | {"facts": "{"})


def nest_an_entry(_: Parts) -> None:
    table("audit").put(raw("entry")[2] | {"facts": "[" * 100_000})


def add_to_an_entry(_: Parts) -> None:
    table("audit").put(raw("entry")[2] | {"email": "somebody@example.com"})


def add_entry(_: Parts) -> None:
    entry = {name: value for name, value in raw("entry")[2].items() if name != "pending"}
    table("audit").put(entry | {"id": "01795521600-aud_forged"})


def remove_a_block(_: Parts) -> None:
    table("audit").delete({"part": "block", "id": "000000000002"})


def remove_the_last_block(_: Parts) -> None:
    table("audit").delete({"part": "block", "id": "000000000003"})


def cut_short(_: Parts) -> None:
    """The last block with all that it seals: what is left fits together."""
    last = raw("block")[2]
    for entry in json.loads(last["document"])["entries"]:
        table("audit").delete({"part": "entry", "id": entry["id"]})
    table("audit").delete({"part": "block", "id": last["id"]})


def remove_everything(_: Parts) -> None:
    for item in items("audit"):
        table("audit").delete({"part": item["part"], "id": item["id"]})


def alter_a_block(_: Parts) -> None:
    second = raw("block")[1]
    document = json.loads(second["document"])
    document["sealed_at"] = "2026-11-24T13:00:00Z"
    table("audit").put(second | {"document": json.dumps(document).encode()})


def swap_blocks(_: Parts) -> None:
    first, second = raw("block")[:2]
    table("audit").put(first | {"document": second["document"]})


def spoil_a_block(_: Parts) -> None:
    table("audit").put(raw("block")[1] | {"document": b"{"})


def nest_a_block(_: Parts) -> None:
    table("audit").put(raw("block")[1] | {"document": b"[" * 100_000})


def number_a_block_far_ahead(_: Parts) -> None:
    table("audit").put({"part": "block", "id": "9" * 12, "document": b"{}"})


def witness_a_block_far_ahead(_: Parts) -> None:
    table("removals").put({"subject": "audit", "entry": "head", "sequence": 10**12, "digest": "0" * 64})


@pytest.mark.parametrize(
    "attack",
    [
        remove_entry,
        change_entry,
        spoil_entry,
        nest_an_entry,
        add_to_an_entry,
        add_entry,
        remove_a_block,
        remove_the_last_block,
        cut_short,
        remove_everything,
        alter_a_block,
        swap_blocks,
        spoil_a_block,
        nest_a_block,
        number_a_block_far_ahead,
        witness_a_block_far_ahead,
    ],
)
def test_whatever_is_done_behind_its_back_is_found(app: Any, issuer: Issuer, blocks: Parts, attack: Any) -> None:
    assert read(app, issuer)["check"]["intact"]
    attack(blocks)
    check = read(app, issuer)["check"]
    assert not check["intact"]
    assert check["findings"]


def test_a_chain_that_is_made_anew_with_another_key_is_found(app: Any, issuer: Issuer, blocks: Parts) -> None:
    """Who can write to the table, but not sign, chains everything anew."""
    import base64

    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    from privacy.models.audit import head_of
    from privacy.models.certificates import canonical

    forger = ec.generate_private_key(ec.SECP256R1())
    head = None
    for number, item in enumerate(raw("block"), start=1):
        content = {name: value for name, value in json.loads(item["document"]).items() if name != "signature"}
        content["previous"] = head
        value = base64.b64encode(forger.sign(canonical(content), ec.ECDSA(SHA256()))).decode()
        document = canonical(content | {"signature": {"algorithm": "ECDSA_SHA_256", "value": value}})
        table("audit").put(item | {"document": document})
        head = head_of(number, document).digest
    assert not read(app, issuer)["check"]["intact"]


@pytest.mark.parametrize(("name", "expected"), [("audit", 401), ("bad-no-token", 401)])
def test_each_sample_gets_the_answer_that_it_is_a_sample_of(app: Any, name: str, expected: int) -> None:
    assert send(app, sample(f"helpdesk/{name}")).status == expected


@pytest.mark.parametrize("query", ["?limit=0", "?limit=x", "?cursor=%21"])
def test_a_bad_page_is_refused(app: Any, issuer: Issuer, query: str) -> None:
    assert call(app, issuer.token(), "GET", ROUTE + query).status == 422
