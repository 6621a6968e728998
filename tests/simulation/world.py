"""The deletion and expiry functions in a world of the test's own: its clock, its queues, its faults."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from database_deletion import app as deletion_app
from database_deletion.deletion import QUEUE
from database_deletion.parts import DeletionSettings
from database_deletion.parts import assemble as deletion_parts
from database_expiry import app as expiry_app
from database_expiry.parts import assemble as expiry_parts
from privacy.aws import client
from privacy.models.databases import Database
from privacy.queues import Queues
from privacy.removal.stores import PAGE
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from tests.simulation.broker import Broker, Message
from tests.simulation.faults import CrashError, Faults
from tests.unit import engine
from tests.unit.database_deletion.planted import DELETION, EXPIRY, POLICY
from tests.unit.engine import Context, SetClock, failures, schedule_event, sqs_event

TICK = timedelta(minutes=15)
"""How often database expiry runs (template.yaml)."""


@dataclass
class World:
    """`seconds` is the time that a worker of the deletion has, `per_call` what a call to AWS takes of it, `page`
    how many things make a batch.
    """

    clock: SetClock
    seconds: float = 900.0
    per_call: float = 0.0
    page: int = PAGE
    broker: Broker = field(init=False)
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.clock)
        self.faults = Faults(self._client)

    def _client(self, service: str, region: str) -> Any:
        return self.broker.client(region) if service == "sqs" else client(service, region)

    def monotonic(self) -> float:
        return self.per_call * len(self.faults.calls)

    def start(self, database: Database) -> None:
        """The message that `POST /databases/{id}/deletion` and the end of grace send."""
        self.send({"database_id": database.id, "step": "start"})

    def send(self, message: dict[str, str], region: str = "asia") -> None:
        """Any message to the deletion queue of a Cloud Region."""
        Queues(engine.STACK, engine.ACCOUNT, self._client).send(QUEUE, POLICY.regions[region].aws, message)

    def deliver(self, message: Message) -> bool:
        """Give a message to a fresh worker of its region; whether it was done and so goes from the queue."""
        if not self.broker.receive(message):
            return False
        settings = load(DeletionSettings, engine.environment(DELETION, message.region))
        deletion = replace(deletion_parts(settings, self.clock, self.faults), monotonic=self.monotonic, page=self.page)
        context = Remaining(self, self.monotonic())
        try:
            answer = deletion_app.build(lambda: deletion)(
                sqs_event([message.body], "deletion", message.region), context
            )
        except CrashError:
            return False
        if failures(answer):
            return False
        self.broker.delete(message)
        return True

    def tick(self) -> dict[str, Any] | None:
        """A tick of database expiry in a fresh worker; None when it failed."""
        parts = expiry_parts(load(Deployment, engine.environment(EXPIRY)), self.clock, self.faults)
        try:
            return expiry_app.build(lambda: parts)(schedule_event(self.clock()), Context())
        except (CrashError, SweepFailedError):
            return None

    def drain(self) -> None:
        """Deliver what can be delivered now, in order, until nothing is left that can be."""
        while due := self.broker.due(QUEUE):
            self.deliver(due[0])

    def run(self, *, until: Callable[[], bool], ticks: bool = False, longest: timedelta = timedelta(days=2)) -> None:
        """Let time pass from message to message (and tick to tick) until something holds."""
        end = self.clock() + longest
        next_tick = self.clock() + TICK
        self.drain()
        while not until():
            moments = [moment for moment in (self.broker.next_at(QUEUE), next_tick if ticks else None) if moment]
            assert moments, "nothing is under way any more"
            self.clock.set(max(self.clock(), min(moments)))
            assert self.clock() < end, "it takes too long"
            if ticks and self.clock() >= next_tick:
                self.tick()
                next_tick += TICK
            self.drain()


@dataclass
class Remaining(Context):
    """A context whose time runs with the calls that the worker makes."""

    world: World | None = None
    begun: float = 0.0

    def __init__(self, world: World, begun: float) -> None:
        super().__init__()
        self.world, self.begun = world, begun

    def get_remaining_time_in_millis(self) -> int:
        assert self.world is not None
        return int((self.world.seconds - (self.world.monotonic() - self.begun)) * 1000)
