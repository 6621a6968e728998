"""The deletion queue: ids in, nothing of a customer's out."""

from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from database_deletion.deletion import Deletion
from database_deletion.parts import DeletionSettings, assemble
from privacy.queues import read
from privacy.settings import load
from privacy.telemetry import failed, logger

STOP_MILLISECONDS = 60_000
"""What a worker keeps of its time, to end a batch and to send itself on."""

Handler = Callable[[Any, Any], Any]


class StepNotDoneError(Exception):
    """A message was not done; it comes again. What went wrong is logged by its kind."""


def build(deletion: Callable[[], Deletion]) -> Handler:
    """The handler over its worker, which is asked for at the first message."""
    log = logger("database_deletion")

    def handler(event: Any, context: Any) -> Any:
        """Lambda's entry point: does what each message asks for; those that failed come again."""

        def has_time() -> bool:
            return bool(context.get_remaining_time_in_millis() > STOP_MILLISECONDS)

        def work(record: SQSRecord) -> None:
            try:
                deletion().work(read(record.body, "database_id", "step"), has_time)
            except Exception as error:
                failed(log, "deletion step not done", error)
                raise StepNotDoneError("a step of a deletion was not done") from None

        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event, work, processor, context)

    return handler


handler = build(cache(lambda: assemble(load(DeletionSettings))))
