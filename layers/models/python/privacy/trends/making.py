"""The reports that are missing: one for each closed month and subject, made once, derived from state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from privacy.clock import Clock
from privacy.models.trends import Month, Report
from privacy.policy import Policy, versions
from privacy.removal.sweep import HasTime, Swept
from privacy.tables.trends import Reports
from privacy.trends.cells import Noise, published
from privacy.trends.people import OutOfTimeError, Row, count

SETTLING = timedelta(hours=1)
"""After a month's end: by then what was under way at midnight has been written, and the indexes show it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about: its tables, how to read its rows of a month, and the period (an id of the register)
    after which the first of them may be gone.
    """

    name: str
    tables: tuple[str, ...]
    rows: Callable[[Month], Iterator[list[Row]]]
    lasts: str


@dataclass(frozen=True, slots=True)
class Making:
    """What makes the reports of a subject; `key` is asked for when it is needed."""

    subject: Subject
    reports: Reports
    policy: Policy
    clock: Clock
    key: Callable[[], bytes]

    def make(self, has_time: HasTime) -> Swept:
        """Make every report that is missing until time is up, the oldest first. Here `removed` counts what was made,
        and the lag is how long ago the oldest month ended that had none.
        """
        made, lag = 0, 0
        for month in self._missing(self.clock()):
            lag = max(lag, int((self.clock() - month.ends).total_seconds()))
            try:
                report = self._report(month, has_time)
            except OutOfTimeError:
                return Swept(made, lag, left=True)
            made += self.reports.publish(report)
        return Swept(made, lag, left=False)

    def _missing(self, now: datetime) -> Iterator[Month]:
        """The closed months that can still be counted whole and have no report, from our first policy on."""
        lasts, kept = self.policy.retention[self.subject.lasts], self.policy.retention["trends"]
        began = min(versions())
        for month in Month(began.year, began.month).up_to(Month.of(now)):
            closed = month.ends + SETTLING <= now
            whole = not lasts.over(month.begins, now)
            # Without the last one, a report that expired would be made anew each day.
            if closed and whole and not kept.over(month.ends, now) and not self.reports.has(self.subject.name, month):
                yield month

    def _report(self, month: Month, has_time: HasTime) -> Report:
        """Count a month and keep of it what may be told. Raises: OutOfTimeError."""
        counts = count(lambda: self.subject.rows(month), self.subject.tables, has_time)
        noise, least = Noise(self.key(), f"{self.subject.name}/{month}"), self.policy.least_people
        told = {
            table: published(people, noise.of(table), least)
            for table, people in zip(self.subject.tables, counts, strict=True)
        }
        return Report(self.subject.name, month, self.clock(), self.policy.version.isoformat(), least, told)
