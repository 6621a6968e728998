"""Database deletion, step by step (promises databases.deletion, databases.destroyed)."""

from datetime import timedelta

import pytest
from boto3.dynamodb.conditions import Key

from privacy.hosting.records import Records, new_record
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.models.removals import opened
from privacy.removal.stores import OTHERS, Everywhere, copies_in
from privacy.vault.keys import KeyDestroyedError
from tests.simulation.broker import Message
from tests.simulation.world import World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY, POLICY

SETTLES = timedelta(seconds=960)
"""The template's SettleSeconds."""


def given_up(world: World, region: str = "asia") -> tuple[Database, dict[str, int]]:
    """A full database whose deletion was asked for; what there is of it."""
    made = planted.with_counts(planted.database(world.clock(), region=region), 3, 2, world.clock())
    there = planted.fill(made, world.clock())
    return planted.give_up(made, world.clock()), there


def steps(world: World) -> list[str]:
    """What waits in the queue, in order."""
    return [message.ids["step"] for message in world.broker.waiting]


def destroy(world: World, database: Database) -> None:
    world.start(database)
    world.run(until=lambda: planted.is_destroyed(database.id))


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_deletion_leaves_nothing_but_a_tombstone_a_fence_and_truthful_counts(
    world: World, region: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made, there = given_up(world, region)

    destroy(world, made)

    assert planted.left(made.id) == []
    assert planted.removed(made.id) == there
    for place in POLICY.regions:
        marks = planted.tombstone(made.id, place)
        assert set(marks["row"]) == {"id", "owner", "region", "status", "created_at", "since", "policy_version"}
        assert set(marks["key"]) == {"database_id", "state", "destroyed_at"}
    removal = planted.removals().get(made.id)
    assert removal
    assert removal.finished_at == world.clock()
    assert not any(CANARY in message.body for message in world.broker.sent)
    assert CANARY not in "".join(capsys.readouterr())


@pytest.mark.promise("databases.destroyed")
def test_the_key_goes_before_anything_else(world: World) -> None:
    made, _ = given_up(world)

    destroy(world, made)

    calls = [call.name for call in world.faults.calls]
    keys = [number for number, name in enumerate(calls) if name == "put_item"][1:3]  # the first opens the journal
    removing = ("batch_write_item", "delete_objects", "abort_multipart_upload")
    assert max(keys) < min(number for number, name in enumerate(calls) if name in removing)
    for region in POLICY.regions:
        assert planted.tombstone(made.id, region)["key"]["state"] == "destroyed"


@pytest.mark.promise("databases.deletion")
def test_the_last_listing_waits_for_every_write_that_may_be_under_way(world: World) -> None:
    made, _ = given_up(world)
    world.start(made)
    world.drain()
    emptied_at = world.clock()
    (message,) = world.broker.waiting
    assert message.ids["step"] == "verify"
    assert message.visible_at - emptied_at == timedelta(seconds=900)  # the longest that a queue delays

    world.clock.set(emptied_at + SETTLES - timedelta(seconds=1))
    world.drain()
    assert not planted.is_destroyed(made.id)
    assert [message.visible_at for message in world.broker.waiting] == [emptied_at + SETTLES]

    world.clock.set(emptied_at + SETTLES)
    world.drain()
    assert planted.is_destroyed(made.id)
    assert world.broker.waiting == []


@pytest.mark.promise("databases.deletion", "databases.destroyed")
@pytest.mark.parametrize("what", ["record", "row", "version", "marker", "part", "export", "staged", "stranger"])
def test_what_was_written_late_is_found_removed_and_looked_for_again(world: World, what: str) -> None:
    made, there = given_up(world)
    world.start(made)
    world.drain()
    host = planted.host()
    tag = "5" * 32
    if what == "record":
        host.content.put({"place": f"{made.id}#0a", "id": f"r#{tag}#{tag}", "sealed": b"late", "size": 4})
    elif what == "row":
        host.content.put({"place": f"{made.id}#0a", "id": f"f#{tag}", "sealed": b"late", "size": 4})
    elif what == "version":
        host.s3.put_object(Bucket=host.content_bucket, Key=f"{made.id}/{tag}", Body=b"late")
    elif what == "marker":
        host.s3.put_object(Bucket=host.content_bucket, Key=f"{made.id}/{tag}", Body=b"late")
        host.s3.delete_object(Bucket=host.content_bucket, Key=f"{made.id}/{tag}")
    elif what == "part":
        host.s3.create_multipart_upload(Bucket=host.content_bucket, Key=f"{made.id}/{tag}")
    elif what == "export":
        host.s3.create_multipart_upload(Bucket=host.transfer_bucket, Key=f"exports/{made.id}/exp_late.zip")
    elif what == "staged":
        host.s3.put_object(Bucket=host.transfer_bucket, Key=f"staging/{made.id}/upl_late", Body=b"late")
    else:
        host.s3.put_object(Bucket=host.content_bucket, Key=f"{made.id}/no-name-of-ours", Body=b"late")
    found_at = world.clock() + SETTLES

    world.run(until=lambda: planted.is_destroyed(made.id))

    assert world.clock() >= found_at + SETTLES
    assert planted.left(made.id) == []
    assert sum(planted.removed(made.id).values()) == sum(there.values()) + (2 if what == "marker" else 1)


@pytest.mark.promise("databases.deletion")
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.DEACTIVATED, Status.MOVING])
@pytest.mark.parametrize("step", ["start", "segment", "verify"])
def test_a_message_for_a_database_that_nobody_gave_up_deletes_nothing(world: World, status: Status, step: str) -> None:
    made = planted.database(world.clock())
    there = planted.fill(made, world.clock())
    if status is not Status.ACTIVE:
        made = planted.databases().change(made, status, world.clock())
    before = planted.left(made.id)
    world.send({"database_id": made.id, "step": step, "store": "records", "segment": "0"})

    world.drain()

    assert planted.left(made.id) == before
    assert len(before) == sum(there.values()) + 1  # the request for support, of which no number is told
    assert planted.databases().get(made.id) == made
    assert planted.removals().get(made.id) is None
    assert planted.tombstone(made.id)["key"]["state"] == "open"
    assert world.broker.waiting == world.broker.dead == []


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_a_message_for_an_id_never_seen_leaves_a_fence_in_every_region(world: World, region: str) -> None:
    unseen = new_id("db")
    world.send({"database_id": unseen, "step": "start"}, region)

    world.drain()

    for place in POLICY.regions:
        assert planted.tombstone(unseen, place)["key"]["state"] == "destroyed"
        with pytest.raises(KeyDestroyedError):
            planted.host(place).keyring.create(unseen, world.clock())
    assert world.broker.waiting == world.broker.dead == []


@pytest.mark.promise("databases.destroyed")
def test_nothing_brings_a_destroyed_database_back(world: World) -> None:
    made, _ = given_up(world)
    destroy(world, made)
    marks, ledger = planted.tombstone(made.id), planted.removals().get(made.id)
    world.clock.advance(days=400)

    for message in list(world.broker.sent):
        world.broker.waiting.append(Message(message.queue, message.region, message.body, world.clock()))
    world.drain()
    with pytest.raises(KeyDestroyedError):
        Records(planted.host(), made.id).put(new_record("contact", "late", b"{}", world.clock()))
    with pytest.raises(KeyDestroyedError):
        planted.host().keyring.create(made.id, world.clock())
    destroyed = planted.databases().get(made.id)
    assert destroyed
    for status in Status:
        with pytest.raises(ValueError, match="does not go"):
            planted.databases().change(destroyed, status, world.clock())

    assert planted.tombstone(made.id) == marks
    assert planted.removals().get(made.id) == ledger
    assert planted.left(made.id) == []


def test_a_large_database_is_shared_out_among_its_segments(world: World) -> None:
    made = planted.database(world.clock())
    there = planted.fill(made, world.clock(), records=20, files=4)
    planted.give_up(made, world.clock())
    world.per_call, world.page = 1.0, 3  # twenty calls are all that one worker does alone
    world.start(made)
    world.deliver(world.broker.waiting[0])

    elsewhere, *shared = [message.ids for message in world.broker.waiting]
    assert elsewhere == {"database_id": made.id, "step": "region", "region": "americas"}
    segments = [(ids["region"], ids["store"], ids["segment"]) for ids in shared]
    assert len(segments) == len(set(segments)) > 4
    assert {region for region, _, _ in segments} == {"asia"}
    assert ("asia", "files", OTHERS) not in segments  # its turn comes last
    world.per_call = 0.0
    world.drain()

    assert steps(world) == ["verify"]
    assert planted.removed(made.id) == there


def test_a_segment_that_runs_out_of_time_sends_itself_on(world: World) -> None:
    made = planted.database(world.clock())
    planted.fill(made, world.clock(), records=160)
    planted.give_up(made, world.clock())
    world.per_call, world.page = 1.0, 2
    world.start(made)
    world.deliver(world.broker.waiting[0])
    message = next(message for message in world.broker.waiting if message.ids.get("store") == "records")

    world.seconds = 70.0  # of which a worker keeps sixty
    world.deliver(message)

    assert [entry.ids for entry in world.broker.waiting].count(message.ids) == 1
    removal = planted.removals().get(made.id)
    assert removal
    assert removal.active_at == world.clock()


def test_of_two_workers_on_one_segment_one_stops_and_nothing_is_counted_twice(world: World) -> None:
    made, there = given_up(world)
    world.page = 2
    calls = 0

    def meanwhile() -> None:
        nonlocal calls
        calls += 1
        if calls in (30, 60, 90):  # another delivery of the same message overtakes the worker
            world.start(made)
            world.deliver(world.broker.waiting[-1])

    world.faults.meanwhile = meanwhile
    destroy(world, made)

    assert calls > 90
    assert planted.removed(made.id) == there
    assert planted.left(made.id) == []


def test_a_woken_removal_that_is_only_settling_gets_its_last_message_again(world: World) -> None:
    made, _ = given_up(world)
    world.start(made)
    world.drain()
    world.broker.waiting.clear()  # the last message is lost
    settling = planted.removals().get(made.id)

    world.start(made)
    world.drain()

    assert steps(world) == ["verify"]
    assert planted.removals().get(made.id) == settling


def test_a_store_that_refuses_fails_the_message_and_not_the_counts(world: World) -> None:
    made, there = given_up(world)
    world.faults.fault = lambda number, call: "timeout-after" if call.name == "delete_objects" else None
    world.start(made)

    world.drain()

    assert not planted.is_destroyed(made.id)
    assert steps(world) == ["start", "region"]  # they come again after their visibility timeout
    world.faults.fault = lambda number, call: None
    world.run(until=lambda: planted.is_destroyed(made.id))
    assert planted.removed(made.id) == there


@pytest.mark.parametrize(
    "database",
    [(0, 0), (5_000, 0), (5_001, 0), (400_000, 100_000), (500_001, 0), None],
)
def test_segments_cover_every_place_once_however_many_there_are(world: World, database: tuple[int, int] | None) -> None:
    made = planted.database(world.clock())
    if database:
        made = planted.with_counts(made, *database, world.clock())
    removal = opened(made, world.clock())
    stores = copies_in(made.id, planted.host(), removal.segments)

    assert removal.segments == {(0, 0): 1, (5_000, 0): 1, (500_001, 0): 16}.get(database or (1, 1), 4)
    places = [place for store in stores if store.name == "records" for place in store.places]  # type: ignore[attr-defined]
    assert sorted(places) == [f"{made.id}#{shard:02x}" for shard in range(16)]
    files = [store for store in stores if store.name == "files" and store.segment != OTHERS]
    prefixes = [prefix for store in files for prefix in store.prefixes]  # type: ignore[attr-defined]
    assert sorted(prefixes) == ([f"{made.id}/{d:x}" for d in range(16)] if removal.segments > 1 else [f"{made.id}/"])
    for name in {store.name for store in stores}:
        assert len([store for store in stores if store.name == name]) == removal.segments_of(name, "asia")
        assert removal.segments_of(name, "americas") == 1
    ids = [store.segment for store in stores if store.name == "files"]
    assert (OTHERS in ids) == (removal.segments > 1)


@pytest.mark.parametrize("segments", [1, 4, 16])
def test_segments_share_nothing_and_leave_nothing_out_whatever_its_name(world: World, segments: int) -> None:
    made, host = planted.database(world.clock()), planted.host()
    ids = ["", "f#1", "q", "r", "r#", "r#1#2", "s#1", "\U0001f98a"]
    for number, name in enumerate(ids):
        engine.table("content").put({"place": f"{made.id}#{number:02x}", "id": name or "#"})
    names = [f"{digit:x}0/1" for digit in range(16)] + ["", "A", "g", "ä", "/", "f"]
    for name in names:
        host.s3.put_object(Bucket=host.content_bucket, Key=f"{made.id}/{name}", Body=b"x")
        host.s3.create_multipart_upload(Bucket=host.content_bucket, Key=f"{made.id}/{name}")

    listed = [thing for store in copies_in(made.id, host, segments) for thing in store.left()]

    assert len(listed) == len(set(listed)) == len(ids) + 2 * len(names)


def test_a_shard_of_more_than_one_megabyte_is_emptied_page_by_page(world: World) -> None:
    made = planted.with_counts(planted.database(world.clock()), 12, 0, world.clock())
    place = f"{made.id}#07"
    for number in range(12):
        engine.table("content").put({"place": place, "id": f"r#{number:032x}#a", "sealed": bytes(300_000), "size": 1})
    assert len(list(engine.table("content").pages(Key("place").eq(place)))) > 1
    planted.give_up(made, world.clock())

    destroy(world, made)

    assert planted.removed(made.id)["records"] == 12
    assert planted.left(made.id) == []


def test_eleven_hundred_versions_of_objects_take_two_bulk_deletes(world: World) -> None:
    made = planted.with_counts(planted.database(world.clock()), 0, 1, world.clock())
    host = planted.host()
    for number in range(1_100):
        host.s3.put_object(Bucket=host.content_bucket, Key=f"{made.id}/{number % 7:032x}", Body=b"x")
    planted.give_up(made, world.clock())

    destroy(world, made)

    assert planted.removed(made.id)["files"] == 1_100
    assert [call.name for call in world.faults.calls].count("delete_objects") == 2
    assert planted.left(made.id) == []


def test_a_thing_costs_little_more_than_its_share_of_a_batch(world: World) -> None:
    made = planted.with_counts(planted.database(world.clock()), 2_000, 0, world.clock())
    items = [
        {"place": f"{made.id}#{number % 16:02x}", "id": f"r#{number:032x}#a", "size": 1} for number in range(2_000)
    ]
    engine.table("content").put_all(items)
    planted.give_up(made, world.clock())

    destroy(world, made)

    assert planted.removed(made.id)["records"] == 2_000
    writes = [call.name for call in world.faults.calls].count("batch_write_item")
    assert writes == 2_000 / 25  # as many as a plain batch writer makes
    assert len(world.faults.calls) <= writes + 340  # every store of both regions, and two listings of each


def test_looking_again_misses_no_place_of_any_region(world: World) -> None:
    made = planted.database(world.clock())
    hosts = [planted.host(region) for region in POLICY.regions]
    jobs, deletions, recordings, access = map(engine.table, ("jobs", "deletions", "recordings", "access"))
    everywhere = Everywhere(hosts, jobs, deletions, recordings, "asia", access)

    assert not any(look.left() for look in everywhere.looks(made.id))
    planted.fill(made, world.clock())
    blind = {(look.name, look.region) for look in everywhere.looks(made.id) if not look.left()}
    assert blind == {("exports", "americas")}  # a move leaves none there
