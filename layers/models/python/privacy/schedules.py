"""Ticks of a schedule: what EventBridge sends, and how long a sweep may go on before Lambda ends it."""

from collections.abc import Callable
from typing import Any

MARGIN_SECONDS = 20
"""Kept of a function's timeout to finish the batch in hand, publish what was done and answer."""


class UnknownEventError(ValueError):
    """Something else than a schedule started the function."""


def read_tick(event: Any) -> None:
    """Check that an event is a schedule's. Nothing in it is used: what is due is derived from the stores.

    Raises: UnknownEventError.
    """
    if not isinstance(event, dict) or event.get("source") != "aws.events" or "detail-type" not in event:
        raise UnknownEventError("this is not a tick of a schedule of ours")


def time_left(context: Any) -> Callable[[], bool]:
    """Says whether there is still time for another batch (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""
    return lambda: context.get_remaining_time_in_millis() > MARGIN_SECONDS * 1000
