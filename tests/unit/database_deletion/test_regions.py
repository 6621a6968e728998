"""A deletion reaches every region, and one that cannot be reached keeps no other from being emptied."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from privacy.hosting.records import Records, new_record
from privacy.models.databases import Database
from privacy.vault.keys import KeyDestroyedError
from tests.simulation.faults import Call
from tests.simulation.world import World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import POLICY

AWAY = "us-east-1"
"""The region that cannot be reached: not the home, without which nothing goes on."""


@pytest.fixture
def given_up(world: World, region: str) -> Database:
    made = planted.with_counts(planted.database(world.clock(), region=region), 3, 2, world.clock())
    planted.fill(made, world.clock())
    return planted.give_up(made, world.clock())


def there(database_id: str, region: str) -> list[str]:
    """What lies in the stores of a region."""
    return [place for place in planted.left(database_id) if region in place]


def cut_off(world: World, *services: str) -> None:
    """Let no call reach some services of the region that is away."""

    def fault(number: int, call: Call) -> str | None:
        return "unreachable" if call.region == AWAY and (not services or call.service in services) else None

    world.faults.fault = fault


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("region", ["asia", "americas"])
@pytest.mark.parametrize("services", [(), ("dynamodb",), ("s3",)], ids=["all", "tables", "buckets"])
def test_while_a_region_is_away_the_others_are_emptied_and_nothing_is_called_destroyed(
    world: World, given_up: Database, services: tuple[str, ...]
) -> None:
    cut_off(world, *services)
    world.start(given_up)
    for _ in range(4):
        world.drain()
        world.clock.advance(minutes=95)  # what failed is shown again

    assert there(given_up.id, "ap-southeast-1") == []
    assert planted.tombstone(given_up.id, "asia")["key"]["state"] == "destroyed"
    with pytest.raises(KeyDestroyedError):
        planted.host("asia").keyring.key(given_up.id, fresh=True)
    assert there(given_up.id, AWAY)
    assert not planted.is_destroyed(given_up.id)
    assert planted.certificates().get(given_up.id) is None
    removal = planted.removals().get(given_up.id)
    assert removal
    assert removal.settles_at is None

    world.faults.fault = lambda number, call: None
    world.run(until=lambda: planted.is_destroyed(given_up.id), ticks=True)
    assert planted.left(given_up.id) == []
    assert planted.certificates().get(given_up.id)


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_removal_that_waits_for_a_region_is_reported_and_goes_on_by_itself(world: World, given_up: Database) -> None:
    cut_off(world)
    world.start(given_up)
    world.drain()
    begun = world.clock()
    while world.clock() < begun + timedelta(hours=30):
        world.clock.advance(hours=6)  # many a tick did not come
        answer = world.tick()
        world.drain()

    assert answer is None  # the tick fails as well, for it sweeps that region's leftovers
    world.faults.fault = lambda number, call: None
    answer = world.tick()
    assert answer
    late = {store: swept["lag_seconds"] for store, swept in answer.items() if store.startswith("deletion.")}
    six_hours = 6 * 3600
    assert late["deletion.keys"] == late["deletion.records"] == late["deletion.certificate"] == six_hours
    assert late["deletion.jobs"] == late["deletion.deletions"] == 0  # they lie at home
    world.run(until=lambda: planted.is_destroyed(given_up.id), ticks=True)
    assert planted.left(given_up.id) == []


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("region", ["americas"])
def test_a_key_that_cannot_be_destroyed_keeps_its_region_from_being_emptied_before_it(
    world: World, given_up: Database
) -> None:
    world.faults.fault = lambda number, call: "unreachable" if (call.region, call.name) == (AWAY, "put_item") else None
    before = there(given_up.id, AWAY)
    world.start(given_up)
    world.drain()

    assert there(given_up.id, AWAY) == before
    assert there(given_up.id, "ap-southeast-1") == []
    assert [message.ids["step"] for message in world.broker.waiting] == ["start"]  # it comes again
    world.send({"database_id": given_up.id, "step": "region", "region": "americas"}, "americas")  # forged
    world.drain()
    removal = planted.removals().get(given_up.id)
    assert removal
    assert removal.settles_at is None  # for a key still opens what may be written
    world.faults.fault = lambda number, call: None
    world.run(until=lambda: planted.is_destroyed(given_up.id), ticks=True)


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("region", ["asia"])
@pytest.mark.parametrize("when", ["before it settles", "while it settles"])
@pytest.mark.parametrize(
    "what",
    ["record", "row", "file", "stranger", "export", "upload", "backup", "recording", "note", "job", "recording-row"],
)
def test_what_is_written_late_in_the_other_region_is_found_between_the_listings(
    world: World, given_up: Database, what: str, when: str
) -> None:
    host, tag = planted.host("americas"), "5" * 32
    write: Callable[[], object] = {
        "record": lambda: host.content.put({"place": f"{given_up.id}#0a", "id": f"r#{tag}#{tag}", "size": 4}),
        "row": lambda: host.content.put({"place": f"{given_up.id}#0a", "id": f"f#{tag}", "size": 4}),
        "file": lambda: host.s3.put_object(Bucket=host.content_bucket, Key=f"{given_up.id}/{tag}/1", Body=b"x"),
        "stranger": lambda: host.s3.put_object(Bucket=host.content_bucket, Key=f"{given_up.id}/zzz", Body=b"x"),
        "export": lambda: host.s3.create_multipart_upload(
            Bucket=host.transfer_bucket, Key=f"exports/{given_up.id}/exp_late.zip"
        ),
        "upload": lambda: host.s3.put_object(Bucket=host.transfer_bucket, Key=f"staging/{given_up.id}/u", Body=b"x"),
        "backup": lambda: host.s3.put_object(Bucket=host.backup_bucket, Key=f"{given_up.id}/bak.sealed", Body=b"x"),
        "recording": lambda: host.s3.put_object(Bucket=host.recordings_bucket, Key=f"{given_up.id}/r", Body=b"x"),
        "recording-row": lambda: engine.table("recordings").put({"database_id": given_up.id, "id": "rec_late"}),
        "note": lambda: engine.table("deletions").put({"place": f"{given_up.id}#0a", "id": "r#1#2"}),
        "job": lambda: engine.table("jobs").put({"database_id": given_up.id, "id": "job_late"}),
    }[what]
    listed = False

    def when_all_is_emptied() -> None:
        """Between the end of the last segment and the first listing of everything."""
        nonlocal listed
        if listed or [call.name for call in world.faults.calls][-2:-1] != ["put_item"]:
            return
        done = [progress.done_at for progress in planted.removals().progress(given_up.id).values()]
        if len(done) == 17 and all(done):
            listed = True
            write()

    world.start(given_up)
    if when == "before it settles":
        world.faults.meanwhile = when_all_is_emptied
        world.drain()
        assert listed
        assert planted.left(given_up.id) == []  # it did not wait for the last listing
    else:
        world.drain()
        write()
    world.run(until=lambda: planted.is_destroyed(given_up.id))

    assert planted.left(given_up.id) == []


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("region", ["americas"])
def test_an_object_under_a_name_that_is_none_of_ours_goes_from_a_large_database_too(world: World, region: str) -> None:
    made = planted.database(world.clock(), region=region)  # never counted: in four segments
    host = planted.host(region)
    for name in ("no-name-of-ours", "A", "0a", "zz/0"):
        host.s3.put_object(Bucket=host.content_bucket, Key=f"{made.id}/{name}", Body=b"x")
    planted.give_up(made, world.clock())
    world.start(made)
    world.drain()

    assert planted.left(made.id) == []  # at the first attempt
    assert planted.removed(made.id)["files"] == 4
    world.run(until=lambda: planted.is_destroyed(made.id))


@pytest.mark.promise("databases.destroyed")
def test_no_region_takes_a_write_once_the_keys_are_gone(world: World) -> None:
    made = planted.database(world.clock())
    planted.give_up(made, world.clock())
    world.start(made)
    world.deliver(world.broker.waiting[0])

    for region in POLICY.regions:
        with pytest.raises(KeyDestroyedError):
            Records(planted.host(region), made.id).put(new_record("contact", "late", b"{}", world.clock()))
