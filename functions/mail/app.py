"""Messages of the mail queue, each on its own: one that fails is delivered again, and then goes to the dead letters."""

from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mail.parts import MailSettings, Parts, assemble
from mail.writing import write
from privacy.settings import load
from privacy.telemetry import failed, logger

Handler = Callable[[Any, Any], Any]


class MailNotSentError(Exception):
    """A message was not done. What went wrong is logged by its kind: the text of it may name an address."""


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first message."""
    log = logger("mail")
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    def one(record: SQSRecord) -> None:
        try:
            write(parts(), record.body)
        except Exception as error:
            failed(log, "mail not sent", error)
            raise MailNotSentError("the mail was not sent") from None

    def handler(event: Any, context: Any) -> Any:
        """Lambda's entry point."""
        return process_partial_response(event=event, record_handler=one, processor=processor, context=context)

    return handler


handler = build(cache(lambda: assemble(load(MailSettings))))
