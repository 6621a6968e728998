"""Moving the deployed functions' clock: only on the local engine, as the template sets no such variable."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import isodate

from local import functions
from local.engine import Engine

VARIABLE = "PRIVACY_CLOCK_OFFSET"
"""Seconds that the functions add to the machine's time (`privacy.clock`)."""


class TravelError(Exception):
    """A duration cannot be read."""


def offset(folder: Path) -> timedelta:
    """How far ahead the functions' clock is now."""
    try:
        return timedelta(seconds=int(_path(folder).read_text()))
    except (OSError, ValueError):
        return timedelta()


def now(folder: Path) -> datetime:
    """What the functions take for the time."""
    return datetime.now(UTC) + offset(folder)


def span(duration: str, start: datetime) -> timedelta:
    """An ISO 8601 duration, its months and years counted from an instant.

    Raises: TravelError when it is none.
    """
    try:
        read = isodate.parse_duration(duration)
    except (isodate.ISO8601Error, ValueError):
        raise TravelError(f"{duration!r} is no ISO 8601 duration: try P7D, P3M or PT1H") from None
    return read if isinstance(read, timedelta) else read.totimedelta(start=start)


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
