"""Queue functions: each message on its own, a failed one again after a while, and nothing of it in a log.

A queue's visibility timeout is six times its function's, an hour and a half for our longest; a message that failed is
shown again after seconds, longer each time, and goes to the dead letters after its fifth try.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from privacy.aws import client
from privacy.queues import read
from privacy.telemetry import failed, logger

Message = dict[str, str]
HasTime = Callable[[], bool]
Handler = Callable[[Any, Any], Any]

STOP_SECONDS = 60
"""Kept of a worker's time, to end what it has in hand and to send itself on."""

FIRST_RETRY_SECONDS = 10
LONGEST_RETRY_SECONDS = 900


class MessageFailedError(Exception):
    """A message was not done. What went wrong is logged by its kind: the text of it may hold a value."""


class UnknownEventError(ValueError):
    """Something else than a queue started the function."""


def consumer(
    function: str,
    needed: tuple[str, ...],
    work: Callable[[Message, HasTime], None],
    clients: Callable[[str, str], Any] = client,
) -> Handler:
    """The Lambda handler that does `work` for every message that has the `needed` ids.

    `work` gets the message and whether there is still time; what it raises makes the message come again.
    """
    log = logger(function)

    def handler(event: Any, context: Any) -> Any:
        """Do what a batch of messages asks for; those that failed come again."""
        if not _is_batch(event):
            error = UnknownEventError("this is not a batch of messages of ours")
            failed(log, "nothing done", error)
            return {"error": str(error)}

        def has_time() -> bool:
            return bool(context.get_remaining_time_in_millis() > STOP_SECONDS * 1000)

        def one(record: SQSRecord) -> None:
            try:
                work(read(record.body, *needed), has_time)
            except Exception as error:
                failed(log, "message failed", error)
                _show_again(record)
                raise MessageFailedError("the message was not done") from None

        def _show_again(record: SQSRecord) -> None:
            tries = int(record.attributes.approximate_receive_count or 1)
            seconds = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (tries - 1))
            try:
                sqs = clients("sqs", record.aws_region)
                url = sqs.get_queue_url(QueueName=record.event_source_arn.rsplit(":", 1)[-1])["QueueUrl"]
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=seconds
                )
            except Exception as error:  # it comes again all the same, only later
                failed(log, "retry not hastened", error)

        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event, one, processor, context)

    return handler


def _is_batch(event: Any) -> bool:
    """Whether an event is what Lambda makes of a queue's messages: one at least, and nothing else among them."""
    records = event.get("Records") if isinstance(event, dict) else None
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(record, dict) and record.get("eventSource") == "aws:sqs" for record in records)
    )
