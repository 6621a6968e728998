"""What a writer who died left in the content bucket goes in the first tick after an hour, in every region."""

from typing import Any

import pytest

from database_expiry.app import build
from database_expiry.parts import Parts, assemble
from privacy.hosting.files import Files
from privacy.models.ids import new_id
from privacy.settings import Deployment, load
from tests.unit.engine import Context, SetClock, environment, items, schedule_event
from tests.unit.interference import KilledError, killed_at


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("DatabaseExpiryFunction")), clock)


def tick(parts: Parts) -> Any:
    return build(lambda: parts)(schedule_event(parts.clock()), Context())["leftovers"]


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_dead_writers_bytes_go_in_the_first_tick_after_an_hour(parts: Parts, clock: SetClock, region: str) -> None:
    host, database_id = parts.host(region), new_id("db")
    host.keyring.create(database_id, clock())
    files = Files(host, database_id)
    files.put("kept", "text/plain", b"kept", clock())
    with killed_at(3), pytest.raises(KilledError):  # after the bytes, before the row
        files.put("lost", "text/plain", b"lost", clock())

    def versions() -> int:
        return len(host.s3.list_object_versions(Bucket=host.content_bucket)["Versions"])

    assert versions() == 2
    clock.advance(minutes=59)
    assert tick(parts)["removed"] == 0
    clock.advance(minutes=15)
    assert tick(parts) == {"removed": 1, "lag_seconds": 14 * 60, "left": False}
    assert tick(parts)["removed"] == 0
    assert versions() == 1
    assert [item["id"][:2] for item in items("content", host.aws_region)] == ["f#"]
    assert files.read("kept", at_most=10) is not None
