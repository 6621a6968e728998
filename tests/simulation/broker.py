"""SQS as it really is, under a clock that the test sets: at least once, late, in any order, and then dead letters.

moto's queues follow the machine's time and call no function, so the simulation brings its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.unit.engine import STACK

VISIBILITY = timedelta(seconds=5400)
"""How long a message that was handed out stays hidden (template.yaml, the work queues)."""

RECEIVES = 5
"""How often a message is handed out before it goes to the dead letters (template.yaml)."""


@dataclass(eq=False)
class Message:
    """A message in a queue of a region; it can be handed out from `visible_at` on. Two with the same ids are two."""

    queue: str
    region: str
    body: str
    visible_at: datetime
    receives: int = 0

    @property
    def ids(self) -> dict[str, str]:
        content: dict[str, str] = json.loads(self.body)
        return content


@dataclass
class Broker:
    """All queues of both regions. `lose` decides whether a message is lost after it was taken."""

    clock: Callable[[], datetime]
    lose: Callable[[], bool] = lambda: False
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)

    def copied(self) -> "Broker":
        """The same queues apart, as they are now."""
        same = {id(message): replace(message) for message in [*self.waiting, *self.dead, *self.sent]}
        kept = [[same[id(message)] for message in messages] for messages in (self.waiting, self.dead, self.sent)]
        return Broker(self.clock, self.lose, *kept)

    def client(self, region: str) -> "Sqs":
        """The part of a boto3 SQS client that sends."""
        return Sqs(self, region)

    def due(self, queue: str) -> list[Message]:
        """What a queue (of both regions) can hand out now."""
        return [message for message in self._in(queue) if message.visible_at <= self.clock()]

    def next_at(self, queue: str) -> datetime | None:
        """When a queue can hand out the next message."""
        return min((message.visible_at for message in self._in(queue)), default=None)

    def _in(self, queue: str) -> list[Message]:
        return [message for message in self.waiting if message.queue == queue]

    def receive(self, message: Message) -> bool:
        """Hand a message out, or move it to the dead letters when that was done too often."""
        if message.receives >= RECEIVES:
            self.delete(message)
            self.dead.append(message)
            return False
        message.receives += 1
        message.visible_at = self.clock() + VISIBILITY
        return True

    def delete(self, message: Message) -> None:
        """What Lambda's poller does when the function did not report a failure; gone already is no error."""
        if message in self.waiting:
            self.waiting.remove(message)


@dataclass
class Sqs:
    """A boto3 SQS client of one region, as far as `privacy.queues` calls it."""

    broker: Broker
    region: str

    def get_queue_url(self, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, str]:  # noqa: N803
        return {"QueueUrl": f"https://sqs.{self.region}/{QueueOwnerAWSAccountId}/{QueueName}"}

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> dict[str, Any]:  # noqa: N803
        assert 0 <= DelaySeconds <= 900
        queue = QueueUrl.rsplit("/", 1)[1].removeprefix(f"{STACK}-")
        visible_at = self.broker.clock() + timedelta(seconds=DelaySeconds)
        message = Message(queue, self.region, MessageBody, visible_at)
        self.broker.sent.append(message)
        if not self.broker.lose():
            self.broker.waiting.append(message)
        return {"MessageId": str(len(self.broker.sent))}
