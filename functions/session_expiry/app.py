"""A tick of the schedule: sweep every store, publish how late each was, answer in counts."""

from collections.abc import Callable
from functools import cache
from typing import Any

from privacy import telemetry
from privacy.schedules import UnknownEventError, read_tick, time_left
from privacy.settings import Deployment, load
from session_expiry.parts import Parts, assemble
from session_expiry.sweeping import sweep_all

FUNCTION = "session_expiry"

Handler = Callable[[Any, Any], dict[str, Any]]


class SweepFailedError(Exception):
    """Some stores could not be swept; the text names the stores."""


def build(parts: Callable[[], Parts]) -> Handler:
    """The handler over its parts, which are asked for at the first tick."""
    log = telemetry.logger(FUNCTION)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        """Lambda's entry point. Raises: SweepFailedError, after the other stores were swept, for the alarm to see."""
        try:
            read_tick(event)
        except UnknownEventError as error:
            telemetry.failed(log, "nothing done", error)
            return {"error": str(error)}
        broken: list[str] = []

        def failed(store: str, error: Exception) -> None:
            telemetry.failed(log, f"{store} not wholly swept", error)
            broken.append(store)

        swept = sweep_all(parts(), time_left(context), failed)
        for one in swept:
            telemetry.gauge(
                FUNCTION,
                one.store,
                Removed=one.removed,
                Failed=one.failed,
                RemovalLagSeconds=one.lag_seconds,
                Left=int(one.left),
            )
        if broken:
            raise SweepFailedError(f"not swept: {', '.join(sorted(set(broken)))}")
        return {one.store: {"removed": one.removed, "lag_seconds": one.lag_seconds, "left": one.left} for one in swept}

    return handler


handler = build(cache(lambda: assemble(load(Deployment))))
