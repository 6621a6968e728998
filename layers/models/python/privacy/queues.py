"""Queues carry ids, never personal data: the one place that sends, and refuses what is no id of ours."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from privacy.aws import client

_FIELDS = frozenset(
    {
        "database_id",
        "export_id",
        "job_id",
        "step",
        "store",
        "segment",
        "region",
        "kind",
        "id",
        "account_id",
        "after",
        "version",
    }
)
_VALUE = re.compile(r"[A-Za-z0-9_-]{1,64}")

LONGEST_DELAY = 900
"""Seconds (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html)."""


class NotAnIdError(ValueError):
    """A message may hold ids and words of ours only."""


class MalformedMessageError(ValueError):
    """A queue delivered something that is no message of ours."""


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of the deployment: named alike in every region (`<stack>-<queue>`)."""

    stack: str
    account: str
    clients: Callable[[str, str], Any] = client
    urls: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def send(self, queue: str, aws_region: str, message: Mapping[str, str], *, delay: int = 0) -> None:
        """Send a message of ids, to arrive no sooner than after `delay` seconds.

        Raises: NotAnIdError.
        """
        if not _FIELDS.issuperset(message) or not all(_VALUE.fullmatch(value) for value in message.values()):
            raise NotAnIdError("a queue message holds ids only")
        sqs = self.clients("sqs", aws_region)
        place = (queue, aws_region)
        if place not in self.urls:
            answer = sqs.get_queue_url(QueueName=f"{self.stack}-{queue}", QueueOwnerAWSAccountId=self.account)
            self.urls[place] = answer["QueueUrl"]
        sqs.send_message(
            QueueUrl=self.urls[place], MessageBody=json.dumps(message), DelaySeconds=min(delay, LONGEST_DELAY)
        )


def read(body: str, *needed: str) -> dict[str, str]:
    """The ids in a delivered message.

    Raises: MalformedMessageError when it is no JSON, or lacks one of the `needed` fields, or holds something else.
    """
    try:
        message = json.loads(body)
    except ValueError:
        raise MalformedMessageError("the message is no JSON") from None
    if not isinstance(message, dict) or not set(needed) <= message.keys() <= _FIELDS:
        raise MalformedMessageError("the message has not the fields that it needs")
    if not all(isinstance(value, str) and _VALUE.fullmatch(value) for value in message.values()):
        raise MalformedMessageError("the message holds something that is no id")
    return message
