"""Exports: asked for, followed, and linked to for minutes, never beyond the file's end."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from databases.parts import Parts
from privacy.models.databases import Database, Status
from privacy.models.ids import database_of
from privacy.models.jobs import Job, JobStatus
from privacy.tables.store import transact
from tests.unit.customers import Customer, database, signed_in
from tests.unit.engine import AMERICAS, NOON, SetClock, items, messages
from tests.unit.interference import once_before


def asked(ada: Customer, made: Database) -> str:
    answer = ada.post(f"/databases/{made.id}/exports")
    assert answer.status == 202, answer.body
    return str(answer.json()["export_id"])


def taken(parts: Parts, made: Database, export_id: str) -> Job:
    job = parts.jobs.take(made.id, export_id, parts.clock())
    assert job is not None
    return job


def ready(parts: Parts, made: Database, export_id: str) -> None:
    """What the worker does when it is done."""
    job = taken(parts, made, export_id)
    detail = {"bytes": 1234, "sha256": "ab" * 32}
    finish = parts.jobs.finish_operation(job, JobStatus.READY, parts.clock(), detail=detail)
    transact(parts.jobs.table.client, [finish])


@pytest.mark.promise("databases.export")
def test_an_export_is_queued_where_the_database_lies(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner, region="americas")
    export_id = asked(ada, made)
    assert [json.loads(body) for body in messages("export", AMERICAS)] == [
        {"database_id": made.id, "export_id": export_id}
    ]
    assert messages("export") == []
    assert ada.get(f"/databases/{made.id}/exports/{export_id}").json() == {
        "status": "queued",
        "progress": 0,
        "bytes": None,
        "sha256": None,
        "url": None,
        "url_expires_at": None,
        "expires_at": None,
    }


def test_an_exports_id_holds_its_databases_and_random_bits_of_its_own(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    one, other = asked(ada, made), asked(ada, made)
    assert one != other
    assert re.fullmatch(r"exp_[a-z2-7]{52}", one)
    assert database_of("exp", one) == made.id


@pytest.mark.promise("databases.export")
def test_a_cancelled_database_can_be_exported_until_its_grace_period_ends(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    made = database(parts, ada.owner)
    ada.post(f"/databases/{made.id}/cancellation")
    asked(ada, made)
    clock.set(datetime(2026, 12, 15, 11, 59, 59, tzinfo=UTC))
    ada = signed_in(ada, parts)
    asked(ada, made)
    clock.advance(seconds=1)
    assert ada.post(f"/databases/{made.id}/exports").status == 409


def test_a_database_that_is_being_deleted_is_not_exported(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    export_id = asked(ada, made)
    ready(parts, made, export_id)
    messages("export")
    parts.databases.change(made, Status.DELETING, NOON)
    assert ada.post(f"/databases/{made.id}/exports").status == 409
    assert ada.get(f"/databases/{made.id}/exports/{export_id}").status == 409
    assert messages("export") == []


def test_an_export_that_a_deletion_overtakes_is_refused_and_leaves_no_job(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    with once_before("dynamodb.TransactWriteItems", lambda: parts.databases.change(made, Status.DELETING, NOON)):
        assert ada.post(f"/databases/{made.id}/exports").status == 409
    assert items("jobs") == []
    assert messages("export") == []


@pytest.mark.promise("exports.retention")
def test_a_ready_export_has_a_link_that_lives_for_a_quarter_of_an_hour(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner, region="americas")
    export_id = asked(ada, made)
    ready(parts, made, export_id)
    shown = ada.get(f"/databases/{made.id}/exports/{export_id}").json()
    link = urlsplit(shown.pop("url"))
    assert shown == {
        "status": "ready",
        "progress": 100,
        "bytes": 1234,
        "sha256": "ab" * 32,
        "url_expires_at": "2026-11-24T12:15:00Z",
        "expires_at": "2026-12-01T12:00:00Z",
    }
    assert parse_qs(link.query)["X-Amz-Expires"] == ["900"]
    assert link.path.endswith(f"exports/{made.id}/{export_id}.zip")


@pytest.mark.promise("exports.retention")
@pytest.mark.parametrize(("seconds", "status", "life"), [(-60, "ready", "60"), (-1, "ready", "1"), (0, "expired", "")])
def test_a_link_never_outlives_the_file_and_an_expired_export_has_none(
    ada: Customer, parts: Parts, clock: SetClock, seconds: int, status: str, life: str
) -> None:
    made = database(parts, ada.owner)
    export_id = asked(ada, made)
    ready(parts, made, export_id)
    clock.set(NOON + timedelta(days=7, seconds=seconds))
    shown = signed_in(ada, parts).get(f"/databases/{made.id}/exports/{export_id}").json()
    assert (shown["status"], shown["expires_at"]) == (status, "2026-12-01T12:00:00Z")
    if life:
        assert parse_qs(urlsplit(shown["url"]).query)["X-Amz-Expires"] == [life]
        assert shown["url_expires_at"] == "2026-12-01T12:00:00Z"
    else:
        assert (shown["url"], shown["url_expires_at"]) == (None, None)


def test_a_running_and_a_failed_export_say_so(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    export_id = asked(ada, made)
    job = parts.jobs.keep(taken(parts, made, export_id), NOON, progress=40, detail={})
    assert job is not None
    shown = ada.get(f"/databases/{made.id}/exports/{export_id}").json()
    assert (shown["status"], shown["progress"], "error" in shown) == ("running", 40, False)
    transact(
        parts.jobs.table.client, [parts.jobs.finish_operation(job, JobStatus.FAILED, NOON, error="a sentence of ours")]
    )
    shown = ada.get(f"/databases/{made.id}/exports/{export_id}").json()
    assert (shown["status"], shown["error"], shown["url"]) == ("failed", "a sentence of ours", None)


def test_the_same_key_asks_for_one_export(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    key = {"Idempotency-Key": "one"}
    first = ada.post(f"/databases/{made.id}/exports", headers=key)
    again = ada.post(f"/databases/{made.id}/exports", headers=key)
    assert again.body == first.body
    assert len(items("jobs")) == 1
    assert len(messages("export")) == 1


def test_an_export_of_another_database_is_not_found_under_this_one(ada: Customer, parts: Parts) -> None:
    made, other = database(parts, ada.owner), database(parts, ada.owner)
    export_id = asked(ada, other)
    for wrong in (export_id, "exp_x", "job_" + "a" * 26, "%00", "exp_" + "a" * 52):
        assert ada.get(f"/databases/{made.id}/exports/{wrong}").status == 404
