"""The certificate says what the stores and the journal say, is signed, chained, and holds nothing of a person."""

import hashlib
import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local import certificates
from privacy.clock import rfc3339
from privacy.models.databases import Database, Status
from privacy.models.removals import places
from privacy.policy import load
from tests.simulation.faults import Call
from tests.simulation.world import World
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY, POLICY


def destroyed(world: World, region: str = "asia") -> tuple[Database, dict[str, int]]:
    made = planted.with_counts(planted.database(world.clock(), region=region), 3, 2, world.clock())
    there = planted.fill(made, world.clock())
    made = planted.give_up(made, world.clock())
    world.start(made)
    world.run(until=lambda: planted.is_destroyed(made.id))
    return made, there


def certificate(database: Database) -> dict[str, Any]:
    content = planted.certificates().get(database.id)
    assert content
    return certificates.check(content).document


@pytest.mark.promise("databases.destroyed", "databases.deletion")
@pytest.mark.parametrize("region", ["asia", "americas"])
def test_it_tells_of_every_store_of_every_region_what_the_journal_tells(world: World, region: str) -> None:
    begun = world.clock()
    made, there = destroyed(world, region)
    document = certificate(made)

    assert document["database_id"] == made.id
    assert document["name"] is None
    assert document["policy_version"] == load().version.isoformat()
    assert document["requested_at"] == rfc3339(begun)
    assert document["destroyed_at"] == rfc3339(world.clock())
    ends = [{"region": name, "destroyed_at": rfc3339(begun)} for name in sorted(POLICY.regions)]
    assert document["keys"] == ends
    stores = {(row["store"], row["region"]): row for row in document["stores"]}
    assert list(stores) == places(POLICY.regions, "asia")
    sums: dict[str, int] = {}
    for (store, place), row in stores.items():
        sums[store] = sums.get(store, 0) + row["removed"]
        journal = [
            progress
            for progress in planted.removals().progress(made.id).values()
            if (progress.store, progress.region) == (store, place)
        ]
        assert row["removed"] == sum(progress.removed for progress in journal)
        assert row["emptied_at"] == rfc3339(begun)
        assert [check["at"] for check in row["checks"]] == [rfc3339(begun), rfc3339(world.clock())]
        assert [check["left"] for check in row["checks"]] == [0, 0]
        assert all(("S3" in check["method"]) is (store not in planted.IN_TABLES) for check in row["checks"])
    assert sums == there
    assert stores["files", planted.other(region)]["removed"] == 2


@pytest.mark.promise("databases.destroyed")
def test_what_nobody_can_reach_is_never_left_out(world: World) -> None:
    made, _ = destroyed(world)
    rows = certificate(made)["unreachable"]

    until = {(row["what"].split(":")[0].rsplit(" in ")[0].split()[-1], row["region"]): row["until"] for row in rows}
    gone = rfc3339(world.clock() + timedelta(days=35))
    for table, region in (("content", "asia"), ("content", "americas"), ("databases", "asia"), ("deletions", "asia")):
        assert until[table, region] == gone
    assert any("name in plain" in row["what"] for row in rows)
    assert all(row["why"] for row in rows)
    assert {row["what"] for row in rows if row["until"] is None} == {
        "logs",
        "what the owner, or whoever had a link from the owner, downloaded",
    }


@pytest.mark.promise("databases.destroyed")
def test_it_holds_no_personal_data_nor_does_anything_on_its_way(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    made, _ = destroyed(world)
    content = planted.certificates().get(made.id)
    assert content
    assert CANARY.encode() not in content
    assert made.owner.encode() not in content
    assert CANARY not in "".join(capsys.readouterr())


@pytest.mark.promise("databases.destroyed")
def test_a_listing_that_found_something_is_no_check(world: World) -> None:
    made = planted.with_counts(planted.database(world.clock()), 3, 2, world.clock())
    planted.fill(made, world.clock())
    planted.give_up(made, world.clock())
    world.start(made)
    world.drain()
    first = world.clock()
    host = planted.host("americas")
    host.s3.put_object(Bucket=host.backup_bucket, Key=f"{made.id}/late", Body=b"x")

    world.run(until=lambda: planted.is_destroyed(made.id))

    found_at = first + timedelta(seconds=960)
    (backups,) = [
        row for row in certificate(made)["stores"] if (row["store"], row["region"]) == ("backups", "americas")
    ]
    assert backups["emptied_at"] == rfc3339(found_at)
    assert [check["at"] for check in backups["checks"]] == [rfc3339(found_at), rfc3339(world.clock())]
    assert world.clock() == found_at + timedelta(seconds=960)


# --- the chain -------------------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.destroyed")
def test_each_follows_the_one_before_it(world: World) -> None:
    made = [destroyed(world)[0] for _ in range(3)]

    checked = [certificates.check(planted.certificates().get(one.id) or b"") for one in made]
    assert [one.document["sequence"] for one in checked] == [1, 2, 3]
    assert checked[0].document["previous"] is None
    certificates.follows(checked[1], checked[0])
    certificates.follows(checked[2], checked[1])
    assert [json.loads(content) for content in planted.certificates().chain()] == [
        one.document for one in reversed(checked)
    ]
    with pytest.raises(certificates.CertificateError, match="does not follow"):
        certificates.follows(checked[2], checked[0])
    with pytest.raises(certificates.CertificateError, match="first of its chain"):
        certificates.follows(checked[0], checked[1])


@pytest.mark.promise("databases.destroyed")
def test_two_that_end_at_the_same_moment_do_not_follow_the_same_one(world: World) -> None:
    made = []
    for _ in range(4):
        database = planted.with_counts(planted.database(world.clock()), 0, 0, world.clock())
        made.append(planted.give_up(database, world.clock()))
        world.start(database)
    world.drain()
    world.clock.advance(seconds=960)
    depth = 0

    def another_overtakes() -> None:
        """While one is signed, the next is certified."""
        nonlocal depth
        if world.faults.calls[-1].name == "sign" and world.broker.due("deletion") and depth < 3:
            depth += 1
            world.deliver(world.broker.due("deletion")[-1])

    world.faults.meanwhile = another_overtakes
    while due := world.broker.due("deletion"):
        world.deliver(due[0])

    assert depth == 3
    assert all(planted.is_destroyed(database.id) for database in made)
    chain = list(planted.certificates().chain())
    assert sorted(json.loads(content)["database_id"] for content in chain) == sorted(one.id for one in made)
    for later, earlier in itertools.pairwise(chain):
        assert json.loads(later)["previous"] == hashlib.sha256(earlier).hexdigest()
    signatures = [call.name for call in world.faults.calls].count("sign")
    assert signatures == 4 + 3  # the overtaken signed again


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("befalls", ["unreachable", "timeout-after"])
@pytest.mark.parametrize("name", ["sign", "get_public_key", "transact_write_items"])
def test_a_database_is_destroyed_with_its_certificate_or_not_yet(world: World, name: str, befalls: str) -> None:
    made = planted.with_counts(planted.database(world.clock()), 0, 0, world.clock())
    planted.give_up(made, world.clock())
    world.start(made)
    world.drain()
    world.clock.advance(seconds=960)

    def fault(number: int, call: Call) -> str | None:
        return befalls if call.name == name else None

    world.faults.fault = fault
    world.drain()
    both = (planted.is_destroyed(made.id), planted.certificates().get(made.id) is not None)
    assert both == ((True, True) if (name, befalls) == ("transact_write_items", "timeout-after") else (False, False))

    world.faults.fault = lambda number, call: None
    world.run(until=lambda: planted.is_destroyed(made.id), ticks=True)
    assert certificate(made)["sequence"] == 1
    assert len(list(planted.certificates().chain())) == 1


@pytest.mark.promise("databases.destroyed")
def test_two_workers_at_the_last_listing_leave_one_certificate(world: World) -> None:
    made = planted.with_counts(planted.database(world.clock()), 0, 0, world.clock())
    planted.give_up(made, world.clock())
    world.start(made)
    world.drain()
    world.clock.advance(seconds=960)
    world.send({"database_id": made.id, "step": "verify"})
    nested = 0

    def meanwhile() -> None:
        nonlocal nested
        if world.faults.calls[-1].name == "transact_write_items" and not nested:
            nested += 1
            world.deliver(world.broker.due("deletion")[-1])

    world.faults.meanwhile = meanwhile
    world.drain()

    assert nested == 1
    assert certificate(made)["sequence"] == 1
    assert planted.certificates().head().sequence == 1
    found = planted.databases().get(made.id)
    assert found
    assert found.status is Status.DESTROYED


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize("removes", [True, False])
def test_a_late_worker_at_a_store_makes_both_listings_be_made_again(world: World, removes: bool) -> None:
    made = planted.with_counts(planted.database(world.clock()), 3, 2, world.clock())
    planted.fill(made, world.clock())
    planted.give_up(made, world.clock())
    world.start(made)
    world.drain()
    world.clock.advance(minutes=5)
    first = planted.removals().get(made.id)
    assert first
    # It read the journal before the removal settled, and writes to it now.
    progress = planted.removals().progress(made.id)["asia#records#0"]
    pending = b"12345678" if removes else b""
    late = planted.removals().save(replace(progress, done_at=None, pending=pending))
    assert late
    planted.removals().save(replace(late, removed=late.removed + removes, pending=b"", done_at=world.clock()))

    world.run(until=lambda: planted.is_destroyed(made.id))

    (records,) = [row for row in certificate(made)["stores"] if (row["store"], row["region"]) == ("records", "asia")]
    assert records["removed"] == 3 + removes
    assert records["emptied_at"] <= records["checks"][0]["at"] < records["checks"][1]["at"]
    assert records["checks"][0]["at"] > rfc3339(first.looked_at or first.started_at)
