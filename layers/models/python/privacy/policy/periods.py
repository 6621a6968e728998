"""Retention periods: ISO 8601 durations counted in calendar months and UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import isodate
from dateutil.relativedelta import relativedelta

# The longest distance between "n calendar months before" and the true origin: month ends clamp by at most 3 days.
_CLAMP = timedelta(days=4)


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

    def after(self, origin: datetime) -> datetime:
        """The instant at which what began at `origin` (aware) ends: from this second on it is gone."""
        return origin.astimezone(UTC) + self.delta

    def over(self, origin: datetime, now: datetime) -> bool:
        """Whether what began at `origin` has ended at `now`."""
        return self.after(origin) <= now

    def latest_origin_over(self, now: datetime) -> datetime:
        """The latest whole second that is over at `now`: the upper end of a query for what is due.

        Calendar months cannot simply be subtracted (29 and 30 January both end on 28 February), but the end never
        moves back when the origin moves on, so the boundary is found by bisection.
        """
        near = now.astimezone(UTC).replace(microsecond=0) - self.delta
        low, high = near - _CLAMP, near + _CLAMP
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            low, high = (middle, high) if self.over(middle, now) else (low, middle)
        return low
