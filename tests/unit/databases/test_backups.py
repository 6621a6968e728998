"""The list of a database's backups, as its owner sees it: both copies, and when each was found whole."""

from datetime import timedelta
from typing import Any

import pytest

from databases.parts import Parts
from privacy.models.backups import Backup, Copy
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id_within
from privacy.models.jobs import Job, JobStatus, Kind
from privacy.tables.store import transact
from tests.unit.customers import Customer, database, destroyed, signed_in
from tests.unit.engine import SetClock

pytestmark = pytest.mark.promise("databases.backups")


def backup(parts: Parts, made: Database, status: JobStatus = JobStatus.READY) -> str:
    """A backup that is begun now and over at once."""
    now = parts.clock()
    job = Job(made.id, new_id_within("bak", made.id), Kind.BACKUP, JobStatus.QUEUED, now)
    parts.jobs.create(job)
    copies = (Copy("americas", "v1", now), Copy("asia", "v2", now + timedelta(seconds=7)))
    detail = Backup(made.id, job.id, now, now, 1234, "ab" * 32, copies).detail()
    if status is not JobStatus.QUEUED:
        held = parts.jobs.take(made.id, job.id, now)
        assert held is not None
        transact(parts.jobs.table.client, [parts.jobs.finish_operation(held, status, now, detail=detail)])
    return job.id


def listed(who: Customer, made: Database, query: str = "") -> Any:
    answer = who.get(f"/databases/{made.id}/backups{query}")
    assert answer.status == 200, answer.body
    return answer.json()


def test_a_backup_is_shown_with_its_two_copies_and_its_end(ada: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    assert listed(ada, made) == {"items": [], "next_cursor": None}
    backup_id = backup(parts, made)
    assert listed(ada, made)["items"] == [
        {
            "backup_id": backup_id,
            "created_at": "2026-11-24T12:00:00Z",
            "expires_at": "2026-12-08T12:00:00Z",
            "bytes": 1234,
            "copies": [
                {"region": "americas", "verified_at": "2026-11-24T12:00:00Z"},
                {"region": "asia", "verified_at": "2026-11-24T12:00:07Z"},
            ],
        }
    ]


def test_from_the_second_of_its_end_it_is_shown_no_more_though_it_still_lies_there(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    made = database(parts, ada.owner)
    backup_id = backup(parts, made)
    clock.advance(days=14, seconds=-1)
    assert [item["backup_id"] for item in _later(ada, parts, made)] == [backup_id]
    clock.advance(seconds=1)
    assert _later(ada, parts, made) == []


def _later(who: Customer, parts: Parts, made: Database) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = listed(signed_in(who, parts), made)["items"]
    return items


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.FAILED])
def test_one_that_is_not_ready_is_not_shown(ada: Customer, parts: Parts, status: JobStatus) -> None:
    made = database(parts, ada.owner)
    backup(parts, made, status)
    assert listed(ada, made)["items"] == []


def test_they_come_newest_first_and_in_pages(ada: Customer, parts: Parts, clock: SetClock) -> None:
    made = database(parts, ada.owner)
    ids = []
    for _ in range(5):
        ids.append(backup(parts, made))
        clock.advance(hours=1)
    found: list[str] = []
    query = "?limit=2"
    while query:
        page = listed(ada, made, query)
        found += [item["backup_id"] for item in page["items"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert found == ids[::-1]


def test_a_cursor_that_expired_ends_the_list_and_a_foreign_one_is_refused(
    ada: Customer, parts: Parts, clock: SetClock
) -> None:
    made, other = database(parts, ada.owner), database(parts, ada.owner)
    backup(parts, made)
    oldest = backup(parts, made)
    cursor = listed(ada, made, "?limit=1")["next_cursor"]
    for job in parts.jobs.of_database(made.id, "bak"):
        parts.jobs.remove(job)
    assert oldest
    assert listed(ada, made, f"?limit=1&cursor={cursor}") == {"items": [], "next_cursor": None}
    assert ada.get(f"/databases/{other.id}/backups?cursor={cursor}").status == 422
    assert ada.get(f"/databases/{made.id}/backups?cursor=eA").status == 422
    assert ada.get(f"/databases/{made.id}/backups?limit=0").status == 422


@pytest.mark.promise("databases.ownership", "databases.destroyed")
def test_they_are_nobody_else_s_and_go_with_their_database(ada: Customer, bob: Customer, parts: Parts) -> None:
    made = database(parts, ada.owner)
    backup(parts, made)
    assert bob.get(f"/databases/{made.id}/backups").status == 404
    assert ada.get("/databases/db_x/backups").status == 404
    deactivated = parts.databases.change(made, Status.DEACTIVATED, parts.clock())
    assert len(listed(ada, made)["items"]) == 1
    parts.databases.change(deactivated, Status.DELETING, parts.clock())
    assert ada.get(f"/databases/{made.id}/backups").status == 409
    other = database(parts, ada.owner)
    destroyed(parts, other)
    assert ada.get(f"/databases/{other.id}/backups").status == 410
