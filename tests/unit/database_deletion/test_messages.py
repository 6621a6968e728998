"""What the deletion queue may deliver, and what each sample event does."""

from typing import Any

import pytest

from database_deletion import app
from database_deletion.parts import DeletionSettings, assemble
from privacy.settings import SettingsError, load
from tests.simulation.world import World
from tests.unit import engine
from tests.unit.database_deletion import planted
from tests.unit.database_deletion.planted import DELETION
from tests.unit.engine import Context, failures, sample, sqs_event

SAMPLED = "db_aaaaaaaaaaaaaaaaaaaaaaaaaa"
"""The database of the sample events."""


def deliver(world: World, event: Any) -> Any:
    settings = load(DeletionSettings, engine.environment(DELETION))
    return app.build(lambda: assemble(settings, world.clock, world.faults))(event, Context(900))


def planted_sample(world: World) -> None:
    made = planted.database(world.clock(), database_id=SAMPLED)
    planted.fill(made, world.clock())
    planted.give_up(made, world.clock())


@pytest.mark.promise("databases.deletion")
def test_the_sample_messages_destroy_the_sampled_database(world: World) -> None:
    planted_sample(world)

    assert failures(deliver(world, sample("database_deletion/start"))) == []
    assert failures(deliver(world, sample("database_deletion/region"))) == []
    assert failures(deliver(world, sample("database_deletion/segment"))) == []
    world.clock.advance(seconds=960)
    assert failures(deliver(world, sample("database_deletion/verify"))) == []

    assert planted.is_destroyed(SAMPLED)
    assert planted.left(SAMPLED) == []


def test_the_sample_of_an_unknown_database_leaves_a_fence(world: World) -> None:
    assert failures(deliver(world, sample("database_deletion/unknown-database"))) == []
    assert planted.tombstone("db_77777777777777777777777777")["key"]["state"] == "destroyed"


@pytest.mark.parametrize(
    "body",
    [
        "delete everything, please",
        "[]",
        "null",
        "{}",
        {"database_id": SAMPLED},
        {"step": "start"},
        {"database_id": SAMPLED, "step": "destroy"},
        {"database_id": SAMPLED, "step": 1},
        {"database_id": SAMPLED, "step": "start", "name": "somebody"},
        {"database_id": "../../etc", "step": "start"},
        {"database_id": "db_short", "step": "start"},
        {"database_id": "acc_aaaaaaaaaaaaaaaaaaaaaaaaaa", "step": "start"},
        {"database_id": SAMPLED + "\n", "step": "start"},
    ],
)
def test_a_message_that_is_none_of_ours_fails_alone_and_does_nothing(
    world: World, body: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    planted_sample(world)
    before = planted.left(SAMPLED)

    assert failures(deliver(world, sqs_event([body], "deletion"))) == ["message-0"]

    assert planted.left(SAMPLED) == before
    logged = "".join(capsys.readouterr())
    assert "MalformedMessageError" in logged
    assert "somebody" not in logged
    assert "please" not in logged


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"store": "records"},
        {"store": "records", "segment": "0"},
        {"region": "asia", "store": "records", "segment": "99"},
        {"region": "asia", "store": "accounts", "segment": "0"},
        {"region": "europe", "store": "records", "segment": "0"},
        {"region": "americas", "store": "jobs", "segment": "0"},
    ],
)
def test_a_segment_that_is_not_there_fails_its_message(world: World, named: dict[str, str]) -> None:
    planted_sample(world)
    deliver(world, sample("database_deletion/start"))

    event = sqs_event([{"database_id": SAMPLED, "step": "segment", **named}], "deletion")

    assert failures(deliver(world, event)) == ["message-0"]
    assert failures(deliver(world, sample("database_deletion/bad-no-segment")))


@pytest.mark.parametrize("named", [{}, {"region": "europe"}])
def test_a_region_that_is_none_of_ours_fails_its_message(world: World, named: dict[str, str]) -> None:
    planted_sample(world)
    deliver(world, sample("database_deletion/start"))

    assert failures(deliver(world, sqs_event([{"database_id": SAMPLED, "step": "region", **named}], "deletion")))


def test_a_segment_whose_deletion_was_never_begun_begins_it(world: World) -> None:
    planted_sample(world)

    assert failures(deliver(world, sample("database_deletion/segment"))) == []

    assert planted.removals().get(SAMPLED)
    assert planted.tombstone(SAMPLED)["key"]["state"] == "destroyed"


def test_one_broken_message_keeps_no_other_of_its_batch_from_being_done(world: World) -> None:
    planted_sample(world)
    event = sample("database_deletion/bad-one-in-a-batch")

    assert failures(deliver(world, event)) == [event["Records"][1]["messageId"]]
    assert planted.removals().get(SAMPLED)
    assert failures(deliver(world, sample("database_deletion/bad-no-json")))


@pytest.mark.parametrize("event", [None, [], {}, {"Records": []}, {"Records": "x"}, {"source": "aws.events"}, "start"])
def test_an_event_that_no_queue_sends_is_refused_with_a_clear_error(world: World, event: Any) -> None:
    assert deliver(world, event) == {"error": "this is not a batch of messages of ours"}
    assert world.faults.calls == []


def test_the_settings_name_what_is_missing_and_no_value() -> None:
    environment = engine.environment(DELETION) | {"SETTLE_SECONDS": "soon"}
    del environment["STACK"]
    with pytest.raises(SettingsError, match="SETTLE_SECONDS, STACK") as raised:
        load(DeletionSettings, environment)
    assert "soon" not in str(raised.value)
