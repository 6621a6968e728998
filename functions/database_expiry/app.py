"""A tick of the schedule: do what is due, publish how late it was, answer in counts."""

from collections.abc import Callable
from functools import cache
from typing import Any

from database_expiry.parts import Parts, assemble
from database_expiry.sweeping import sweep_all
from privacy import telemetry
from privacy.schedules import UnknownEventError, read_tick, time_left
from privacy.settings import Deployment, load

FUNCTION = "database_expiry"

Handler = Callable[[Any, Any], dict[str, Any]]


class ExpiryFailedError(Exception):
    """Some of what is due could not be done; the text names the stores. What went wrong is logged by its kind."""


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    log = telemetry.logger(FUNCTION)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        """Lambda's entry point. Raises: ExpiryFailedError after all the rest was done, so that the alarm sees it."""
        try:
            read_tick(event)
        except UnknownEventError as error:
            telemetry.failed(log, "nothing done", error)
            return {"error": str(error)}
        answer: dict[str, Any] = {}
        broken: list[str] = []
        for outcome in sweep_all(parts(), time_left(context)):
            swept = outcome.swept
            telemetry.gauge(
                FUNCTION,
                swept.store,
                Removed=swept.removed,
                RemovalLagSeconds=swept.lag_seconds,
                Left=int(swept.left),
                Stalled=outcome.stalled,
            )
            answer[swept.store] = {
                "removed": swept.removed,
                "lag_seconds": swept.lag_seconds,
                "left": swept.left,
                "stalled": outcome.stalled,
            }
            if outcome.error:
                telemetry.failed(log, f"{swept.store} not swept", outcome.error)
                broken.append(swept.store)
        if broken:
            raise ExpiryFailedError(f"not swept: {', '.join(broken)}")
        return answer

    return handler


handler = build(cache(lambda: assemble(load(Deployment))))
