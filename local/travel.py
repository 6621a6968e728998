"""Moving the deployed functions' clock: only on the local engine, as the template sets no such variable."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import isodate

from local import functions
from local.engine import Engine

VARIABLE = "PRIVACY_CLOCK_OFFSET"
"""Seconds that the functions add to the machine's time (`privacy.clock`)."""


FURTHEST = timedelta(days=3660)
"""How far ahead the clock goes: longer than any retention period, and no year that a library does not know."""


class TravelError(Exception):
    """A duration cannot be read, or leads where the clock does not go."""


def offset(folder: Path) -> timedelta:
    """How far ahead the functions' clock is now."""
    try:
        return timedelta(seconds=int(_path(folder).read_text()))
    except (OSError, ValueError):
        return timedelta()


def now(folder: Path) -> datetime:
    """What the functions take for the time."""
    return datetime.now(UTC) + offset(folder)


def further(ahead: timedelta, duration: str, now: datetime) -> timedelta:
    """How far ahead the clock is when it was moved on by an ISO 8601 duration, whose months and years count from now.

    Raises: TravelError.
    """
    try:
        read = isodate.parse_duration(duration)
    except (isodate.ISO8601Error, ValueError, OverflowError):
        raise TravelError(f"{duration!r} is no ISO 8601 duration: try P7D, P3M or PT1H") from None
    try:
        ahead += read if isinstance(read, timedelta) else read.totimedelta(start=now)
    except (ValueError, OverflowError):
        ahead = timedelta.max
    if ahead < timedelta():
        raise TravelError("the clock goes ahead only; `travel --reset` comes back to the machine's time")
    if ahead > FURTHEST:
        raise TravelError("that is too far: the clock goes ten years ahead at most")
    return ahead


def travel(engine: Engine, regions: Iterable[str], ahead: timedelta) -> None:
    """Set the clock of every function ahead of the machine's, and remember it for the next start."""
    _path(engine.folder).write_text(str(int(ahead.total_seconds())))
    for region in regions:
        client = engine.client("lambda", region)
        for name in functions.all_names(engine, region):
            known = client.get_function_configuration(FunctionName=name)
            variables = known.get("Environment", {}).get("Variables", {})
            wanted = {key: value for key, value in variables.items() if key != VARIABLE}
            if ahead:
                wanted[VARIABLE] = str(int(ahead.total_seconds()))
            if wanted != variables:  # changing a function ends its warm workers
                client.update_function_configuration(FunctionName=name, Environment={"Variables": wanted})


def _path(folder: Path) -> Path:
    return folder / "clock-offset"
