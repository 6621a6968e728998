"""Retention periods: ISO 8601 durations counted in calendar months and UTC."""

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import isodate
from dateutil.relativedelta import relativedelta

_COUNT = re.compile(r"(\d+)([A-Z])")
_DATED = {"Y": "year", "M": "month", "W": "week", "D": "day"}
_TIMED = {"H": "hour", "M": "minute", "S": "second"}

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)

_AROUND_DAYS = 5
"""Around "so many months before": month ends take at most 3 days away, and a period may have hours."""


class PeriodError(ValueError):
    """The text is not an ISO 8601 duration that a retention period can have."""


@dataclass(frozen=True, slots=True)
class Period:
    """A retention period, such as `P21D` or `P3M`: months are calendar months, so `P1M` from 31 January ends on
    28 or 29 February, never later (promises.md, introduction).
    """

    text: str
    delta: relativedelta

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read an ISO 8601 duration.

        Raises: PeriodError when it is none, or is not longer than nothing.
        """
        try:
            duration = isodate.parse_duration(text)
        except (isodate.ISO8601Error, TypeError):
            raise PeriodError("a retention period is an ISO 8601 duration such as P12M") from None
        if isinstance(duration, timedelta):
            delta = relativedelta(seconds=int(duration.total_seconds()))
        else:
            delta = relativedelta(
                years=int(duration.years), months=int(duration.months), seconds=int(duration.tdelta.total_seconds())
            )
        epoch = datetime(2000, 1, 1, tzinfo=UTC)
        if epoch + delta <= epoch:
            raise PeriodError("a retention period is longer than nothing")
        return cls(text, delta)

    @property
    def words(self) -> str:
        """The period as a person says it: `12 months`, `15 minutes`, `1 day and 12 hours`."""
        dated, _, timed = self.text.lstrip("P").partition("T")
        counts = [(int(count), _DATED[unit]) for count, unit in _COUNT.findall(dated)]
        counts += [(int(count), _TIMED[unit]) for count, unit in _COUNT.findall(timed)]
        return " and ".join(f"{count} {unit if count == 1 else f'{unit}s'}" for count, unit in counts if count)

    def longer_than(self, other: "Period") -> bool:
        """Whether something is kept longer by this period than by another, in any month of the year."""
        months = [datetime(2000, month, 1, tzinfo=UTC) for month in range(1, 13)]
        return any(self.after(origin) > other.after(origin) for origin in months)

    def after(self, origin: datetime) -> datetime:
        """The instant at which what began at `origin` (aware) ends: from this second on it is gone."""
        return origin.astimezone(UTC) + self.delta

    def over(self, origin: datetime, now: datetime) -> bool:
        """Whether what began at `origin` has ended at `now`."""
        return self.after(origin) <= now

    def latest_origin_over(self, now: datetime) -> datetime:
        """The latest whole second that is over at `now`: the upper end of a query for what is due.

        Not all before it need be over, so ask `over` of what is found: where months end early, days share an end, and
        on 28 February at noon 30 January, 10:00 is over and 29 January, 14:00 is not (`origins_spared`).
        """
        return self._origins_over(now)[-1][1]

    def origins_spared(self, now: datetime) -> list[tuple[datetime, datetime]]:
        """The stretches before `latest_origin_over` that are not over yet, each from its first to its last second."""
        over = self._origins_over(now)
        return [
            (earlier[1] + _SECOND, later[0] - _SECOND)
            for earlier, later in itertools.pairwise(over)
            if earlier[1] + _SECOND < later[0]
        ]

    def earliest_origin_alive(self, now: datetime) -> datetime:
        """The earliest whole second that is not over: the lower end of a query for what may be read."""
        return self._origins_over(now)[0][1] + _SECOND

    def _origins_over(self, now: datetime) -> list[tuple[datetime, datetime]]:
        """What is over of each UTC day around the boundary, joined where nothing lies between: within a day the end
        moves on as its origin does.
        """
        now = now.astimezone(UTC).replace(microsecond=0)
        near = (now - self.delta).replace(hour=0, minute=0, second=0)
        joined: list[tuple[datetime, datetime]] = []
        for number in range(-_AROUND_DAYS, _AROUND_DAYS + 1):
            start = near + timedelta(days=number)
            last = min(start + _DAY - _SECOND, start + (now - self.after(start)))
            if last < start:
                continue
            if joined and joined[-1][1] + _SECOND == start:
                start = joined.pop()[0]
            joined.append((start, last))
        return joined
