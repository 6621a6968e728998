"""A tick of the schedule: purge visits, publish how late the purge was, answer in counts."""

from collections.abc import Callable
from functools import cache
from typing import Any

from log_purging.parts import Parts, assemble
from log_purging.purging import purge
from privacy import telemetry
from privacy.schedules import UnknownEventError, read_tick, time_left
from privacy.settings import Deployment, load

FUNCTION = "log_purging"

Handler = Callable[[Any, Any], dict[str, Any]]


class PurgeFailedError(Exception):
    """The visits could not be purged; what went wrong is in the log, by its kind."""


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    log = telemetry.logger(FUNCTION)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        """Lambda's entry point. Raises: PurgeFailedError, so that the alarm sees it."""
        try:
            read_tick(event)
        except UnknownEventError as error:
            telemetry.failed(log, "nothing done", error)
            return {"error": str(error)}
        try:
            swept = purge(parts(), time_left(context))
        except Exception as error:
            telemetry.failed(log, "visits not purged", error)
            raise PurgeFailedError("the visits were not purged") from None
        telemetry.gauge(
            FUNCTION,
            swept.store,
            Removed=swept.removed,
            Held=swept.held,
            RemovalLagSeconds=swept.lag_seconds,
            Left=int(swept.left),
        )
        return {
            swept.store: {
                "removed": swept.removed,
                "held": swept.held,
                "lag_seconds": swept.lag_seconds,
                "left": swept.left,
            }
        }

    return handler


handler = build(cache(lambda: assemble(load(Deployment))))
