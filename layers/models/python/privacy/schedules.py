"""Schedule functions: at each tick every store is swept, each on its own, and says how late it was.

Nothing in a tick is used: what is due is derived from the stores, so one that fails to come costs nothing but time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from privacy.removal.sweep import HasTime, SweepError, Swept, together
from privacy.telemetry import failed, gauge, logger

Sweep = Callable[[HasTime], Swept]
Handler = Callable[[Any, Any], dict[str, Any]]

MARGIN_SECONDS = 20
"""Kept of a function's timeout to finish the batch in hand, publish what was done and answer."""


class UnknownEventError(ValueError):
    """Something else than a schedule started the function."""


class SweepFailedError(Exception):
    """Some of what is due was not done; the text names the stores. What went wrong is logged by its kind."""


def scheduled(function: str, sweeps: Callable[[], Mapping[str, Iterable[Sweep]]]) -> Handler:
    """The Lambda handler that runs the sweeps of each store at a tick, in their order, and answers in counts.

    A store's figures are published only when all its sweeps have looked into it: its alarm takes missing ones for a
    breach, and no figure is better than a wrong one.
    """
    log = logger(function)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        """Sweep every store. Raises: SweepFailedError in the end, so that Lambda tries again and the alarm sees it."""
        if not _is_tick(event):
            unknown = UnknownEventError("this is not a tick of a schedule of ours")
            failed(log, "nothing done", unknown)
            return {"error": str(unknown)}

        def has_time() -> bool:
            return bool(context.get_remaining_time_in_millis() > MARGIN_SECONDS * 1000)

        answer: dict[str, Any] = {}
        broken: list[str] = []
        for store, its_sweeps in sweeps().items():
            outcomes = [_outcome(sweep, has_time) for sweep in its_sweeps]
            errors = [error for _, error in outcomes if error]
            for error in errors:
                failed(log, f"{store} not wholly swept", error)
            if errors:
                broken.append(store)
            swept = [swept for swept, _ in outcomes if swept]
            if len(swept) == len(outcomes):
                answer[store] = _published(function, store, together(swept))
        if broken:
            raise SweepFailedError(f"not swept: {', '.join(broken)}")
        return answer

    return handler


def _is_tick(event: Any) -> bool:
    return isinstance(event, dict) and event.get("source") == "aws.events" and "detail-type" in event


def _outcome(sweep: Sweep, has_time: HasTime) -> tuple[Swept | None, Exception | None]:
    """What a sweep did, unless it could not look, and the error with which all or some of it failed."""
    try:
        return sweep(has_time), None
    except SweepError as error:
        return error.swept, error
    except Exception as error:  # logged by its kind, and raised in the end
        return None, error


def _published(function: str, store: str, swept: Swept) -> dict[str, Any]:
    """The counts of a store, as they are answered; the same are its metrics."""
    told = {"held": swept.held, "stalled": swept.stalled, "unreadable": swept.unreadable}
    known = {name: count for name, count in told.items() if count is not None}
    gauge(
        function,
        store,
        Removed=swept.removed,
        Failed=swept.failed,
        RemovalLagSeconds=swept.lag_seconds,
        Left=int(swept.left),
        **{name.capitalize(): count for name, count in known.items()},
    )
    return {"removed": swept.removed, "lag_seconds": swept.lag_seconds, "left": swept.left, **known}
