"""The trends table: reports about groups, for the period `trends` from when they were made.

Key `id`: `<subject>#<month>`. A report is written once and never changed. Index `due` (`shard`, `made_at`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr

from privacy.models.trends import Month, Report
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import ConditionFailedError, Item, Table, epoch, instant, shard_of


@dataclass(frozen=True, slots=True)
class Reports:
    """Typed access to the trends table."""

    table: Table
    policy: Policy

    def publish(self, report: Report) -> bool:
        """Write a month's report, unless there is one: whether this one is it."""
        item: Item = {
            "id": _id(report.subject, report.month),
            "subject": report.subject,
            "month": str(report.month),
            "made_at": epoch(report.made_at),
            "policy_version": report.policy_version,
            "least_people": report.least_people,
            "tables": {by: dict(cells) for by, cells in report.tables.items()},
            "shard": shard_of(_id(report.subject, report.month)),
            "ttl": epoch(self.policy.retention["trends"].after(report.made_at)),
        }
        try:
            self.table.put(item, Attr("id").not_exists())
        except ConditionFailedError:
            return False
        return True

    def has(self, subject: str, month: Month) -> bool:
        """Whether a month has its report."""
        return self.table.get({"id": _id(subject, month)}) is not None

    def of(self, subjects: Iterable[str], months: Iterable[Month], now: datetime) -> Iterator[Report]:
        """The reports that there are of some months and have not expired, in no order."""
        places = [(subject, month) for month in months for subject in subjects]
        for item in self.table.get_all({"id": _id(subject, month)} for subject, month in places):
            if not self.expiring().is_over(item, now):
                yield _report(item)

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "id", "due", "made_at", self.policy.retention["trends"])


def _id(subject: str, month: Month) -> str:
    return f"{subject}#{month}"


def _report(item: Item) -> Report:
    return Report(
        subject=item["subject"],
        month=Month.parse(item["month"]),
        made_at=instant(item["made_at"]),
        policy_version=item["policy_version"],
        least_people=item["least_people"],
        tables=item["tables"],
    )
