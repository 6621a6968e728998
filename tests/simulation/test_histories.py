"""Random histories of deletions: what AWS may do to messages, workers and ticks, all at once, told by a seed."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from database_deletion.deletion import QUEUE
from privacy.hosting.records import Records, new_record
from privacy.hosting.transfers import export_key, staging_key
from privacy.models.databases import Database, Status
from privacy.models.removals import AT_HOME, EVERYWHERE, UNCOUNTED
from privacy.tables.store import instant
from tests.simulation.broker import Message
from tests.simulation.faults import Call
from tests.simulation.world import TICK, World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import CANARY, POLICY
from tests.unit.engine import SetClock

pytestmark = pytest.mark.usefixtures("stores")

SHORT = 3
"""Histories in `make test`."""

STORES = (*AT_HOME, *EVERYWHERE)

CHAOS = timedelta(hours=3)
"""How long everything goes wrong; then only the sweep and the queues are left to make up for it."""

IN_FLIGHT = timedelta(seconds=960)
"""How long after its key's destruction a database may still be written to: the longest function's timeout and the life
of a cached key (template.yaml, SettleSeconds).
"""


@dataclass
class History:
    """One history. Everything random in it comes from `seed`, but for the order in which the threads of a tick run."""

    seed: int
    clock: SetClock
    chance: random.Random = field(init=False)
    world: World = field(init=False)
    there: dict[str, dict[str, int]] = field(default_factory=dict)
    given_up: list[Database] = field(default_factory=list)
    depth: int = 0
    calm: bool = False

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.world = World(
            self.clock,
            seconds=self.chance.choice([75.0, 120.0, 900.0]),
            per_call=self.chance.choice([0.0, 0.2, 1.0]),
            page=self.chance.choice([2, 3, 5, 25]),
        )
        self.world.faults.fault = self.fault
        self.world.faults.meanwhile = self.meanwhile
        self.world.broker.lose = lambda: self.happens(0.1)

    def happens(self, probability: float) -> bool:
        return not self.calm and self.chance.random() < probability

    def fault(self, number: int, call: Call) -> str | None:
        if self.happens(0.004):
            return self.chance.choice(["crash-before", "crash-after"])
        if self.happens(0.004):
            return "timeout-after"
        return "twice" if self.happens(0.01) else None

    def meanwhile(self) -> None:
        """Between two calls of a worker another one runs, or a write arrives that was under way."""
        if self.happens(0.01):
            self.late_write()
        if self.depth < 2 and self.happens(0.01):
            self.deliver_one()

    def give_up(self, database: Database) -> None:
        planted.give_up(database, self.clock())
        self.given_up.append(database)
        if not self.happens(0.2):  # else the message was lost before it was taken
            self.world.start(database)

    def late_write(self) -> None:
        """A write that was under way when the key went: no condition stops it."""
        database = self.chance.choice(self.given_up)
        fence = planted.tombstone(database.id, database.region)["key"].get("destroyed_at")
        if fence is None or self.clock() < instant(fence) + IN_FLIGHT:
            self.write(database)

    def write(self, database: Database) -> None:
        """One thing more in one of the database's stores, mostly where it is hosted."""
        elsewhere = self.chance.random() < 0.3
        host = planted.host(planted.other(database.region) if elsewhere else database.region)
        tag = f"{self.chance.getrandbits(128):032x}"
        stores = [store for store in STORES if store != "jobs"]
        store = self.chance.choice(stores)
        place = f"{database.id}#{self.chance.randrange(16):02x}"
        if store in ("records", "catalogue"):
            item_id = f"r#{tag}#{tag}" if store == "records" else f"f#{tag}"
            host.content.put({"place": place, "id": item_id, "sealed": CANARY.encode(), "size": 4})
        elif store == "deletions":
            engine.table("deletions").put({"place": place, "id": f"f#{tag}"})
        elif store == "recording-rows":
            engine.table("recordings").put({"database_id": database.id, "id": f"rec_{tag}"})
        elif store == "access":
            engine.table("access").put({"database_id": database.id, "id": f"red_{tag}"})
        elif store == "recordings":
            key = f"{database.id}/rec_{tag[:26]}"
            host.s3.put_object(Bucket=host.recordings_bucket, Key=key, Body=CANARY.encode())
        elif store == "backups":
            key = f"{database.id}/bak_{tag[:26]}.sealed"
            host.s3.put_object(Bucket=host.backup_bucket, Key=key, Body=CANARY.encode())
        elif store == "files":
            key = f"{database.id}/{tag[:2]}{'0' * 30}"  # some share a key: versions
            host.s3.put_object(Bucket=host.content_bucket, Key=key, Body=CANARY.encode())
        elif store == "exports":
            key = export_key(database.id, f"exp_{tag[:26]}")
            host.s3.create_multipart_upload(Bucket=host.transfer_bucket, Key=key)
        else:
            key = staging_key(database.id, f"upl_{tag[:26]}")
            host.s3.put_object(Bucket=host.transfer_bucket, Key=key, Body=CANARY.encode())
        there = self.there.setdefault(database.id, dict.fromkeys(STORES, 0))
        there[store] += store not in UNCOUNTED

    def database(self, region: str) -> Database:
        """A database with up to 25 things in it, counted (and so emptied by one worker) or not."""
        letters = "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=26))
        made = planted.database(self.clock(), region=region, database_id=f"db_{letters}")
        if self.chance.random() < 0.5:
            made = planted.with_counts(made, 9, 2, self.clock())
        for _ in range(self.chance.randrange(1, 25)):
            self.write(made)
        return made

    def deliver_one(self) -> None:
        """Deliver any message that is due, perhaps one that is being worked on; what is done may come once more."""
        due = self.world.broker.due(QUEUE)
        if self.happens(0.3):
            due += [message for message in self.world.broker.sent if message.queue == QUEUE][-20:]
        if not due:
            return
        message = self.chance.choice(due)
        if message not in self.world.broker.waiting:
            self.world.broker.waiting.append(Message(message.queue, message.region, message.body, self.clock()))
            message = self.world.broker.waiting[-1]
        self.depth += 1
        try:
            self.world.deliver(message)
        finally:
            self.depth -= 1

    def chaos(self) -> None:
        end, next_tick = self.clock() + CHAOS, self.clock() + TICK
        while self.clock() < end:
            moments = [moment for moment in (self.world.broker.next_at(QUEUE), next_tick) if moment]
            self.clock.set(max(self.clock(), min(moments)))
            if self.clock() >= next_tick:
                next_tick += TICK
                if not self.happens(0.5):
                    self.world.tick()
            if self.happens(0.3):
                self.late_write()
            for _ in range(len(self.world.broker.due(QUEUE))):
                self.deliver_one()
            self.clock.advance(seconds=self.chance.randrange(40))

    def settle(self) -> None:
        """What the sweep and the queues make of it when nothing goes wrong any more."""
        self.calm = True
        self.world.run(until=lambda: all(planted.is_destroyed(database.id) for database in self.given_up), ticks=True)


def run(history: History) -> None:
    """A database given up by its owner, one whose grace ends, and a neighbour that nobody gave up."""
    clock, chance = history.clock, history.chance
    region, other = chance.sample(["asia", "americas"], 2)
    given, cancelled = history.database(region), history.database(other)
    neighbour = planted.database(clock(), region=region)
    grace_ends_in = timedelta(seconds=chance.randrange(9999))
    planted.databases().change(cancelled, Status.DEACTIVATED, clock() - timedelta(days=21) + grace_ends_in)
    record = new_record("contact", "kept", b'{"kept":1}', clock())
    Records(planted.host(region), neighbour.id).put(record)

    history.give_up(given)
    history.given_up.append(cancelled)
    history.world.start(neighbour)  # forged, or late
    history.chaos()
    history.settle()

    for database in history.given_up:
        assert planted.left(database.id) == []
        assert planted.removed(database.id) == history.there[database.id]
        assert planted.certified(database.id) == history.there[database.id]
        for place in POLICY.regions:
            assert planted.tombstone(database.id, place)["key"]["state"] == "destroyed"
    kept = planted.databases().get(neighbour.id)
    assert kept
    assert kept.status is Status.ACTIVE
    assert Records(planted.host(region), neighbour.id).get("contact", "kept") == record
    assert planted.removed(neighbour.id) == {}

    ledger = [planted.removals().get(database.id) for database in history.given_up]
    for message in list(history.world.broker.sent):  # everything once more, long after
        if message.queue == QUEUE:
            history.world.broker.waiting.append(Message(message.queue, message.region, message.body, clock()))
    history.world.drain()
    assert [planted.removals().get(database.id) for database in history.given_up] == ledger
    assert not any(CANARY in message.body for message in history.world.broker.sent)


@pytest.mark.promise("databases.deletion", "databases.destroyed", "databases.grace")
def test_whatever_befalls_messages_workers_and_ticks_it_ends_destroyed(
    clock: SetClock, seeds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(seeds or SHORT):
        try:
            run(History(seed, SetClock(clock())))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert CANARY not in "".join(capsys.readouterr())
