"""The only place that asks the time: aware, UTC, in whole seconds, and injected into everything that needs it."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

OFFSET_VARIABLE = "PRIVACY_CLOCK_OFFSET"
"""Seconds added to the machine's time: set on the local engine by `python -m local travel`, never by the template."""


def system_clock() -> datetime:
    """Now, to the second below: what expires at a second is gone in all of that second."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=int(os.environ.get(OFFSET_VARIABLE) or 0))


def rfc3339(instant: datetime) -> str:
    """An instant as the interface writes it (RFC 3339, UTC, `Z`)."""
    # Not strftime, which writes a year before 1000 with fewer than four digits.
    return instant.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
