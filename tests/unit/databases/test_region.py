"""`POST /databases/{id}/region`: what is asked for is queued once; what cannot be is refused with nothing changed."""

import json
from typing import Any

import pytest

from databases.app import build
from databases.parts import DatabasesSettings, Parts, assemble
from databases.region import UNAVAILABLE
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id, new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.settings import load
from tests.unit.customers import Customer, customer, database
from tests.unit.engine import AMERICAS, SetClock, environment, items, messages


@pytest.fixture
def made(ada: Customer, parts: Parts) -> Database:
    return database(parts, ada.owner)


def path(made: Database) -> str:
    return f"/databases/{made.id}/region"


def refused(parts: Parts, made: Database) -> bool:
    """Whether nothing was changed: the database is as it was, no job and no message is there."""
    quiet = not messages("move") and not messages("move", AMERICAS)
    return (
        parts.databases.get(made.id) == made and quiet and not [job for job in items("jobs") if job["kind"] == "move"]
    )


@pytest.mark.promise("databases.region")
def test_a_move_is_queued_where_the_database_is_and_can_be_followed(
    ada: Customer, parts: Parts, made: Database
) -> None:
    answer = ada.post(path(made), body={"region": "americas"})
    assert answer.status == 202
    job_id = answer.json()["job_id"]
    assert [json.loads(body) for body in messages("move")] == [{"database_id": made.id, "job_id": job_id}]
    assert ada.get(f"/databases/{made.id}/jobs/{job_id}").json() == {"kind": "move", "status": "queued", "progress": 0}
    shown = ada.get(f"/databases/{made.id}").json()
    assert (shown["status"], shown["region"]) == ("active", "asia")
    job = parts.jobs.get(made.id, job_id)
    assert job
    assert job.detail == {"from": "asia", "to": "americas"}


@pytest.mark.promise("databases.region")
def test_the_same_request_makes_one_move(ada: Customer, parts: Parts, made: Database) -> None:
    request: dict[str, Any] = {"body": {"region": "americas"}, "headers": {"Idempotency-Key": "once"}}
    first, second = ada.post(path(made), **request), ada.post(path(made), **request)
    assert first.json() == second.json()
    assert len([job for job in items("jobs") if job["kind"] == "move"]) == 1
    assert ada.post(path(made), body={"region": "asia"}, headers={"Idempotency-Key": "once"}).status == 422


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"region": "europe"}, "region"),
        ({"region": ""}, "region"),
        ({"region": "us-east-1"}, "region"),
        ({"region": "Americas"}, "region"),
        ({"region": 7}, "region"),
        ({}, "region"),
        ({"region": "americas", "when": "now"}, "(unknown)"),
    ],
)
def test_a_region_that_we_do_not_have_is_invalid(
    ada: Customer, parts: Parts, made: Database, body: dict[str, Any], field: str
) -> None:
    answer = ada.post(path(made), body=body)
    assert answer.status == 422
    assert set(answer.errors) == {field}
    assert refused(parts, made)


@pytest.mark.promise("databases.region")
def test_the_region_where_it_is_already_is_refused(ada: Customer, parts: Parts, made: Database) -> None:
    answer = ada.post(path(made), body={"region": "asia"})
    assert (answer.status, answer.json()["detail"]) == (409, "the database is in this region already")
    assert refused(parts, made)


@pytest.mark.promise("databases.region", "databases.ownership")
def test_somebody_else_s_database_is_unknown(bob: Customer, parts: Parts, made: Database) -> None:
    assert bob.post(path(made), body={"region": "americas"}).status == 404
    assert refused(parts, made)


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.DELETING, Status.MOVING])
def test_only_an_active_database_is_moved(ada: Customer, parts: Parts, made: Database, status: Status) -> None:
    made = parts.databases.change(made, status, parts.clock())
    answer = ada.post(path(made), body={"region": "americas"})
    assert (answer.status, answer.json()["detail"]) == (409, f"the database is {status.value}; it cannot be moved")
    assert refused(parts, made)


@pytest.mark.promise("databases.region")
def test_a_destroyed_database_is_gone(ada: Customer, parts: Parts, made: Database) -> None:
    deleting = parts.databases.change(made, Status.DELETING, parts.clock())
    parts.databases.change(deleting, Status.DESTROYED, parts.clock())
    assert ada.post(path(made), body={"region": "americas"}).status == 410


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.UPLOAD, Kind.BACKUP)])
@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
def test_nothing_is_moved_while_work_is_under_way(
    ada: Customer, parts: Parts, made: Database, kind: Kind, status: JobStatus
) -> None:
    running = Job(made.id, new_id("job"), kind, status, parts.clock())
    parts.jobs.create(running)
    answer = ada.post(path(made), body={"region": "americas"})
    assert answer.status == 409
    assert f"({kind.value})" in answer.json()["detail"]
    parts.jobs.remove(running)
    assert refused(parts, made)


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.READY, JobStatus.FAILED])
def test_work_that_is_over_an_open_upload_and_a_backup_keep_nobody_from_moving(
    ada: Customer, parts: Parts, made: Database, status: JobStatus
) -> None:
    parts.jobs.create(Job(made.id, new_id_within("bak", made.id), Kind.BACKUP, JobStatus.RUNNING, parts.clock()))
    parts.jobs.create(Job(made.id, new_id("job"), Kind.MOVE, status, parts.clock()))
    parts.jobs.create(Job(made.id, new_id("job"), Kind.UPLOAD, JobStatus.OPEN, parts.clock()))
    assert ada.post(path(made), body={"region": "americas"}).status == 202


@pytest.mark.promise("databases.region")
def test_of_two_moves_at_once_one_is_refused(ada: Customer, parts: Parts, made: Database) -> None:
    assert ada.post(path(made), body={"region": "americas"}).status == 202
    (first,) = [job for job in items("jobs") if job["kind"] == "move"]
    parts.jobs.remove(Job(made.id, first["id"], Kind.MOVE, JobStatus.QUEUED, parts.clock()))
    # Both had looked before either was queued: the mark on the database decides.
    marked = parts.databases.get(made.id)
    assert marked
    assert marked.moving == first["id"]
    operation = parts.databases.move_operation(made, new_id("job"))
    with pytest.raises(Exception, match="condition"):
        parts.transact([operation])
    parts.transact([parts.databases.move_operation(marked, new_id("job"))])


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("closed", ["americas", "europe,americas", "americas,europe"])
def test_a_closed_region_is_refused(parts: Parts, clock: SetClock, closed: str) -> None:
    settings = load(DatabasesSettings, environment("DatabasesFunction", ClosedRegions=closed))
    those = assemble(settings, clock)
    ada = customer(build(lambda: those), those)
    made = database(those, ada.owner)
    answer = ada.post(path(made), body={"region": "americas"})
    assert (answer.status, answer.json()["detail"]) == (409, UNAVAILABLE)
    assert refused(those, made)
    away = database(those, ada.owner, region="americas")
    assert ada.post(path(away), body={"region": "asia"}).status == 202


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize("missing", ["keys", "bucket"])
def test_a_region_that_does_not_answer_is_refused_now_and_taken_once_it_does(
    ada: Customer, parts: Parts, made: Database, missing: str
) -> None:
    host = parts.host("americas")
    if missing == "keys":
        host.keyring.keys.table.client.delete_table(TableName=host.keyring.keys.table.name)
    else:
        host.s3.delete_bucket(Bucket=host.content_bucket)
    answer = ada.post(path(made), body={"region": "americas"})
    assert (answer.status, answer.json()["detail"]) == (409, UNAVAILABLE)
    assert refused(parts, made)


@pytest.mark.promise("databases.region")
def test_a_region_that_hangs_is_refused_before_the_request_times_out(
    ada: Customer, parts: Parts, made: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    from databases import region

    hangs = Event()
    monkeypatch.setattr(region, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(parts.host("americas").s3, "list_objects_v2", lambda **_: hangs.wait(10))
    answer = ada.post(path(made), body={"region": "americas"})
    hangs.set()
    assert (answer.status, answer.json()["detail"]) == (409, UNAVAILABLE)
    assert refused(parts, made)


@pytest.mark.promise("databases.region", "databases.export")
def test_a_database_that_is_being_moved_is_shown_so_and_its_exports_are_given_out(
    ada: Customer, parts: Parts, made: Database
) -> None:
    parts.databases.change(made, Status.MOVING, parts.clock())
    assert ada.get(f"/databases/{made.id}").json()["status"] == "moving"
    answer = ada.post(f"/databases/{made.id}/exports")
    assert answer.status == 409
    assert "being moved" in answer.json()["detail"]
    assert ada.get(f"/databases/{made.id}/exports/exp_{made.id[3:]}{'a' * 26}").status == 404
    assert ada.post(f"/databases/{made.id}/cancellation").status == 409
    assert ada.post(f"/databases/{made.id}/deletion", body={"confirm": made.name}).status == 202
