"""Deleting at the owner's word: typed, hidden at once, queued, and followed until nothing is left."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from databases.parts import Parts
from privacy.models.certificates import FORMAT, canonical
from privacy.models.databases import Database, Status
from privacy.models.removals import Progress, Removal
from privacy.tables.certificates import Head
from tests.unit.customers import Customer, database
from tests.unit.engine import AMERICAS, ASIA, NOON, SetClock, http, items, messages
from tests.unit.interference import before_each_call


def stored(parts: Parts, made: Database) -> Database:
    found = parts.databases.get(made.id)
    assert found is not None
    return found


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_the_right_name_closes_the_database_and_queues_its_removal_at_home(
    ada: Customer, parts: Parts, region: str
) -> None:
    made = database(parts, ada.owner, region=region)
    answer = ada.post(f"/databases/{made.id}/deletion", body={"confirm": "Ledger"})
    assert (answer.status, answer.json()) == (202, {"status": "deleting", "name": "Ledger", "stores": []})
    assert stored(parts, made).status is Status.DELETING
    assert [json.loads(body) for body in messages("deletion", ASIA)] == [{"database_id": made.id, "step": "start"}]
    assert messages("deletion", AMERICAS) == []


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("body", [{"confirm": "ledger"}, {"confirm": ""}, {"confirm": "Ledger 2"}, {}, {"confirm": 1}])
def test_any_other_name_deletes_nothing_and_is_not_repeated(ada: Customer, parts: Parts, body: dict[str, Any]) -> None:
    made = database(parts, ada.owner)
    answer = ada.post(f"/databases/{made.id}/deletion", body=body)
    assert (answer.status, list(answer.errors)) == (422, ["confirm"])
    assert b"edger" not in answer.body.replace(b"ledger 2", b"")
    assert stored(parts, made).status is Status.ACTIVE
    assert messages("deletion") == []


def test_a_name_may_be_typed_in_another_normal_form_and_with_spaces_around(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner, name="Caf\u00e9")
    assert ada.post(f"/databases/{made.id}/deletion", body={"confirm": " Cafe\u0301 "}).status == 202


def test_asking_again_is_answered_alike_and_tells_the_queue_again(ada: Customer, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner)
    for _ in range(2):
        assert ada.post(f"/databases/{made.id}/deletion", body={"confirm": "Ledger"}).status == 202
        clock.advance(seconds=5)
    assert len(messages("deletion")) == 2
    assert stored(parts, made).since == NOON


@pytest.mark.promise("databases.deletion")
def test_a_cancelled_database_may_be_deleted_before_its_grace_period_ends(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    ada.post(f"/databases/{made.id}/cancellation")
    assert ada.post(f"/databases/{made.id}/deletion", body={"confirm": "Ledger"}).status == 202
    assert ada.delete(f"/databases/{made.id}/cancellation").status == 409


def test_a_deletion_that_meets_a_cancellation_still_deletes(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    seen: list[str] = []

    def cancel(name: str) -> None:
        if name == "dynamodb.UpdateItem":
            seen.append(name)
            if len(seen) == 2:  # after the session's use, right before the change
                parts.databases.change(made, Status.DEACTIVATED, NOON + timedelta(seconds=1))

    with before_each_call(cancel):
        answer = ada.post(f"/databases/{made.id}/deletion", body={"confirm": "Ledger"})
    assert answer.status == 202
    assert stored(parts, made).status is Status.DELETING


def test_nobody_can_follow_a_deletion_that_was_not_asked_for(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    assert ada.get(f"/databases/{made.id}/deletion").status == 404


@pytest.mark.promise("databases.deletion")
def test_a_deletion_is_followed_store_by_store(ada: Customer, parts: Parts) -> None:
    made = parts.databases.change(database(parts, ada.owner), Status.DELETING, NOON)
    removal = Removal(made.id, "asia", NOON, NOON, {"records": 100, "files": 10}, segments=4)
    parts.removals.begin(removal)

    def stores() -> dict[tuple[str, str], tuple[int, int]]:
        answer = ada.get(f"/databases/{made.id}/deletion")
        assert answer.status == 200
        return {(row["store"], row["region"]): (row["removed"], row["total"]) for row in answer.json()["stores"]}

    assert stores() == {("records", "asia"): (0, 100), ("files", "asia"): (0, 10)}
    first = Progress(made.id, "records", "0", "asia", removed=30, done_at=NOON)
    second = Progress(made.id, "records", "1", "asia", removed=80)
    assert parts.removals.save(first)
    # One of four segments is done: that is not the store.
    assert stores()["records", "asia"] == (30, 100)
    saved = parts.removals.save(second)
    assert saved
    assert stores()["records", "asia"] == (110, 110)
    parts.removals.save(replace(saved, removed=40, done_at=NOON))
    for number in ("2", "3"):
        parts.removals.save(Progress(made.id, "records", number, "asia", removed=5, done_at=NOON))
    parts.removals.save(Progress(made.id, "jobs", "0", "asia", removed=2, done_at=NOON))
    # What a move left in the other region: counted as it goes, and nothing of it was expected.
    parts.removals.save(Progress(made.id, "records", "0", "americas", removed=7))
    assert stores() == {
        ("records", "asia"): (80, 80),
        ("files", "asia"): (0, 10),
        ("jobs", "asia"): (2, 2),
        ("records", "americas"): (7, 7),
    }


@pytest.mark.promise("databases.destroyed")
def test_once_destroyed_the_deletion_still_answers_and_all_else_is_gone(ada: Customer, parts: Parts) -> None:
    made = parts.databases.change(database(parts, ada.owner), Status.DELETING, NOON)
    parts.removals.begin(Removal(made.id, "asia", NOON, NOON, {"records": 3}))
    parts.removals.save(Progress(made.id, "records", "0", "asia", removed=3, done_at=NOON))
    (journal,) = [item for item in items("removals") if item["entry"] == "removal"]
    parts.removals.table.put(journal | {"finished_at": journal["started_at"]})
    parts.databases.change(made, Status.DESTROYED, NOON)
    answer = ada.get(f"/databases/{made.id}/deletion")
    assert answer.json() == {
        "status": "destroyed",
        "name": None,
        "stores": [{"store": "records", "region": "asia", "total": 3, "removed": 3}],
    }
    shown = ada.get(f"/databases/{made.id}")
    assert (shown.status, shown.json()["status"], shown.json()["name"]) == (200, "destroyed", None)
    gone = [
        ada.post(f"/databases/{made.id}/deletion", body={"confirm": "Ledger"}),
        ada.post(f"/databases/{made.id}/cancellation"),
        ada.delete(f"/databases/{made.id}/cancellation"),
        ada.post(f"/databases/{made.id}/exports"),
        ada.get(f"/databases/{made.id}/exports/exp_x"),
        ada.post(f"/databases/{made.id}/import", body={"upload_id": "upl_x"}),
        ada.get(f"/databases/{made.id}/jobs/job_x"),
    ]
    assert [entry.status for entry in gone] == [410] * len(gone)


# --- the certificate ---------------------------------------------------------------------------------------------


def certificate(database_id: str) -> dict[str, Any]:
    """A certificate as short as one can be."""
    at = "2026-11-24T12:00:00Z"
    checks = [{"method": "a Query", "at": at, "left": 0}] * 2
    stores = [
        {"store": "records", "region": "asia", "holds": "Größe", "removed": 1, "emptied_at": at, "checks": checks}
    ]
    return {
        "format": FORMAT,
        "id": "crt_1",
        "database_id": database_id,
        "name": None,
        "policy_version": "2026-11-24",
        "requested_at": at,
        "destroyed_at": at,
        "keys": [{"region": "asia", "destroyed_at": at}],
        "stores": stores,
        "kept": [{"what": "the tombstone", "region": "asia", "why": "stops a late write"}],
        "unreachable": [{"what": "logs", "region": None, "why": "they are not searched", "until": None}],
        "sequence": 1,
        "previous": None,
        "signature": {"algorithm": "ECDSA_SHA_256", "key_id": "k", "public_key": "a key", "value": "AA=="},
    }


@pytest.mark.promise("databases.destroyed")
def test_once_destroyed_the_certificate_is_shown_as_it_was_signed(ada: Customer, bob: Customer, parts: Parts) -> None:
    made = parts.databases.change(database(parts, ada.owner), Status.DELETING, NOON)
    parts.databases.change(made, Status.DESTROYED, NOON)
    signed = canonical(certificate(made.id))
    parts.transact(parts.certificates.add_operations(made.id, signed, Head()))

    answer = ada.get(f"/databases/{made.id}/certificate")

    assert answer.status == 200
    assert canonical(answer.json()) == signed
    assert bob.get(f"/databases/{made.id}/certificate").status == 404


@pytest.mark.promise("databases.destroyed")
def test_there_is_no_certificate_before_all_is_gone(ada: Customer, bob: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    path = f"/databases/{made.id}/certificate"
    assert (ada.get(path).status, bob.get(path).status) == (409, 404)
    made = parts.databases.change(made, Status.DELETING, NOON)
    answer = ada.get(path)
    assert answer.status == 409
    assert "deleting" in answer.json()["detail"]
    parts.databases.change(made, Status.DESTROYED, NOON)  # as it was done before there were certificates
    assert ada.get(path).status == 404
    assert ada.get("/databases/db_77777777777777777777777777/certificate").status == 404


@pytest.mark.promise("databases.destroyed")
def test_anybody_can_have_the_key_that_certificates_are_checked_with(app: Any, parts: Parts) -> None:
    """Without it a certificate could be checked by nothing but what it says of itself."""
    answer = http(app, "GET", "/certificates/key")
    assert answer.status == 200
    published = answer.json()
    signature = parts.signer.sign(b"a certificate")
    for name in ("algorithm", "key_id", "public_key"):
        assert published[name] == signature[name]
    public = load_pem_public_key(published["public_key"].encode())
    assert isinstance(public, EllipticCurvePublicKey)
    public.verify(base64.b64decode(signature["value"]), b"a certificate", ECDSA(SHA256()))
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert published["fingerprint"] == hashlib.sha256(der).hexdigest()
